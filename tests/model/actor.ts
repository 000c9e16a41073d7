import { createLexicalModels } from "../../infra/adapters/models/lexical.ts";
import { createSqliteRecordStore } from "../../infra/adapters/sqlite/record-store.ts";
import { NO_GRAPH } from "../kit/no-graph.ts";
import { NO_GUEST_REQUESTS, NO_GUESTS, NO_RUNNERS } from "../kit/no-guests.ts";
import { NO_TABLES } from "../kit/no-tables.ts";
import { type Clock, rfc3339 } from "../../shared/clock.ts";
import { type Config, loadConfig } from "../../shared/config.ts";
import { createServices } from "../../shared/create-services.ts";
import { RuntimeError } from "../../shared/errors.ts";
import { asId, createIds, trustedTenantId, type WorkerId } from "../../shared/ids.ts";
import { sha256 } from "../../shared/json.ts";
import type { Logger } from "../../shared/logger.ts";
import type { IntentDefinition } from "../../shared/sagas/intent-definition.ts";
import type { Adapters, RuntimeServices } from "../../shared/services.ts";
import type { ModelDatabase } from "./model-database.ts";
import type { Call, Io } from "./model-store.ts";

export const TENANT = trustedTenantId("acme");
export const SESSION = asId.session("session_1");

/** An I/O that was asked for and not carried out yet. */
export interface PendingCall {
  readonly call: Call;
  carryOut(): void;
  /** The caller hears an error; `applied` says whether it is wrong. */
  fail(applied: boolean): void;
  /** Applied, and nobody hears of it. */
  applySilently(): void;
}

interface Sleeper {
  readonly dueMs: number;
  readonly wake: () => void;
  /** Takes its listener off the signal: Node keeps a combined signal alive as long as it has one. */
  readonly forget: () => void;
}

/** One worker process: the whole runtime over the model's store, as `create-services.ts` wires it. */
export interface Actor {
  readonly name: string;
  readonly services: RuntimeServices;
  readonly workerId: WorkerId;
  readonly pending: PendingCall[];
  alive: boolean;
  stopping: boolean;
  /** Has stopped, as it was told to. */
  gone: boolean;
  /** All that it ever heard: with its code, what it will do. */
  readonly memory: string;
  remember(what: string): void;
  /** When it is killed if it has not stopped by itself. */
  killedAtMs: number;
  /** When the first of its sleepers wakes; infinite when nobody sleeps. */
  nextSleepMs(): number;
  /** Wakes whoever sleeps until now. */
  wakeSleepers(): void;
  /** Gives back what the process would keep of it. */
  discard(): void;
}

export interface ActorDeps {
  readonly name: string;
  readonly now: () => number;
  readonly intents: (io: Io) => readonly IntentDefinition[];
  readonly published: (id: string, data: string) => void;
  readonly storeOf: (io: Io) => Adapters["store"];
}

const CONFIG: Config = loadConfig({});
export const SILENT: Logger = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
  with: () => SILENT,
};

export function createActor({ name, now, intents, published, storeOf }: ActorDeps): Actor {
  const pending: PendingCall[] = [];
  let sleepers: Sleeper[] = [];
  let memory = "";
  let serial = 0;
  const remember = (what: string): void => {
    memory = sha256(`${memory}${now()} ${what}`);
  };

  const io: Io = <Result>(call: Call, apply: () => Result): Promise<Result> => {
    if (call.kind === "hint") {
      const result = apply();
      remember(JSON.stringify(result) ?? "");
      return Promise.resolve(result);
    }
    return new Promise<Result>((resolve, reject) => {
      const take = (): void => void pending.splice(pending.indexOf(entry), 1);
      const entry: PendingCall = {
        call,
        carryOut: () => {
          take();
          try {
            const result = apply();
            remember(`${call.name} ${JSON.stringify(result) ?? ""}`);
            resolve(result);
          } catch (error) {
            remember(`${call.name} threw`);
            reject(error instanceof Error ? error : new Error(String(error)));
          }
        },
        applySilently: () => {
          take();
          attempt(apply);
        },
        fail: (applied) => {
          take();
          if (applied) attempt(apply);
          remember(`${call.name} failed`);
          reject(new RuntimeError("store.unavailable", "The store did not answer.", { status: 503, retryable: true }));
        },
      };
      pending.push(entry);
    });
  };

  const clock: Clock = {
    now,
    sleep: (delayMs, signal) =>
      new Promise((resolve) => {
        if (signal?.aborted === true) return resolve();
        const onAbort = (): void => {
          sleepers = sleepers.filter((each) => each !== sleeper);
          resolve();
        };
        const forget = (): void => signal?.removeEventListener("abort", onAbort);
        const sleeper: Sleeper = { dueMs: now() + delayMs, wake: resolve, forget };
        sleepers.push(sleeper);
        signal?.addEventListener("abort", onAbort, { once: true });
      }),
  };

  const random = { uuid: () => `${name}${(serial += 1)}`, fraction: () => 0.5 };
  const ids = createIds(random);
  const unused = (): never => {
    throw new RangeError("the model has no such adapter");
  };
  const services = createServices(
    CONFIG,
    {
      clock,
      ids,
      random,
      logger: SILENT,
      store: storeOf(io),
      objects: {
        storageType: "files",
        write: unused,
        read: unused,
        size: unused,
        delete: unused,
        deleteBelow: unused,
        spend: unused,
        uri: unused,
        ping: unused,
        adopt: unused,
        signUpload: unused,
        signDownload: unused,
        served: undefined,
      },
      bus: {
        publish: (message) =>
          io({ name: `publish ${message.id}`, kind: "hint" }, () => published(message.id, message.data)),
        ping: () => Promise.resolve(),
      },
      graph: NO_GRAPH,
      models: createLexicalModels(),
      rateBuckets: { take: unused, close: unused },
      records: createSqliteRecordStore(":memory:"),
      tables: NO_TABLES,
      guests: NO_GUESTS,
      runners: NO_RUNNERS,
      guestRequests: NO_GUEST_REQUESTS,
      tokens: { verify: unused },
      devTokens: undefined,
    },
    intents(io),
  );
  return {
    name,
    services,
    workerId: `worker_${name}1` as WorkerId,
    pending,
    alive: true,
    stopping: false,
    gone: false,
    killedAtMs: Number.POSITIVE_INFINITY,
    get memory() {
      return memory;
    },
    remember,
    nextSleepMs: () => Math.min(...sleepers.map(({ dueMs }) => dueMs)),
    wakeSleepers: () => {
      const due = sleepers.filter(({ dueMs }) => dueMs <= now());
      sleepers = sleepers.filter(({ dueMs }) => dueMs > now());
      for (const { wake, forget } of due) {
        forget();
        wake();
      }
    },
    discard: () => {
      for (const { forget } of sleepers.splice(0)) forget();
    },
  };
}

/** Nobody hears how it went. */
function attempt(apply: () => unknown): void {
  try {
    apply();
  } catch {
    // What was refused changed nothing.
  }
}

/** A live session in an empty store. */
export function openSession(database: ModelDatabase, nowMs: number, lifetimeMs: number): void {
  database.write(TENANT, {
    log: [],
    outbox: [],
    mail: [],
    records: [
      {
        kind: "session",
        id: SESSION,
        expectedVersion: 0,
        facets: ["all"],
        sortMs: nowMs,
        usableUntilMs: nowMs + lifetimeMs,
        body: {
          session_id: SESSION,
          tenant_id: TENANT,
          is_anonymous: true,
          status: "active",
          context: {},
          metadata: {},
          created_at: rfc3339(nowMs),
          updated_at: rfc3339(nowMs),
          chain: { sequence: 0, hash: "", timestamp_ms: nowMs },
        },
      },
    ],
  });
}
