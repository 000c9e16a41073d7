import { intents } from "../../functions/catalog.ts";
import { RuntimeError } from "../../shared/errors.ts";
import type { IntentDefinition } from "../../shared/sagas/intent-definition.ts";

/** A deployed function: what it is called, and the module that makes it. */
export interface FunctionSpec {
  /** The bundle's name, and its target under the http signature; `<name>_event` is that of the cloudevent signature. */
  readonly name: string;
  readonly kind: "intent" | "api" | "job";
  /** The intent that it is the function of; its topic's pushes are for it. */
  readonly intentType: string | undefined;
  /** The source text of its entry, with imports from the repository's root. */
  readonly entry: string;
}

const JOBS = { log_retention: "logRetention", outbox_relay: "outboxRelay", recovery_sweep: "recoverySweep" };

/** Every function of the product: one for each intent, and those of the platform. */
export function functionSpecs(): readonly FunctionSpec[] {
  return [...intents.map(intentSpec), apiSpec(), ...Object.entries(JOBS).map(([name, job]) => jobSpec(name, job))];
}

function intentSpec(definition: IntentDefinition): FunctionSpec {
  const { name, type } = definition;
  const called = calledBy(definition);
  // By names of their own: an intent of one word is called what its target is called.
  const imports = [definition, ...called].map(
    (each, index) =>
      `import { ${camelCase(each.name)} as intent${index} } from "./functions/${each.realm}/${each.name.replaceAll("_", "-")}.ts";`,
  );
  const list = called.map((_, index) => `intent${index + 1}`).join(", ");
  const entry = entryOf("intentFunction", name, `intentFunction(intent0, [${list}])`, imports);
  return { name, kind: "intent", intentType: type, entry };
}

function apiSpec(): FunctionSpec {
  const imports = [`import { intents } from "./functions/catalog.ts";`];
  const entry = entryOf("apiFunction", "runtime_api", "apiFunction(intents)", imports);
  return { name: "runtime_api", kind: "api", intentType: undefined, entry };
}

function jobSpec(name: string, job: string): FunctionSpec {
  const imports = [
    `import { intents } from "./functions/catalog.ts";`,
    `import { ${job} } from "./functions/platform/${name.replaceAll("_", "-")}.ts";`,
  ];
  return {
    name,
    kind: "job",
    intentType: undefined,
    entry: entryOf("jobFunction", name, `jobFunction(intents, ${job})`, imports),
  };
}

function entryOf(factory: string, name: string, made: string, imports: readonly string[]): string {
  return [
    `import { ${factory} } from "./functions/instance.ts";`,
    ...imports,
    `const made = ${made};`,
    `export const ${name} = made.http;`,
    `export const ${name}_event = made.event;`,
  ].join("\n");
}

/** The intents that an intent calls, over any number of calls: their sagas may run where it runs. */
function calledBy(definition: IntentDefinition, known: readonly IntentDefinition[] = []): readonly IntentDefinition[] {
  let all = known;
  for (const node of definition.plan.nodes) {
    if (node.kind !== "call" || all.some(({ type }) => type === node.intentType)) continue;
    const child = intents.find(({ type }) => type === node.intentType);
    if (child === undefined)
      throw new RuntimeError("catalog.unknown_child", `${definition.type} calls ${node.intentType}.`);
    all = calledBy(child, [...all, child]);
  }
  return all;
}

function camelCase(name: string): string {
  return name.replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase());
}
