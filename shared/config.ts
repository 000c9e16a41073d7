import * as z from "zod";

import {
  BUSES,
  type BusChoice,
  type Environment,
  OBJECTS,
  type ObjectsChoice,
  RECORDS,
  type RecordsChoice,
  type Reader,
  type Reading,
  STORES,
  type StoreChoice,
} from "./config-choices.ts";
import { type GraphChoice, GRAPHS } from "./config-graph.ts";
import { type IdentityChoice, type PushesChoice, readIdentity, readPushes } from "./config-identity.ts";
import { type LimitsChoice, readLimits } from "./config-limits.ts";
import { MODELS, type ModelsChoice } from "./config-models.ts";
import { integer } from "./config-values.ts";
import { readWasm, type WasmChoice } from "./config-wasm.ts";
import { RuntimeError } from "./errors.ts";
import { LOG_LEVELS } from "./logger.ts";
import { isLoopback, LOOPBACK_HOSTS } from "./loopback.ts";

/** As browsers write them: no path, no default port, and never a wildcard. */
const origins = z
  .string()
  .default("")
  .transform((text) =>
    text
      .split(",")
      .map((origin) => origin.trim())
      .filter((origin) => origin !== ""),
  )
  .refine((list) => list.every((origin) => /^https?:[^*]+$/.test(origin) && URL.parse(origin)?.origin === origin), {
    message: "must be origins such as https://app.example, separated by commas; there is no wildcard",
  });

const oneOf = <Kind extends string>(choices: Readonly<Record<Kind, unknown>>) =>
  z.enum(Object.keys(choices) as [Kind, ...Kind[]]);

/** Variables whose values are secrets: a deployment keeps them in its secret store, and no log shows them. */
export const SECRET_VARIABLES: readonly string[] = [
  "REDIS_URL",
  "UPSTASH_REDIS_REST_TOKEN",
  "MODEL_API_KEY",
  "ARANGO_PASSWORD",
  "DATABASE_URL",
  "SUBJECT_MASTER_KEY",
];

/** The choices that keep what they hold on the machine they run on. */
const LOCAL_CHOICES = {
  STORE: "sqlite",
  OBJECTS: "files",
  BUS: "in-process",
  RECORDS: "sqlite",
  GRAPH: "sqlite",
} as const;

/** The first wraps; the second one unwraps what it wrapped before, while the master key is changed. */
const masterKeys = z
  .string()
  .regex(
    /^[A-Za-z0-9+/]{43}=(,[A-Za-z0-9+/]{43}=)?$/,
    "must be 32 bytes in base64, or two such with a comma between them",
  )
  .transform((text) => text.split(",").map((key) => Buffer.from(key, "base64")));

/** What stands by itself; what hangs on a choice, such as STORE, is in the config-*.ts beside this. */
const plainSchema = z
  .object({
    MODE: z.enum(["dev", "production"]).default("dev"),
    K_SERVICE: z.string().optional(),
    HOST: z.string().min(1).default("127.0.0.1"),
    PORT: integer(8080, 0, 65_535),
    DATA_DIR: z.string().min(1).default(".symphainy"),
    LOG_LEVEL: z.enum(LOG_LEVELS).default("info"),
    MAX_BODY_BYTES: integer(2 * 1024 * 1024, 1_024, 32 * 1024 * 1024),
    WAIT_BUDGET_MS: integer(10_000, 0, 600_000),
    GRACE_PERIOD_MS: integer(8_000, 0, 600_000),
    MAX_RUNNING: integer(64, 1, 10_000),
    MAX_QUEUED: integer(10_000, 0, 1_000_000),
    CLOUD_RUN_TIMEOUT_SECONDS: integer(3_600, 1, 3_600),
    CORS_ORIGINS: origins,
    STORE: oneOf(STORES).default("sqlite"),
    OBJECTS: oneOf(OBJECTS).default("files"),
    BUS: oneOf(BUSES).default("in-process"),
    RECORDS: oneOf(RECORDS).optional(),
    GRAPH: oneOf(GRAPHS).optional(),
    MODELS: oneOf(MODELS).default("lexical"),
    SUBJECT_MASTER_KEY: masterKeys.optional(),
  })
  .refine((config) => config.MODE !== "dev" || isLoopback(config.HOST), {
    path: ["HOST"],
    // Also when other variables are at fault, so that every fault is told at once.
    when: ({ issues }) => !issues.some(({ path }) => path?.[0] === "HOST" || path?.[0] === "MODE"),
    message: `dev mode issues tokens to anybody, so it listens on loopback only (${LOOPBACK_HOSTS.join(", ")})`,
  })
  .refine((config) => config.MODE !== "dev" || config.K_SERVICE === undefined, {
    path: ["MODE"],
    when: ({ issues }) => !issues.some(({ path }) => path?.[0] === "MODE"),
    message: "dev mode issues tokens to anybody, so it does not start on Cloud Run; set MODE=production",
  })
  .superRefine((config, context) => {
    if (config.K_SERVICE === undefined) return;
    for (const [variable, local] of Object.entries(LOCAL_CHOICES)) {
      if (config[variable as keyof typeof LOCAL_CHOICES] !== local) continue;
      const message = `${local} is an instance's own and lost with it: Cloud Run needs another ${variable}`;
      context.addIssue({ code: "custom", path: [variable], message });
    }
  })
  .transform((env) => ({
    mode: env.MODE,
    host: env.HOST,
    port: env.PORT,
    dataDir: env.DATA_DIR,
    logLevel: env.LOG_LEVEL,
    maxBodyBytes: env.MAX_BODY_BYTES,
    waitBudgetMs: env.WAIT_BUDGET_MS,
    gracePeriodMs: env.GRACE_PERIOD_MS,
    maxRunning: env.MAX_RUNNING,
    maxQueued: env.MAX_QUEUED,
    corsOrigins: env.CORS_ORIGINS,
    // Under which the keys of subjects are kept; dev mode makes one, and elsewhere no data of subjects are taken without it.
    subjectMasterKeys: env.SUBJECT_MASTER_KEY,
    functionTimeoutMs: env.CLOUD_RUN_TIMEOUT_SECONDS * 1_000,
  }));

export interface Config extends Readonly<z.infer<typeof plainSchema>> {
  readonly store: StoreChoice;
  readonly objects: ObjectsChoice;
  readonly bus: BusChoice;
  readonly records: RecordsChoice;
  readonly graph: GraphChoice;
  readonly models: ModelsChoice;
  readonly wasm: WasmChoice;
  readonly limits: LimitsChoice;
  readonly identity: IdentityChoice;
  readonly pushes: PushesChoice | undefined;
}

/** Reads the configuration from the environment. Throws `config.invalid`, naming every faulty variable at once. */
export function loadConfig(env: Environment): Config {
  // A file there would be one instance's own, and lost with it.
  const withoutRecords = env["K_SERVICE"] === undefined ? "sqlite" : "none";
  const readings = {
    plain: plainSchema.safeParse(env),
    store: read(STORES, env["STORE"] ?? "sqlite", env),
    objects: read(OBJECTS, env["OBJECTS"] ?? "files", env),
    bus: read(BUSES, env["BUS"] ?? "in-process", env),
    records: read(RECORDS, env["RECORDS"] ?? withoutRecords, env),
    graph: read(GRAPHS, env["GRAPH"] ?? withoutRecords, env),
    models: read(MODELS, env["MODELS"] ?? "lexical", env),
    wasm: readWasm(env),
    limits: readLimits(env),
    identity: readIdentity(env),
    pushes: readPushes(env),
  };
  if (allSucceeded(readings)) {
    const { plain, store, objects, bus, records, graph, models, wasm, limits, identity, pushes } = readings;
    const choices = {
      store: store.data,
      objects: objects.data,
      bus: bus.data,
      records: records.data,
      graph: graph.data,
      models: models.data,
      wasm: wasm.data,
      limits: limits.data,
    };
    return { ...plain.data, ...choices, identity: identity.data, pushes: pushes.data };
  }

  const issues = Object.values(readings).flatMap((part) => part?.error?.issues ?? []);
  const messages = Map.groupBy(issues, (issue) => issue.path.join("."));
  const faults = [...messages].map(([path, found]) => ({
    path,
    message: found.map(({ message }) => message).join("; "),
  }));
  const list = faults.map((fault) => `  ${fault.path}: ${fault.message}`).join("\n");
  throw new RuntimeError("config.invalid", `The configuration has ${faults.length} fault(s):\n${list}`, { faults });
}

type Outcome = { readonly success: boolean } | undefined;
type Succeeded<Readings> = { readonly [Name in keyof Readings]: Extract<Readings[Name], { readonly success: true }> };

function allSucceeded<Readings extends Readonly<Record<string, Outcome>>>(
  readings: Readings,
): readings is Readings & Succeeded<Readings> {
  return Object.values(readings).every((reading) => reading?.success === true);
}

/** Undefined for a choice that there is not: the plain schema tells of that. */
function read<Choice>(
  choices: Readonly<Record<string, Reader<Choice>>>,
  kind: string,
  env: Environment,
): Reading<Choice> | undefined {
  return Object.hasOwn(choices, kind) ? choices[kind]?.(env) : undefined;
}
