import type { FunctionSpec } from "../../infra/build/functions.ts";
import { functionResources } from "../../shared/sagas/function-resources.ts";

/** The functions of an intent of fixtures/<name>-intent.ts, as a deployment has them: its own, and the API that knows no other. */
export function functionsOf(name: string, intentType: string): readonly FunctionSpec[] {
  const spec = (target: string, made: string, factory: string, type?: string): FunctionSpec => ({
    name: target,
    kind: type === undefined ? "api" : "intent",
    intentType: type,
    schedule: undefined,
    resources: functionResources(target),
    timeoutMs: 60_000,
    callsRunner: false,
    entry: `
    import { ${factory} } from "./functions/deployed-function.ts";
    import { ${name} as definition } from "./tests/e2e/fixtures/${name}-intent.ts";
    export const ${target} = ${made}.http;`,
  });
  return [
    spec(name, "intentFunction(definition, [])", "intentFunction", intentType),
    spec(`${name}_api`, "apiFunction([definition])", "apiFunction"),
  ];
}
