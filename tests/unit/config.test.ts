import { describe, expect, it } from "vitest";

import { loadConfig } from "../../shared/config.ts";
import { RuntimeError } from "../../shared/errors.ts";

/** The names of the variables that the configuration finds fault with. */
function faults(env: Record<string, string>): string[] {
  try {
    loadConfig(env);
  } catch (error) {
    if (!(error instanceof RuntimeError)) throw error;
    expect(error.code).toBe("config.invalid");
    for (const { path } of error.faults) expect(error.message).toContain(path);
    return error.faults.map(({ path }) => path).toSorted();
  }
  return [];
}

const production = { MODE: "production", OIDC_ISSUER: "https://issuer.example", OIDC_AUDIENCE: "symphainy" };
const managed = {
  STORE: "firestore",
  OBJECTS: "gcs",
  BUS: "pubsub",
  GOOGLE_CLOUD_PROJECT: "project",
  GCS_BUCKET: "bucket",
};

describe("loadConfig", () => {
  it("an empty environment is a working configuration on loopback", () => {
    expect(loadConfig({})).toMatchObject({ mode: "dev", host: "127.0.0.1", port: 8080, dataDir: ".symphainy" });
    expect(loadConfig({ HOME: "/root", PORT: undefined })).toEqual(loadConfig({}));
  });

  it("reads each value", () => {
    const env = {
      ...production,
      HOST: "0.0.0.0",
      PORT: "0",
      DATA_DIR: "/data",
      LOG_LEVEL: "error",
      MAX_BODY_BYTES: "1024",
      WAIT_BUDGET_MS: "0",
      GRACE_PERIOD_MS: "1",
      MAX_RUNNING: "2",
      MAX_QUEUED: "3",
      CLOUD_RUN_TIMEOUT_SECONDS: "4",
      CORS_ORIGINS: "https://app.example, http://127.0.0.1:3000",
      RATE_INTENTS_PER_TENANT: "7/2s",
    };
    expect(loadConfig(env)).toEqual({
      mode: "production",
      host: "0.0.0.0",
      port: 0,
      dataDir: "/data",
      logLevel: "error",
      maxBodyBytes: 1024,
      waitBudgetMs: 0,
      gracePeriodMs: 1,
      maxRunning: 2,
      maxQueued: 3,
      functionTimeoutMs: 4_000,
      wasm: { kind: "off" },
      corsOrigins: ["https://app.example", "http://127.0.0.1:3000"],
      limits: {
        standard: {
          intentsPerCaller: { requests: 100, windowMs: 60_000 },
          intentsPerTenant: { requests: 7, windowMs: 2_000 },
          sessionsPerCaller: { requests: 10, windowMs: 60_000 },
          liveExecutions: undefined,
          executionsPerDay: undefined,
          bytesPerDay: undefined,
          storedBytes: undefined,
        },
        tenants: new Map(),
      },
      store: { kind: "sqlite" },
      objects: { kind: "files" },
      records: { kind: "sqlite" },
      bus: { kind: "in-process" },
      graph: { kind: "sqlite" },
      models: { kind: "lexical" },
      identity: {
        kind: "oidc",
        issuer: "https://issuer.example",
        audience: "symphainy",
        jwksUrl: undefined,
        algorithms: ["RS256", "ES256"],
        tenantClaim: "tenant_id",
        rolesClaim: "roles",
      },
      pushes: undefined,
    });
  });

  it.each([
    ["MODE", "staging"],
    ["HOST", ""],
    ["PORT", "65536"],
    ["PORT", "-1"],
    ["PORT", "80.5"],
    ["PORT", "0x50"],
    ["PORT", " 80"],
    ["PORT", ""],
    ["DATA_DIR", ""],
    ["LOG_LEVEL", "loud"],
    ["MAX_BODY_BYTES", "1023"],
    ["MAX_RUNNING", "0"],
    ["MAX_QUEUED", "1e3"],
    ["CORS_ORIGINS", "*"],
    ["CORS_ORIGINS", "https://*.example"],
    ["CORS_ORIGINS", "app.example"],
    ["CORS_ORIGINS", "https://app.example/"],
    ["CORS_ORIGINS", "https://app.example:443"],
    ["CORS_ORIGINS", "null"],
    ["CORS_ORIGINS", "https://app.example;https://b.example"],
  ])("%s=%j is a fault", (name, value) => {
    expect(faults({ [name]: value })).toEqual([name]);
  });

  it("names every fault at once", () => {
    expect(faults({ PORT: "x", MODE: "y", LOG_LEVEL: "z", MAX_RUNNING: "0" })).toEqual([
      "LOG_LEVEL",
      "MAX_RUNNING",
      "MODE",
      "PORT",
    ]);
  });

  it.each(["0.0.0.0", "::", "192.168.1.5", "localhost.evil.example"])("dev mode does not listen on %s", (host) => {
    expect(faults({ HOST: host })).toEqual(["HOST"]);
    expect(faults({ ...production, HOST: host })).toEqual([]);
  });

  it("names a dev mode that listens to the world together with the other faults", () => {
    expect(faults({ HOST: "0.0.0.0", PORT: "x" })).toEqual(["HOST", "PORT"]);
  });

  const cloud = {
    GOOGLE_CLOUD_PROJECT: "project",
    REDIS_URL: "redis://127.0.0.1:6379",
    UPSTASH_REDIS_REST_URL: "https://name.upstash.io",
    UPSTASH_REDIS_REST_TOKEN: "secret",
    GCS_BUCKET: "bucket",
    FIRESTORE_EMULATOR_HOST: "127.0.0.1:8085",
    PUBSUB_EMULATOR_HOST: "127.0.0.1:8086",
    STORAGE_EMULATOR_HOST: "http://127.0.0.1:8087",
  };
  const redis = { kind: "redis", url: "redis://127.0.0.1:6379" };
  const upstash = { kind: "upstash", url: "https://name.upstash.io", token: "secret" };
  const firestore = {
    kind: "firestore",
    projectId: "project",
    databaseId: "(default)",
    emulatorHost: "127.0.0.1:8085",
  };

  it.each([
    ["redis", redis],
    ["upstash", upstash],
    ["firestore", firestore],
    ["tiered", { kind: "tiered", hot: redis, cold: firestore }],
  ])("STORE=%s reads what it needs", (STORE, store) => {
    expect(loadConfig({ ...cloud, STORE }).store).toEqual(store);
  });

  it("STORE=tiered takes Redis over REST when that is the way that is given", () => {
    const { REDIS_URL: _, ...rest } = cloud;
    expect(loadConfig({ ...rest, STORE: "tiered" }).store).toEqual({ kind: "tiered", hot: upstash, cold: firestore });
  });

  it("BUS=pubsub publishes at a time where a queue and an account are named, both or neither", () => {
    const pubsub = { BUS: "pubsub", GOOGLE_CLOUD_PROJECT: "p" };
    const queue = { TIMER_QUEUE: "projects/p/locations/l/queues/timers" };
    const account = { TIMER_SERVICE_ACCOUNT: "timers@p.iam.gserviceaccount.com" };
    const timed = { ...pubsub, ...queue, ...account };
    expect(loadConfig({ ...timed, CLOUD_TASKS_EMULATOR_HOST: "127.0.0.1:8123" }).bus).toMatchObject({
      timers: {
        queue: timed.TIMER_QUEUE,
        serviceAccount: timed.TIMER_SERVICE_ACCOUNT,
        emulatorHost: "127.0.0.1:8123",
      },
    });
    expect(faults({ ...pubsub, ...queue })).toEqual(["TIMER_QUEUE"]);
    expect(faults({ ...pubsub, ...account })).toEqual(["TIMER_QUEUE"]);
    expect(faults({ ...timed, TIMER_QUEUE: "timers", TIMER_SERVICE_ACCOUNT: "timers" })).toEqual([
      "TIMER_QUEUE",
      "TIMER_SERVICE_ACCOUNT",
    ]);
  });

  it("OBJECTS=gcs and BUS=pubsub read what they need", () => {
    const { objects, bus } = loadConfig({ ...cloud, OBJECTS: "gcs", BUS: "pubsub" });
    const projectId = "project";
    expect(objects).toEqual({ kind: "gcs", bucket: "bucket", projectId, emulatorUrl: "http://127.0.0.1:8087" });
    expect(bus).toEqual({ kind: "pubsub", projectId, emulatorHost: "127.0.0.1:8086" });
  });

  it.each([
    [{ STORE: "redis" }, ["REDIS_URL"]],
    [{ STORE: "upstash" }, ["UPSTASH_REDIS_REST_TOKEN", "UPSTASH_REDIS_REST_URL"]],
    [{ STORE: "firestore" }, ["GOOGLE_CLOUD_PROJECT"]],
    [{ STORE: "tiered" }, ["GOOGLE_CLOUD_PROJECT", "REDIS_URL"]],
    [{ OBJECTS: "gcs" }, ["GCS_BUCKET", "GOOGLE_CLOUD_PROJECT"]],
    [{ BUS: "pubsub" }, ["GOOGLE_CLOUD_PROJECT"]],
    [{ STORE: "redis", REDIS_URL: "127.0.0.1:6379" }, ["REDIS_URL"]],
    [
      { STORE: "firestore", GOOGLE_CLOUD_PROJECT: "p", FIRESTORE_EMULATOR_HOST: "http://x" },
      ["FIRESTORE_EMULATOR_HOST"],
    ],
    [{ STORE: "mongo", OBJECTS: "ftp", BUS: "toString" }, ["BUS", "OBJECTS", "STORE"]],
    [{ STORE: "tiered", BUS: "pubsub", PORT: "x" }, ["GOOGLE_CLOUD_PROJECT", "PORT", "REDIS_URL"]],
  ])("%j names each variable that its choice lacks or cannot use, once", (env, names) => {
    expect(faults(env as Record<string, string>)).toEqual(names);
  });

  it("GRAPH=arango reads where it is and how to get in", () => {
    expect(loadConfig({ GRAPH: "arango", ARANGO_URL: "https://arango.example:8529" }).graph).toEqual({
      kind: "arango",
      url: "https://arango.example:8529",
      database: "symphainy",
      user: "root",
      password: "",
    });
    expect(faults({ GRAPH: "arango", ARANGO_DATABASE: "1 2" })).toEqual(["ARANGO_DATABASE", "ARANGO_URL"]);
  });

  it("MODELS reads what its provider needs", () => {
    const openai = {
      MODELS: "openai",
      MODEL_API_KEY: "key",
      MODEL_EMBEDDING: "e",
      MODEL_BASE_URL: "https://proxy/v1/",
    };
    expect(loadConfig(openai).models).toEqual({
      kind: "openai",
      apiKey: "key",
      baseUrl: "https://proxy/v1",
      completionModel: undefined,
      embeddingModel: "e",
    });
    expect(loadConfig({ MODELS: "anthropic", MODEL_API_KEY: "key", MODEL_COMPLETION: "c" }).models).toMatchObject({
      baseUrl: "https://api.anthropic.com/v1",
      completionModel: "c",
    });
    expect(faults({ MODELS: "huggingface" })).toEqual(["MODEL_API_KEY", "MODEL_EMBEDDING"]);
    expect(faults({ MODELS: "anthropic", MODEL_BASE_URL: "x" })).toEqual([
      "MODEL_API_KEY",
      "MODEL_BASE_URL",
      "MODEL_COMPLETION",
    ]);
    expect(faults({ MODELS: "oracle" })).toEqual(["MODELS"]);
  });

  it("reads the master key of subjects, of 32 bytes in base64 and of no other length", () => {
    const key = Buffer.alloc(32, 7);
    const text = key.toString("base64");
    expect(loadConfig({ SUBJECT_MASTER_KEY: text }).subjectMasterKeys).toEqual([key]);
    const old = Buffer.alloc(32, 8);
    const two = `${text},${old.toString("base64")}`;
    expect(loadConfig({ SUBJECT_MASTER_KEY: two }).subjectMasterKeys).toEqual([key, old]);
    const [short, long] = [Buffer.alloc(31).toString("base64"), Buffer.alloc(33).toString("base64")];
    for (const wrong of ["", "not base64", short, long, `${text},`, `${text},${short}`, `${two},${text}`]) {
      expect(faults({ SUBJECT_MASTER_KEY: wrong })).toEqual(["SUBJECT_MASTER_KEY"]);
    }
  });

  it("production reads how to tell callers and pushes, in full", () => {
    const { identity, pushes } = loadConfig({
      ...production,
      OIDC_JWKS_URL: "https://issuer.example/keys",
      OIDC_ALGORITHMS: "ES256, EdDSA",
      TENANT_CLAIM: "app_metadata.tenant_id",
      ROLES_CLAIM: "app_metadata.roles",
      PUSH_AUDIENCE: "https://api.example",
      PUSH_SERVICE_ACCOUNT: "push@project.iam.gserviceaccount.com",
    });
    expect(identity).toMatchObject({
      jwksUrl: "https://issuer.example/keys",
      algorithms: ["ES256", "EdDSA"],
      tenantClaim: "app_metadata.tenant_id",
      rolesClaim: "app_metadata.roles",
    });
    expect(pushes).toEqual({ audience: "https://api.example", serviceAccount: "push@project.iam.gserviceaccount.com" });
  });

  it("runs guests in dev mode, and in production only when it is told to", () => {
    expect(loadConfig({}).wasm).toEqual({ kind: "in-process" });
    expect(loadConfig(production).wasm).toEqual({ kind: "off" });
    expect(loadConfig({ ...production, WASM: "in-process" }).wasm).toEqual({ kind: "in-process" });
  });

  it("dev mode believes its own tokens only, whatever of production's is set", () => {
    expect(loadConfig({ ...production, MODE: "dev" }).identity).toEqual({ kind: "dev" });
  });

  it.each([
    [{ MODE: "production" }, ["OIDC_AUDIENCE", "OIDC_ISSUER"]],
    [{ MODE: "production", PORT: "x", STORE: "redis" }, ["OIDC_AUDIENCE", "OIDC_ISSUER", "PORT", "REDIS_URL"]],
    [{ ...production, OIDC_ISSUER: "http://issuer.example" }, ["OIDC_ISSUER"]],
    [{ ...production, OIDC_ISSUER: "issuer.example" }, ["OIDC_ISSUER"]],
    [{ ...production, OIDC_ISSUER: "http://127.0.0.1:9000" }, []],
    [{ ...production, OIDC_JWKS_URL: "http://issuer.example/keys" }, ["OIDC_JWKS_URL"]],
    [{ ...production, TENANT_CLAIM: "", ROLES_CLAIM: "" }, ["ROLES_CLAIM", "TENANT_CLAIM"]],
    [{ ...production, PUSH_AUDIENCE: "https://api.example" }, ["PUSH_SERVICE_ACCOUNT"]],
    [{ ...production, PUSH_SERVICE_ACCOUNT: "push@project.iam.gserviceaccount.com" }, ["PUSH_AUDIENCE"]],
    [{ ...production, PUSH_AUDIENCE: "a", PUSH_SERVICE_ACCOUNT: "nobody" }, ["PUSH_SERVICE_ACCOUNT"]],
    [{ K_SERVICE: "runtime" }, ["BUS", "MODE", "OBJECTS", "STORE"]],
    [{ WASM: "yes" }, ["WASM"]],
    [{ ...production, K_SERVICE: "runtime" }, ["BUS", "OBJECTS", "STORE"]],
    [{ ...production, ...managed, K_SERVICE: "runtime" }, []],
    [{ ...production, ...managed, K_SERVICE: "runtime", RECORDS: "sqlite", GRAPH: "sqlite" }, ["GRAPH", "RECORDS"]],
  ])("%j has faults in %j", (env, names) => {
    expect(faults(env)).toEqual(names);
  });

  it.each(["none", "HS256", "RS256,HS256", "RS256,", ""])("OIDC_ALGORITHMS=%j is a fault", (OIDC_ALGORITHMS) => {
    const found = faults({ ...production, OIDC_ALGORITHMS });
    expect(found).not.toEqual([]);
    expect(found.every((name) => name.startsWith("OIDC_ALGORITHMS"))).toBe(true);
  });
});
