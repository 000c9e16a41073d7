import * as z from "zod";

import { loadConfig, SECRET_VARIABLES } from "../../shared/config.ts";
import { RuntimeError } from "../../shared/errors.ts";
import { EVENTS_TOPIC } from "../../shared/state/cloud-event.ts";
import { DEAD_LETTER_TOPIC, intentTopic, MAX_DELIVERY_ATTEMPTS } from "../../shared/state/topics.ts";
import type { FunctionSpec } from "./functions.ts";
import { type Manifest, manifestForm } from "./manifest-form.ts";
import { RUNNER } from "./runner-spec.ts";

const SCHEMA_NAME = "functions.manifest.schema.json";
/** What is the same wherever it is deployed: the cloud's stores, and every interface, since Cloud Run's proxy is outside. */
const ENVIRONMENT = { MODE: "production", HOST: "0.0.0.0", STORE: "tiered", OBJECTS: "gcs", BUS: "pubsub" };
/** Of a process that knows neither a store nor a secret. */
const RUNNER_ENVIRONMENT = { MODE: ENVIRONMENT.MODE, HOST: ENVIRONMENT.HOST };
/** Whose pushes an intent's function believes; a function without a topic gets none. */
const PUSHES = ["PUSH_AUDIENCE", "PUSH_SERVICE_ACCOUNT"];

/** Describes the functions of a build; all of it follows from their definitions and from the configuration's own schema. */
export function functionsManifest(specs: readonly FunctionSpec[]): Manifest {
  const redis = { upstash: redisChoice("upstash"), memorystore: redisChoice("redis") };
  const choices = Object.values(redis);
  // Whatever Redis it is: the last of these words is said of the first that lacks.
  const givenLater = new Set(choices.flatMap((each) => [...each.environment_needed, ...each.secrets]));
  const needed = missingOf(ENVIRONMENT).filter((name) => !givenLater.has(name));
  // Every function opens every adapter, so each needs whichever of them a deployment has.
  const secrets = SECRET_VARIABLES.toSorted();
  return manifestForm.parse({
    $schema: `./${SCHEMA_NAME}`,
    version: 1,
    events_topic: EVENTS_TOPIC,
    dead_letter_topic: DEAD_LETTER_TOPIC,
    max_delivery_attempts: MAX_DELIVERY_ATTEMPTS,
    redis,
    functions: [
      ...specs.map((spec) => {
        const { name, kind, intentType, schedule, timeoutMs, callsRunner } = spec;
        const pushes = intentType === undefined ? [] : PUSHES;
        return {
          name,
          kind,
          intent_type: intentType ?? null,
          triggers: {
            http: intentType === undefined ? "/" : `/${intentType.replace(".", "/")}`,
            topic: intentType === undefined ? null : intentTopic(intentType),
            schedule: schedule ?? null,
          },
          ...sizes(spec),
          calls_runner: callsRunner,
          environment: { ...ENVIRONMENT, CLOUD_RUN_TIMEOUT_SECONDS: String(seconds(timeoutMs)) },
          environment_needed: [...needed.filter((each) => !isSecret(each)), ...pushes].toSorted(),
          secrets,
        };
      }),
      runnerEntry(),
    ],
  });
}

/** The manifest's JSON Schema. */
export function manifestSchema(): object {
  return { $id: SCHEMA_NAME, ...z.toJSONSchema(manifestForm) };
}

function runnerEntry(): Manifest["functions"][number] {
  return {
    name: RUNNER.name,
    kind: RUNNER.kind,
    intent_type: null,
    triggers: { http: RUNNER.path, topic: null, schedule: null },
    ...sizes(RUNNER),
    calls_runner: false,
    environment: RUNNER_ENVIRONMENT,
    environment_needed: [],
    secrets: [],
  };
}

function sizes({ resources, timeoutMs }: Pick<FunctionSpec, "resources" | "timeoutMs">) {
  return {
    memory_mb: resources.memoryMb,
    cpu: resources.cpu,
    timeout_seconds: seconds(timeoutMs),
    concurrency: resources.concurrency,
    min_instances: resources.minInstances,
    max_instances: resources.maxInstances,
  };
}

function seconds(ms: number): number {
  return Math.ceil(ms / 1_000);
}

function redisChoice(store: string): Manifest["redis"][string] {
  const missing = missingOf({ STORE: store });
  return { environment_needed: missing.filter((name) => !isSecret(name)), secrets: missing.filter(isSecret) };
}

function isSecret(variable: string): boolean {
  return SECRET_VARIABLES.includes(variable);
}

/** The variables that the configuration asks for in an environment that lacks them. */
function missingOf(environment: Readonly<Record<string, string>>): readonly string[] {
  try {
    loadConfig(environment);
    return [];
  } catch (error) {
    if (!(error instanceof RuntimeError) || error.code !== "config.invalid") throw error;
    return error.faults.map(({ path }) => path).toSorted();
  }
}
