import { intents } from "../../functions/catalog.ts";
import { jobs } from "../../functions/platform/jobs.ts";
import { RuntimeError } from "../../shared/errors.ts";
import { checkFunctionLength } from "../../shared/executions/function-length.ts";
import type { Job } from "../../shared/http/function-app.ts";
import { type FunctionResources, functionResources } from "../../shared/sagas/function-resources.ts";
import { worksOf } from "../../shared/sagas/check-plan.ts";
import { createIntentCatalog } from "../../shared/sagas/intent-catalog.ts";
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

/**
 * Every function of the product: one for each intent, which has its older versions too, and those of the platform. Throws `catalog.*` where
 * they cannot be deployed.
 */
export function functionSpecs(all: readonly IntentDefinition[] = intents): readonly FunctionSpec[] {
  const { definitions } = createIntentCatalog(all);
  const specs = [
    ...definitions.map((definition) => intentSpec(definition, all)),
    apiSpec(),
    ...jobs.map((job) => jobSpec(job, all)),
  ];
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

function intentSpec(definition: IntentDefinition, all: readonly IntentDefinition[]): FunctionSpec {
  const { name, type, resources, functionTimeoutMs } = definition;
  const others = sagasOf(type, all).filter((each) => each !== definition);
  const sagas = [definition, ...others];
  checkFunctionLength(sagas, functionTimeoutMs);
  // By names of their own: an intent of one word is called what its target is called.
  const imports = sagas.map((each, index) => {
    const { file, exported } = moduleOf(each, all);
    return `import { ${exported} as intent${index} } from "./functions/${file}";`;
  });
  const list = others.map((_, index) => `intent${index + 1}`).join(", ");
  const entry = entryOf("intentFunction", name, `intentFunction(intent0, [${list}])`, imports);
  return {
    name,
    kind: "intent",
    intentType: type,
    schedule: undefined,
    resources,
    timeoutMs: functionTimeoutMs,
    callsRunner: sagas.some(hasGuest),
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

function jobSpec({ name, schedule, timeoutMs, runsGuests }: Job, all: readonly IntentDefinition[]): FunctionSpec {
  checkFunctionLength(all, timeoutMs);
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

/** What may run where an intent does: all its versions, and all of what any of them calls, over any number of calls. */
function sagasOf(type: string, all: readonly IntentDefinition[]): readonly IntentDefinition[] {
  const types = new Set([type]);
  for (const reached of types) {
    const nodes = all.filter((each) => each.type === reached).flatMap(({ plan }) => plan.nodes);
    for (const node of nodes) if (node.kind === "call") types.add(node.intentType);
  }
  return all.filter((each) => types.has(each.type));
}

/** Where a definition lies: an older version beside the newest, as `<name>-v<version>.ts` with its own name. */
function moduleOf(
  { realm, name, type, version }: IntentDefinition,
  all: readonly IntentDefinition[],
): { readonly file: string; readonly exported: string } {
  const file = `${realm}/${name.replaceAll("_", "-")}`;
  const isOlder = all.some((other) => other.type === type && other.version > version);
  if (!isOlder) return { file: `${file}.ts`, exported: camelCase(name) };
  return { file: `${file}-v${version}.ts`, exported: `${camelCase(name)}V${version}` };
}

/** Whether a step of it is a guest's. */
export function hasGuest({ plan }: IntentDefinition): boolean {
  return plan.nodes.flatMap(worksOf).some(([, { guest }]) => guest !== undefined);
}

function camelCase(name: string): string {
  return name.replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase());
}
