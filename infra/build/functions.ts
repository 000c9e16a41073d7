import { intents } from "../../functions/catalog.ts";
import { jobs } from "../../functions/platform/jobs.ts";
import { RuntimeError } from "../../shared/errors.ts";
import { checkFunctionLength } from "../../shared/executions/function-length.ts";
import type { Job } from "../../shared/http/function-app.ts";
import { type FunctionResources, functionResources } from "../../shared/sagas/function-resources.ts";
import { worksOf } from "../../shared/sagas/check-plan.ts";
import type { IntentDefinition } from "../../shared/sagas/intent-definition.ts";
import { RUNNER } from "./runner-spec.ts";

/** A deployed function: what it is called, what it is deployed with, and the module that makes it. */
export interface FunctionSpec {
  /** The bundle's name, and its target under the http signature; `<name>_event` is that of the cloudevent signature. */
  readonly name: string;
  readonly kind: "intent" | "api" | "job";
  /** The intent that it is the function of; its topic's pushes are for it. */
  readonly intentType: string | undefined;
  /** When a scheduler calls it: cron, in UTC. */
  readonly schedule: string | undefined;
  readonly resources: FunctionResources;
  /** What one request may take. */
  readonly timeoutMs: number;
  /** Whether it runs guests, where a deployment takes them. */
  readonly callsRunner: boolean;
  /** The source text of its entry, with imports from the repository's root. */
  readonly entry: string;
}

const API = "runtime_api";
/** It waits for others most of its time; a stream of events may be followed for an hour. */
const API_RESOURCES = { concurrency: 80, maxInstances: 100 };
const API_TIMEOUT_MS = 3_600_000;
/** One run at a time in an instance; a second instance only where one run outlasts the pause before the next. */
const JOB_RESOURCES = { concurrency: 1, maxInstances: 2 };

/** Every function of the product: one for each intent, and those of the platform. Throws `catalog.*` where they cannot be deployed. */
export function functionSpecs(): readonly FunctionSpec[] {
  const specs = [...intents.map(intentSpec), apiSpec(), ...jobs.map(jobSpec)];
  checkNames([...specs, RUNNER]);
  return specs;
}

/** What a name is told apart by. */
type Named = Pick<FunctionSpec, "name" | "intentType"> & { readonly kind: string };

/** A function is called by its intent's name alone, without the realm: throws `catalog.duplicate_function` where two would be one. */
export function checkNames(specs: readonly Named[]): void {
  for (const [name, same] of Map.groupBy(specs, (spec) => spec.name)) {
    if (same.length === 1) continue;
    const which = same.map(({ intentType, kind }) => intentType ?? `a function of kind ${kind}`).join(" and ");
    throw new RuntimeError("catalog.duplicate_function", `${which} would both be the function ${name}; rename one.`);
  }
}

function intentSpec(definition: IntentDefinition): FunctionSpec {
  const { name, type, resources, functionTimeoutMs } = definition;
  const called = calledBy(definition);
  checkFunctionLength([definition, ...called], functionTimeoutMs);
  // By names of their own: an intent of one word is called what its target is called.
  const imports = [definition, ...called].map(
    (each, index) =>
      `import { ${camelCase(each.name)} as intent${index} } from "./functions/${each.realm}/${each.name.replaceAll("_", "-")}.ts";`,
  );
  const list = called.map((_, index) => `intent${index + 1}`).join(", ");
  const entry = entryOf("intentFunction", name, `intentFunction(intent0, [${list}])`, imports);
  return {
    name,
    kind: "intent",
    intentType: type,
    schedule: undefined,
    resources,
    timeoutMs: functionTimeoutMs,
    callsRunner: [definition, ...called].some(hasGuest),
    entry,
  };
}

function apiSpec(): FunctionSpec {
  const imports = [`import { intents } from "./functions/catalog.ts";`];
  return {
    name: API,
    kind: "api",
    intentType: undefined,
    schedule: undefined,
    resources: functionResources(API, API_RESOURCES),
    timeoutMs: API_TIMEOUT_MS,
    callsRunner: true,
    entry: entryOf("apiFunction", API, "apiFunction(intents)", imports),
  };
}

function jobSpec({ name, schedule, timeoutMs, runsGuests }: Job): FunctionSpec {
  checkFunctionLength(intents, timeoutMs);
  const imports = [
    `import { intents } from "./functions/catalog.ts";`,
    `import { ${camelCase(name)} as job } from "./functions/platform/${name.replaceAll("_", "-")}.ts";`,
  ];
  return {
    name,
    kind: "job",
    intentType: undefined,
    schedule,
    resources: functionResources(name, JOB_RESOURCES),
    timeoutMs,
    callsRunner: runsGuests ?? false,
    entry: entryOf("jobFunction", name, `jobFunction(intents, job)`, imports),
  };
}

function entryOf(factory: string, name: string, made: string, imports: readonly string[]): string {
  return [
    `import { ${factory} } from "./functions/deployed-function.ts";`,
    ...imports,
    `const made = ${made};`,
    `export const ${name} = made.http;`,
    `export const ${name}_event = made.event;`,
    "export const serve = made.serve;",
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

/** Whether a step of it is a guest's. */
export function hasGuest({ plan }: IntentDefinition): boolean {
  return plan.nodes.flatMap(worksOf).some(([, { guest }]) => guest !== undefined);
}

function camelCase(name: string): string {
  return name.replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase());
}
