import { createLexicalModels } from "../../infra/adapters/models/lexical.ts";
import { join } from "node:path";

import { createDuckdbTableEngine } from "../../infra/adapters/duckdb/table-engine.ts";
import { createFileObjectStore } from "../../infra/adapters/files/object-store.ts";
import { createInProcessBus, type InProcessBus } from "../../infra/adapters/in-process/message-bus.ts";
import { createDevIdentity } from "../../infra/adapters/jwt/dev-identity.ts";
import { loadKeyFile } from "../../infra/adapters/key-file/key-file.ts";
import { createDataKeys } from "../../infra/adapters/master-key/data-keys.ts";
import { createSqliteRateBuckets } from "../../infra/adapters/sqlite/rate-buckets.ts";
import { createSqliteRecordStore } from "../../infra/adapters/sqlite/record-store.ts";
import { createSqliteGraphStore } from "../../infra/adapters/sqlite/graph-store.ts";
import { createSqliteStore } from "../../infra/adapters/sqlite/execution-store.ts";
import { systemClock, systemRandom } from "../../infra/adapters/system/system.ts";
import { openGuestPool } from "../../infra/adapters/wasm/guest-pool.ts";
import { createHttpProvider } from "../../infra/adapters/wasm/http-provider.ts";
import { createRunners } from "../../infra/adapters/wasm-runner/runners.ts";
import { onFirstUse } from "../../infra/open/on-first-use.ts";
import { type Clock, rfc3339 } from "../../shared/clock.ts";
import { type Config, loadConfig } from "../../shared/config.ts";
import { createServices } from "../../shared/create-services.ts";
import type { Execution } from "../../shared/executions/execution.ts";
import type { SubmitAnswer } from "../../shared/executions/execution-lifecycle.ts";
import type { Submission } from "../../shared/executions/submission.ts";
import { createIds, type Ids, type SessionId, type TenantId, trustedTenantId } from "../../shared/ids.ts";
import type { JsonObject } from "../../shared/json.ts";
import { createLogger } from "../../shared/logger.ts";
import type { ExecutionStore } from "../../shared/ports/execution-store.ts";
import type { RecordStore } from "../../shared/ports/record-store.ts";
import type { GraphStore } from "../../shared/ports/graph-store.ts";
import type { RateBuckets } from "../../shared/ports/rate-buckets.ts";
import type { GuestPool } from "../../shared/ports/wasm-runtime.ts";
import type { Random } from "../../shared/random.ts";
import type { IntentDefinition } from "../../shared/sagas/intent-definition.ts";
import type { RuntimeServices } from "../../shared/services.ts";
import { createStateSurface } from "../../shared/state/state-surface.ts";
import { createModuleSource } from "../../shared/wasm/module-store.ts";
import { temporaryFolder } from "./temporary-folder.ts";

export interface TestRuntimeOptions {
  readonly intents?: readonly IntentDefinition[];
  /** Default: the machine's own clock. */
  readonly clock?: Clock;
  /** Default: a SQLite database in memory, closed with the runtime. A store given here stays open. */
  readonly store?: ExecutionStore;
  /** Where objects go; default a folder that goes with the runtime. */
  readonly folder?: string;
  readonly config?: Partial<Config>;
  /** Default: buckets of its own in memory. */
  readonly rateBuckets?: RateBuckets;
  /** Default: a SQLite database in memory, closed with the runtime. */
  readonly records?: RecordStore;
  readonly graph?: GraphStore;
  /** Default: the machine's own. */
  readonly random?: Random;
}

/** The whole runtime over real adapters: SQLite in memory, files in a temporary folder, the in-process bus. */
export interface TestRuntime extends AsyncDisposable {
  readonly services: RuntimeServices;
  readonly store: ExecutionStore;
  readonly bus: InProcessBus;
  readonly graph: GraphStore;
  readonly tenantId: TenantId;
  /** A live session of the tenant. */
  readonly sessionId: SessionId;
  /** Every line that was logged, parsed. */
  readonly logged: readonly JsonObject[];
  submit(intentType: string, parameters?: JsonObject, more?: Partial<Submission>): Promise<SubmitAnswer>;
  /** Submits, and waits for the end. */
  run(intentType: string, parameters?: JsonObject, more?: Partial<Submission>): Promise<Execution>;
}

/** Opens a runtime for one test: `await using runtime = await openRuntime({ intents })` stops it at the end. */
export async function openRuntime(options: TestRuntimeOptions = {}): Promise<TestRuntime> {
  const { clock = systemClock } = options;
  const temporary = await temporaryFolder();
  const folder = options.folder ?? temporary.path;
  const store = options.store ?? createSqliteStore(":memory:");
  const records = options.records ?? createSqliteRecordStore(":memory:");
  const graph = options.graph ?? createSqliteGraphStore(":memory:");
  const bus = createInProcessBus(() => rfc3339(clock.now()));
  const identity = createDevIdentity(loadKeyFile(join(temporary.path, "dev-signing-key")), () => clock.now());
  const logged: JsonObject[] = [];
  const config: Config = { ...loadConfig({ DATA_DIR: folder }), ...options.config };
  const objects = createFileObjectStore(join(folder, "objects"));
  const tables = createDuckdbTableEngine(objects);
  const modules = createModuleSource({ surface: createStateSurface(store), objects });
  const guests = onFirstUse<GuestPool>({ admit: true, invoke: true, close: true }, () =>
    openGuestPool({ modules, threads: 4 }),
  );
  const logger = createLogger({
    clock,
    level: "debug",
    write: (line) => void logged.push(JSON.parse(line) as JsonObject),
  });
  const runners = createRunners({
    modules,
    token: () => Promise.resolve(undefined),
    logger,
  });
  const adapters = {
    clock,
    ids: testIds,
    random: options.random ?? systemRandom,
    logger,
    store,
    objects,
    bus,
    graph,
    tables,
    guests,
    runners,
    guestRequests: createHttpProvider(),
    models: createLexicalModels(),
    rateBuckets: options.rateBuckets ?? createSqliteRateBuckets(":memory:"),
    records,
    dataKeys: createDataKeys(loadKeyFile(join(temporary.path, "subject-master-key"))),
    tokens: identity,
    devTokens: identity,
  };
  const services = createServices(config, adapters, options.intents ?? []);
  const tenantId = trustedTenantId("acme");
  const sessionId = await newSession(services, tenantId);

  const submit: TestRuntime["submit"] = (intentType, parameters = {}, more = {}) =>
    services.lifecycle.submit({
      tenantId,
      userId: undefined,
      intentType,
      sessionId,
      parameters,
      metadata: {},
      solutionId: undefined,
      intentId: undefined,
      idempotencyKey: undefined,
      traceId: testIds.trace(),
      ...more,
    });

  return {
    services,
    store,
    bus,
    graph,
    tenantId,
    sessionId,
    logged,
    submit,
    run: async (intentType, parameters, more) => {
      const { execution } = await submit(intentType, parameters, more);
      return services.lifecycle.wait(more?.tenantId ?? tenantId, execution.execution_id, 60_000);
    },
    [Symbol.asyncDispose]: async () => {
      await services.lifecycle.stop(0);
      await services.relay.drain();
      await Promise.all([tables.close(), guests.close(), runners.close()]);
      if (options.store === undefined) await store.close();
      if (options.records === undefined) await records.close();
      if (options.graph === undefined) await graph.close();
      await temporary[Symbol.asyncDispose]();
    },
  };
}

/** A live session of a tenant. */
export async function newSession(services: RuntimeServices, tenantId: TenantId): Promise<SessionId> {
  const draft = { tenantId, userId: undefined, context: {}, metadata: {}, traceId: testIds.trace() };
  return (await services.sessions.create(draft)).session.session_id;
}

/** Fresh ids for tests. */
export const testIds: Ids = createIds(systemRandom);
