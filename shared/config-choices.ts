import * as z from "zod";

export interface RedisChoice {
  readonly kind: "redis";
  readonly url: string;
}
export interface UpstashChoice {
  readonly kind: "upstash";
  readonly url: string;
  readonly token: string;
}
export interface FirestoreChoice {
  readonly kind: "firestore";
  readonly projectId: string;
  readonly databaseId: string;
  /** `host:port`; absent means Google's own service, as for the other emulators. */
  readonly emulatorHost: string | undefined;
}
/** Where state, log and outbox are kept. Tiered: Firestore decides, Redis serves. */
export type StoreChoice =
  | { readonly kind: "sqlite" }
  | RedisChoice
  | UpstashChoice
  | FirestoreChoice
  | { readonly kind: "tiered"; readonly hot: RedisChoice | UpstashChoice; readonly cold: FirestoreChoice };

/** Where bytes are kept. */
export type ObjectsChoice =
  | { readonly kind: "files" }
  | {
      readonly kind: "gcs";
      readonly bucket: string;
      readonly projectId: string;
      /** A URL, unlike the other emulators'. */
      readonly emulatorUrl: string | undefined;
    };

/** Where events go. */
export type BusChoice =
  | { readonly kind: "in-process" }
  | {
      readonly kind: "pubsub";
      readonly projectId: string;
      readonly emulatorHost: string | undefined;
      /** Absent: nothing is published at a time. */
      readonly timers: TimersChoice | undefined;
    };

/** The queue of Cloud Tasks that publishes messages on time, and in whose name. */
export interface TimersChoice {
  /** `projects/P/locations/L/queues/Q`. */
  readonly queue: string;
  readonly serviceAccount: string;
  readonly emulatorHost: string | undefined;
}

/** Where the data steward's rows are kept. */
export type RecordsChoice =
  | { readonly kind: "none" }
  | { readonly kind: "sqlite" }
  | { readonly kind: "postgres"; readonly url: string; readonly connections: number };

/** A variable that a choice cannot do without. */
export const needed = (choice: string) => {
  const error = `is needed with ${choice}`;
  return z.string({ error }).min(1, error);
};
const isUrl = (protocol: RegExp) => (text: string) => URL.canParse(text) && protocol.test(text);
const isRedis = isUrl(/^rediss?:\/\//);
export const isHttp = isUrl(/^https?:\/\//);
const REDIS_EXAMPLE = "must be a URL such as redis://127.0.0.1:6379";
export const HTTP_EXAMPLE = "must be a URL such as https://host";
const emulatorHost = z
  .string()
  .regex(/^[^\s:/]+:\d+$/, "must be host:port")
  .optional();

const redis = (choice: string) =>
  z
    .object({ REDIS_URL: needed(choice).refine(isRedis, REDIS_EXAMPLE) })
    .transform((env): RedisChoice => ({ kind: "redis", url: env.REDIS_URL }));

const upstash = (choice: string) =>
  z
    .object({
      UPSTASH_REDIS_REST_URL: needed(choice).refine(isHttp, HTTP_EXAMPLE),
      UPSTASH_REDIS_REST_TOKEN: needed(choice),
    })
    .transform((env): UpstashChoice => ({
      kind: "upstash",
      url: env.UPSTASH_REDIS_REST_URL,
      token: env.UPSTASH_REDIS_REST_TOKEN,
    }));

const firestore = (choice: string) =>
  z
    .object({
      GOOGLE_CLOUD_PROJECT: needed(choice),
      FIRESTORE_DATABASE: z.string().min(1).default("(default)"),
      FIRESTORE_EMULATOR_HOST: emulatorHost,
    })
    .transform((env): FirestoreChoice => ({
      kind: "firestore",
      projectId: env.GOOGLE_CLOUD_PROJECT,
      databaseId: env.FIRESTORE_DATABASE,
      emulatorHost: env.FIRESTORE_EMULATOR_HOST,
    }));

/** The variables that a process was started with. */
export type Environment = Readonly<Record<string, string | undefined>>;
/** What a choice makes of the environment: itself, or what is wrong. */
export type Reading<Choice> =
  | { readonly success: true; readonly data: Choice; readonly error?: undefined }
  | { readonly success: false; readonly error: { readonly issues: readonly z.core.$ZodIssue[] } };
export type Reader<Choice> = (env: Environment) => Reading<Choice>;

export const STORES: Readonly<Record<StoreChoice["kind"], Reader<StoreChoice>>> = {
  sqlite: () => ({ success: true, data: { kind: "sqlite" } }),
  redis: (env) => redis("STORE=redis").safeParse(env),
  upstash: (env) => upstash("STORE=upstash").safeParse(env),
  firestore: (env) => firestore("STORE=firestore").safeParse(env),
  tiered: (env) => {
    const choice = "STORE=tiered";
    // Redis by either of its two ways: over TCP unless only the other one is given.
    const byRest = env["REDIS_URL"] === undefined && env["UPSTASH_REDIS_REST_URL"] !== undefined;
    const hot: Reading<RedisChoice | UpstashChoice> = byRest
      ? upstash(choice).safeParse(env)
      : redis(`${choice}, or UPSTASH_REDIS_REST_URL and UPSTASH_REDIS_REST_TOKEN`).safeParse(env);
    const cold = firestore(choice).safeParse(env);
    if (hot.success && cold.success) {
      return { success: true, data: { kind: "tiered", hot: hot.data, cold: cold.data } };
    }
    const issues = [...(hot.error?.issues ?? []), ...(cold.error?.issues ?? [])];
    return { success: false, error: { issues } };
  },
};

export const OBJECTS: Readonly<Record<ObjectsChoice["kind"], Reader<ObjectsChoice>>> = {
  files: () => ({ success: true, data: { kind: "files" } }),
  gcs: (env) =>
    z
      .object({
        GCS_BUCKET: needed("OBJECTS=gcs"),
        GOOGLE_CLOUD_PROJECT: needed("OBJECTS=gcs"),
        STORAGE_EMULATOR_HOST: z.string().refine(isHttp, HTTP_EXAMPLE).optional(),
      })
      .transform((gcs): ObjectsChoice => ({
        kind: "gcs",
        bucket: gcs.GCS_BUCKET,
        projectId: gcs.GOOGLE_CLOUD_PROJECT,
        emulatorUrl: gcs.STORAGE_EMULATOR_HOST,
      }))
      .safeParse(env),
};

export const BUSES: Readonly<Record<BusChoice["kind"], Reader<BusChoice>>> = {
  "in-process": () => ({ success: true, data: { kind: "in-process" } }),
  pubsub: (env) =>
    z
      .object({
        GOOGLE_CLOUD_PROJECT: needed("BUS=pubsub"),
        PUBSUB_EMULATOR_HOST: emulatorHost,
        TIMER_QUEUE: z
          .string()
          .regex(/^projects\/[^/]+\/locations\/[^/]+\/queues\/[^/]+$/, "must be projects/P/locations/L/queues/Q")
          .optional(),
        TIMER_SERVICE_ACCOUNT: z.email("must be an e-mail address").optional(),
        CLOUD_TASKS_EMULATOR_HOST: emulatorHost,
      })
      .refine((given) => (given.TIMER_QUEUE === undefined) === (given.TIMER_SERVICE_ACCOUNT === undefined), {
        path: ["TIMER_QUEUE"],
        message: "TIMER_QUEUE and TIMER_SERVICE_ACCOUNT are needed together",
      })
      .transform((pubsub): BusChoice => {
        const { TIMER_QUEUE: queue, TIMER_SERVICE_ACCOUNT: serviceAccount } = pubsub;
        return {
          kind: "pubsub",
          projectId: pubsub.GOOGLE_CLOUD_PROJECT,
          emulatorHost: pubsub.PUBSUB_EMULATOR_HOST,
          timers:
            queue === undefined || serviceAccount === undefined
              ? undefined
              : { queue, serviceAccount, emulatorHost: pubsub.CLOUD_TASKS_EMULATOR_HOST },
        };
      })
      .safeParse(env),
};

export const RECORDS: Readonly<Record<RecordsChoice["kind"], Reader<RecordsChoice>>> = {
  none: () => ({ success: true, data: { kind: "none" } }),
  sqlite: () => ({ success: true, data: { kind: "sqlite" } }),
  postgres: (env) =>
    z
      .object({
        DATABASE_URL: needed("RECORDS=postgres").refine(
          isUrl(/^postgres(ql)?:\/\//),
          "must be a URL such as postgres://user:password@host:6543/database",
        ),
        DATABASE_CONNECTIONS: z.coerce.number({ error: "must be a whole number" }).int().min(1).max(100).default(4),
      })
      .transform((named): RecordsChoice => ({
        kind: "postgres",
        url: named.DATABASE_URL,
        connections: named.DATABASE_CONNECTIONS,
      }))
      .safeParse(env),
};
