import { join } from "node:path";

import { rfc3339 } from "../shared/clock.ts";
import type {
  BusChoice,
  FirestoreChoice,
  ObjectsChoice,
  RecordsChoice,
  RedisChoice,
  StoreChoice,
  UpstashChoice,
} from "../shared/config-choices.ts";
import type { GraphChoice } from "../shared/config-graph.ts";
import type { ModelsChoice } from "../shared/config-models.ts";
import type { Config } from "../shared/config.ts";
import { RuntimeError } from "../shared/errors.ts";
import { createIds } from "../shared/ids.ts";
import { createLogger, type Logger } from "../shared/logger.ts";
import type { DataKeys } from "../shared/ports/data-keys.ts";
import type { ExecutionStore } from "../shared/ports/execution-store.ts";
import type { GraphStore } from "../shared/ports/graph-store.ts";
import type { MessageBus } from "../shared/ports/message-bus.ts";
import type { ModelProvider } from "../shared/ports/model-provider.ts";
import type { ObjectStore } from "../shared/ports/object-store.ts";
import type { RecordStore } from "../shared/ports/record-store.ts";
import type { RateBuckets } from "../shared/ports/rate-buckets.ts";
import type { TableEngine } from "../shared/ports/table-engine.ts";
import type { Adapters } from "../shared/services.ts";
import { EVENTS_TOPIC } from "../shared/state/cloud-event.ts";
import type { RedisConnection } from "./adapters/redis/connection.ts";
import { createStateSurface } from "../shared/state/state-surface.ts";
import { createModuleSource } from "../shared/wasm/module-store.ts";
import { late, onFirstUse } from "./on-first-use.ts";
import { openGuestRequests, openGuests, openRunners } from "./open-guests.ts";
import { systemClock, systemRandom } from "./adapters/system/system.ts";

export interface OpenAdapters extends Adapters {
  /** Closes every client; what they are asked after that rejects. */
  close(): Promise<void>;
}

/** Something opened, and how to close it where that takes more than letting go of it. */
interface Opened<Adapter> {
  readonly adapter: Adapter;
  readonly close?: () => Promise<void>;
}

/** Chooses and opens the adapters that the configuration asks for; each client library is loaded only when it is chosen. */
export async function createAdapters(config: Config): Promise<OpenAdapters> {
  const ids = createIds(systemRandom);
  // With an emulator Google's clients would still look for the metadata server of a machine of Google's.
  if (usesEmulator(config)) process.env["METADATA_SERVER_DETECTION"] ??= "none";
  const logger = createLogger({
    clock: systemClock,
    level: config.logLevel,
    write: (line) => process.stderr.write(`${line}\n`),
  });
  const deps = { clock: systemClock, ids, random: systemRandom, logger };
  const identity = await openIdentity(config, logger);
  const [store, objects, bus] = await Promise.all([
    openStore(config.store, { ...deps, dataDir: config.dataDir }),
    openObjects(config.objects, config.dataDir),
    openBus(config.bus),
  ]);
  const records = await openRecords(config.records, config.dataDir);
  const rateBuckets = openRateBuckets(config.store, config.dataDir);
  const models = await openModels(config.models, deps);
  const graph = openGraph(config.graph, deps, config.dataDir);
  const tables = openTables(objects.adapter);
  const modules = createModuleSource({ surface: createStateSurface(store.adapter), objects: objects.adapter });
  const guests = openGuests(modules);
  const runners = openRunners(config, modules, logger);
  return {
    ...deps,
    store: store.adapter,
    rateBuckets,
    records,
    dataKeys: await openDataKeys(config),
    tables,
    guests,
    runners,
    guestRequests: openGuestRequests(),
    objects: objects.adapter,
    bus: bus.adapter,
    graph,
    models,
    ...identity,
    close: async () => {
      await Promise.all([
        store.close?.(),
        rateBuckets.close(),
        records.close(),
        objects.close?.(),
        bus.close?.(),
        graph.close(),
        tables.close(),
        guests.close(),
        runners.close(),
      ]);
    },
  };
}

/** Google's own issuer, whatever the one of the callers is. */
const GOOGLE = { issuer: "https://accounts.google.com", jwksUrl: undefined };

async function openIdentity(
  { identity, pushes, wasm, dataDir }: Config,
  logger: Logger,
): Promise<Pick<Adapters, "tokens" | "devTokens" | "pushTokens" | "nodeTokens">> {
  if (identity.kind === "dev") {
    const { createDevIdentity } = await import("./adapters/jwt/dev-identity.ts");
    const keyFile = join(dataDir, "dev-signing-key");
    const dev = inDataDir(dataDir, () => createDevIdentity(keyFile, () => systemClock.now()));
    return { tokens: dev, devTokens: dev };
  }
  const { createOidcIdentity, createPushIdentity, createServiceIdentity } =
    await import("./adapters/jwt/oidc-identity.ts");
  const deps = { clock: systemClock, logger };
  const proof = wasm.kind === "nodes" ? wasm.proof : undefined;
  return {
    tokens: createOidcIdentity(identity, deps),
    devTokens: undefined,
    pushTokens: pushes === undefined ? undefined : createPushIdentity({ ...pushes, ...GOOGLE }, deps),
    nodeTokens: proof === undefined ? undefined : createServiceIdentity({ ...proof, ...GOOGLE }, deps),
  };
}

type StoreDeps = Pick<Adapters, "clock" | "ids" | "logger"> & { readonly dataDir: string };

async function openStore(choice: StoreChoice, deps: StoreDeps): Promise<Opened<ExecutionStore>> {
  const { dataDir, ids, clock, logger } = deps;
  const opened = (adapter: ExecutionStore) => ({ adapter, close: () => adapter.close() });
  switch (choice.kind) {
    case "sqlite": {
      const { createSqliteStore } = await import("./adapters/sqlite/execution-store.ts");
      return opened(inDataDir(dataDir, () => createSqliteStore(join(dataDir, "runtime.db"))));
    }
    case "redis":
    case "upstash": {
      const { createRedisStore } = await import("./adapters/redis/execution-store.ts");
      return opened(createRedisStore(await openRedis(choice), { senderName: ids.worker() }));
    }
    case "firestore":
      return opened(await openFirestore(choice));
    case "tiered": {
      const { createTieredStore } = await import("./adapters/tiered/execution-store.ts");
      const { createRedisStore } = await import("./adapters/redis/execution-store.ts");
      const [redis, cold] = await Promise.all([openRedis(choice.hot), openFirestore(choice.cold)]);
      const fast = createRedisStore(redis, { senderName: ids.worker() });
      return opened(createTieredStore({ cold, fast, redis, clock, logger, ids }));
    }
  }
}

const RATE_METHODS: Readonly<Record<keyof RateBuckets, true>> = { take: true, close: true };

/** Beside the store, in Redis where there is one; opened when a limit is asked for the first time, which may be never. */
function openRateBuckets(choice: StoreChoice, dataDir: string): RateBuckets {
  return onFirstUse(RATE_METHODS, async () => {
    switch (choice.kind) {
      case "sqlite": {
        const { createSqliteRateBuckets } = await import("./adapters/sqlite/rate-buckets.ts");
        return inDataDir(dataDir, () => createSqliteRateBuckets(join(dataDir, "rates.db")));
      }
      case "redis":
      case "upstash":
      case "tiered": {
        const { createRedisRateBuckets } = await import("./adapters/redis/rate-buckets.ts");
        return createRedisRateBuckets(await openRedis(choice.kind === "tiered" ? choice.hot : choice));
      }
      case "firestore": {
        const { createFirestoreRateBuckets } = await import("./adapters/firestore/rate-buckets.ts");
        return createFirestoreRateBuckets(choice);
      }
    }
  });
}

const GRAPH_METHODS: Readonly<Record<keyof GraphStore, true>> = {
  setUp: true,
  write: true,
  undo: true,
  dropTombstones: true,
  get: true,
  list: true,
  edges: true,
  traverse: true,
  nearest: true,
  forgetFile: true,
  ping: true,
  close: true,
};

/** Many functions never touch the graph: it is opened by the first that does. */
function openGraph(choice: GraphChoice, deps: Pick<Adapters, "clock" | "random">, dataDir: string): GraphStore {
  return onFirstUse(GRAPH_METHODS, async () => {
    switch (choice.kind) {
      case "none": {
        const { createAbsentGraphStore } = await import("./adapters/none/graph-store.ts");
        return createAbsentGraphStore();
      }
      case "sqlite": {
        const { createSqliteGraphStore } = await import("./adapters/sqlite/graph-store.ts");
        return inDataDir(dataDir, () => createSqliteGraphStore(join(dataDir, "graph.db")));
      }
      case "arango": {
        const { createArangoGraphStore } = await import("./adapters/arango/graph-store.ts");
        return createArangoGraphStore(choice, deps);
      }
    }
  });
}

async function openModels(choice: ModelsChoice, deps: Pick<Adapters, "clock" | "random">): Promise<ModelProvider> {
  switch (choice.kind) {
    case "lexical": {
      const { createLexicalModels } = await import("./adapters/models/lexical.ts");
      return createLexicalModels();
    }
    case "openai": {
      const { createOpenAiModels } = await import("./adapters/models/openai.ts");
      return createOpenAiModels({ ...choice, provider: choice.kind, mostTokens: "max_completion_tokens" }, deps);
    }
    case "huggingface": {
      const { createHuggingFaceModels } = await import("./adapters/models/hugging-face.ts");
      return createHuggingFaceModels(choice, deps);
    }
    case "anthropic": {
      const { createAnthropicModels } = await import("./adapters/models/anthropic.ts");
      return createAnthropicModels(choice, deps);
    }
  }
}

async function openRedis(choice: RedisChoice | UpstashChoice): Promise<RedisConnection> {
  if (choice.kind === "redis") {
    const { createTcpConnection } = await import("./adapters/redis/tcp-connection.ts");
    return createTcpConnection(choice.url);
  }
  const { createRestConnection } = await import("./adapters/redis/rest-connection.ts");
  return createRestConnection(choice);
}

async function openFirestore(choice: FirestoreChoice): Promise<ExecutionStore> {
  const { createFirestoreStore } = await import("./adapters/firestore/execution-store.ts");
  return createFirestoreStore(choice);
}

async function openObjects(choice: ObjectsChoice, dataDir: string): Promise<Opened<ObjectStore>> {
  switch (choice.kind) {
    case "files": {
      const { createFileObjectStore } = await import("./adapters/files/object-store.ts");
      return { adapter: createFileObjectStore(join(dataDir, "objects")) };
    }
    case "gcs": {
      const { createGcsObjectStore } = await import("./adapters/gcs/object-store.ts");
      const { bucket, projectId, emulatorUrl } = choice;
      return { adapter: createGcsObjectStore({ bucket, projectId, apiEndpoint: emulatorUrl }) };
    }
  }
}

/** Connects when it is first asked. */
async function openRecords(choice: RecordsChoice, dataDir: string): Promise<RecordStore> {
  switch (choice.kind) {
    case "none": {
      const { createAbsentRecordStore } = await import("./adapters/none/record-store.ts");
      return createAbsentRecordStore();
    }
    case "sqlite": {
      const { createSqliteRecordStore } = await import("./adapters/sqlite/record-store.ts");
      return createSqliteRecordStore(join(dataDir, "data.db"));
    }
    case "postgres": {
      const { createPostgresRecordStore } = await import("./adapters/postgres/record-store.ts");
      return createPostgresRecordStore(choice);
    }
  }
}

async function openDataKeys({ subjectMasterKeys, mode, dataDir }: Config): Promise<DataKeys | undefined> {
  if (subjectMasterKeys === undefined && mode !== "dev") return undefined;
  const { createDataKeys, loadDevMasterKey } = await import("./adapters/master-key/data-keys.ts");
  const ofDataDir = () => inDataDir(dataDir, () => loadDevMasterKey(join(dataDir, "subject-master-key")));
  const [current = ofDataDir(), ...before] = subjectMasterKeys ?? [];
  return createDataKeys(current, ...before);
}

/** Opened when the first table is asked for, which in most functions is never. */
function openTables(objects: ObjectStore): TableEngine {
  const engine = late(async () => {
    const { createDuckdbTableEngine } = await import("./adapters/duckdb/table-engine.ts");
    return createDuckdbTableEngine(objects);
  });
  return {
    query: async (query) => (await engine.open()).query(query),
    rows: async function* rows(table) {
      yield* (await engine.open()).rows(table);
    },
    ping: async () => (await engine.open()).ping(),
    close: async () => (await engine.begun)?.close(),
  };
}

async function openBus(choice: BusChoice): Promise<Opened<MessageBus>> {
  switch (choice.kind) {
    case "in-process": {
      const { createInProcessBus } = await import("./adapters/in-process/message-bus.ts");
      return { adapter: createInProcessBus(() => rfc3339(systemClock.now())) };
    }
    case "pubsub": {
      const { createPubsubBus } = await import("./adapters/pubsub/message-bus.ts");
      const { projectId, emulatorHost, timers } = choice;
      const bus = createPubsubBus({ projectId, emulatorHost, timers, pingTopic: EVENTS_TOPIC });
      return { adapter: bus, close: () => bus.close() };
    }
  }
}

function usesEmulator({ store, objects, bus }: Config): boolean {
  const firestore = store.kind === "tiered" ? store.cold : store;
  return (
    (firestore.kind === "firestore" && firestore.emulatorHost !== undefined) ||
    (objects.kind === "gcs" && objects.emulatorUrl !== undefined) ||
    (bus.kind === "pubsub" && bus.emulatorHost !== undefined)
  );
}

/** Throws `config.data_dir_unusable` when the files in the data folder cannot be opened. */
function inDataDir<File>(dataDir: string, open: () => File): File {
  try {
    return open();
  } catch (cause) {
    if (cause instanceof RuntimeError) throw cause;
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new RuntimeError("config.data_dir_unusable", `DATA_DIR=${dataDir} cannot be used: ${reason}.`, { cause });
  }
}
