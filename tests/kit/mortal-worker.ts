import { NO_GUEST_REQUESTS, NO_GUESTS, NO_RUNNERS } from "./no-guests.ts";
import { createDataKeys } from "../../infra/adapters/master-key/data-keys.ts";
import { createLexicalModels } from "../../infra/adapters/models/lexical.ts";
import type { Config } from "../../shared/config.ts";
import { createServices } from "../../shared/create-services.ts";
import { createLogger } from "../../shared/logger.ts";
import type { Acceptance, Change, Commit, ExecutionStore } from "../../shared/ports/execution-store.ts";
import type { GraphStore } from "../../shared/ports/graph-store.ts";
import type { BusMessage } from "../../shared/ports/message-bus.ts";
import type { ObjectStore } from "../../shared/ports/object-store.ts";
import type { RecordStore } from "../../shared/ports/record-store.ts";
import type { TableEngine } from "../../shared/ports/table-engine.ts";
import type { IntentDefinition } from "../../shared/sagas/intent-definition.ts";
import type { Adapters, RuntimeServices } from "../../shared/services.ts";
import { systemRandom } from "../../infra/adapters/system/system.ts";
import { NO_LIMITS_SET } from "./no-limits-set.ts";
import { type Activity, followed } from "./activity.ts";
import type { LeapingClock } from "./leaping-clock.ts";
import { testIds } from "./runtime.ts";

/** The same for every worker. */
const MASTER_KEY = Buffer.alloc(32, 7);

/**
 * The moment at which a worker dies: before its n-th contact with the outside is made, or after it, with the answer lost.
 * Heartbeats and looks around for work do not count.
 */
export interface Crash {
  readonly call: number;
  readonly when: "before" | "after";
}

/** What all workers of one play share. */
export interface Outside {
  readonly config: Config;
  readonly store: ExecutionStore;
  readonly objects: ObjectStore;
  readonly records: RecordStore;
  readonly graph: GraphStore;
  readonly tables: TableEngine;
  readonly clock: LeapingClock;
  readonly activity: Activity;
  readonly published: BusMessage[];
  /** What happened, a line for each contact with the outside. */
  readonly trace: string[];
  readonly intents: readonly IntentDefinition[];
}

/** The whole runtime of one process, which can die at any contact with the outside. */
export interface MortalWorker {
  readonly services: RuntimeServices;
  readonly dead: boolean;
  readonly died: Promise<void>;
  /** Contacts with the outside so far. */
  readonly calls: number;
}

export function openMortalWorker(name: string, outside: Outside, crash?: Crash): MortalWorker {
  const { clock, activity, trace } = outside;
  const death = Promise.withResolvers<void>();
  let calls = 0;
  let dead = false;
  const die = (): Promise<never> => {
    dead = true;
    trace.push(`${name} CRASHES ${crash?.when ?? ""} its call ${crash?.call ?? ""}`);
    clock.bury(name);
    death.resolve();
    return never();
  };
  const call = async <Result>(label: string, work: () => Promise<Result>): Promise<Result> => {
    if (dead) return never();
    calls += 1;
    const mine = calls;
    trace.push(`${name} ${mine} ${label}`);
    if (crash?.call === mine && crash.when === "before") return die();
    const result = await activity.io(work).catch((error: unknown) => {
      if (!dead) throw error;
      return never();
    });
    if (crash?.call === mine && crash.when === "after") return die();
    return dead ? never() : result;
  };
  const hint: CallOut = async (_label, work) => {
    if (dead) return never();
    const result = await activity.io(work);
    return dead ? never() : result;
  };

  const time = clock.of(name);
  const adapters: Adapters = {
    clock: { now: time.now, sleep: (ms, signal) => (dead ? never() : time.sleep(ms, signal)) },
    ids: testIds,
    random: systemRandom,
    logger: createLogger({ clock: time, level: "warn", write: (line) => trace.push(`${name} logs ${line}`) }),
    store: mortalStore(outside.store, call, hint),
    graph: mortalGraph(outside.graph, call),
    models: createLexicalModels(),
    objects: mortalObjects(outside.objects, call, activity, { isDead: () => dead, promise: death.promise }),
    bus: {
      publish: (message) =>
        call(
          `publish ${message.attributes["ce_type"] ?? message.id}`,
          async () => void outside.published.push(message),
        ),
      ping: () => Promise.resolve(),
    },
    rateBuckets: NO_LIMITS_SET,
    records: mortalRecords(outside.records, call),
    dataKeys: createDataKeys(MASTER_KEY),
    tables: mortalTables(outside.tables, call),
    guests: NO_GUESTS,
    runners: NO_RUNNERS,
    guestRequests: NO_GUEST_REQUESTS,
    tokens: { verify: () => Promise.resolve(undefined) },
    devTokens: undefined,
  };
  return {
    services: createServices(
      outside.config,
      adapters,
      outside.intents.map((intent) => followed(intent, activity, death.promise)),
    ),
    get dead() {
      return dead;
    },
    died: death.promise,
    get calls() {
      return calls;
    },
  };
}

type CallOut = <Result>(label: string, work: () => Promise<Result>) => Promise<Result>;

/** Heartbeats and looking around: a death at one of them is the same as one at what comes next. */
const HINTS: ReadonlySet<string> = new Set(["beat", "abandoned", "due", "unpublished", "ping"]);

function mortalStore(store: ExecutionStore, call: CallOut, hint: CallOut): ExecutionStore {
  const methods = Object.entries(store) as unknown as [string, (...args: unknown[]) => Promise<unknown>][];
  const wrapped = methods.map(([name, method]) => [
    name,
    (...args: unknown[]) => (HINTS.has(name) ? hint : call)(labelOf(name, args), () => method(...args)),
  ]);
  return Object.fromEntries(wrapped) as ExecutionStore;
}

function mortalRecords(records: RecordStore, call: CallOut): RecordStore {
  const { subjectKeys } = records;
  return {
    ...records,
    get: (view, table, id) => call(`records.get ${table} ${id}`, () => records.get(view, table, id)),
    list: (view, table, query) => call(`records.list ${table}`, () => records.list(view, table, query)),
    apply: (view, effect, writes) =>
      call(`records.apply ${effect.key} ${effect.part}`, () => records.apply(view, effect, writes)),
    undo: (view, key, atMs) => call(`records.undo ${key}`, () => records.undo(view, key, atMs)),
    subjectKeys: {
      get: (tenantId, id) => call(`subjectKeys.get ${id}`, () => subjectKeys.get(tenantId, id)),
      list: (tenantId, page) => call("subjectKeys.list", () => subjectKeys.list(tenantId, page)),
      rewrap: (tenantId, key, wrapped) =>
        call(`subjectKeys.rewrap ${key.subjectId}`, () => subjectKeys.rewrap(tenantId, key, wrapped)),
      add: (tenantId, key) => call(`subjectKeys.add ${key.subjectId}`, () => subjectKeys.add(tenantId, key)),
      erase: (tenantId, id, atMs) => call(`subjectKeys.erase ${id}`, () => subjectKeys.erase(tenantId, id, atMs)),
    },
  };
}

/** The answer of the engine is one contact; its files are its own affair. */
function mortalTables(tables: TableEngine, call: CallOut): TableEngine {
  return {
    ...tables,
    query: (query) => call("tables.query", () => tables.query(query)),
    rows: async function* rows(table) {
      yield* await call("tables.rows", () => Array.fromAsync(tables.rows(table)));
    },
  };
}

function mortalGraph(graph: GraphStore, call: CallOut): GraphStore {
  const methods = Object.entries(graph) as unknown as [string, (...args: unknown[]) => Promise<unknown>][];
  const wrapped = methods.map(([name, method]) => [
    name,
    (...args: unknown[]) => call(`graph.${labelOf(name === "write" ? "put" : name, args)}`, () => method(...args)),
  ]);
  return Object.fromEntries(wrapped) as GraphStore;
}

interface Death {
  readonly isDead: () => boolean;
  readonly promise: Promise<void>;
}

function mortalObjects(objects: ObjectStore, call: CallOut, activity: Activity, death: Death): ObjectStore {
  return {
    ...objects,
    write: (target, source) =>
      call(`objects.write ${target.directory}`, () => objects.write(target, untilDeath(source, death))),
    size: (path) => call(`objects.size ${path}`, () => objects.size(path)),
    signUpload: (leave) => call(`objects.signUpload ${leave.path}`, () => objects.signUpload(leave)),
    served: objects.served && {
      ...objects.served,
      put: (url, body) => call(`put ${url.pathname}`, async () => objects.served?.put(url, body)),
    },
    adopt: (path, target) => call(`objects.adopt ${path}`, () => objects.adopt(path, target)),
    delete: (path) => call(`objects.delete ${path}`, () => objects.delete(path)),
    spend: (path) => call(`objects.spend ${path}`, () => objects.spend(path)),
    deleteBelow: (directory) => call(`objects.deleteBelow ${directory}`, () => objects.deleteBelow(directory)),
    read: async (path) =>
      chunksOf(await call(`objects.read ${path}`, () => objects.read(path)), activity, death.isDead),
  };
}

/** What is written comes to an end with its worker, also where that dies over a contact which the bytes are made of. */
async function* untilDeath(source: AsyncIterable<Uint8Array>, { promise }: Death): AsyncIterable<Uint8Array> {
  const chunks = source[Symbol.asyncIterator]();
  const death = promise.then((): never => {
    throw new Error("the worker died over what it wrote");
  });
  death.catch(() => undefined);
  for (;;) {
    const next = await Promise.race([chunks.next(), death]);
    if (next.done === true) return;
    yield next.value;
  }
}

async function* chunksOf(
  source: AsyncIterable<Uint8Array>,
  activity: Activity,
  isDead: () => boolean,
): AsyncIterable<Uint8Array> {
  const chunks = source[Symbol.asyncIterator]();
  for (;;) {
    const next = await activity.io(() => chunks.next());
    if (isDead()) await never();
    if (next.done === true) return;
    yield next.value;
  }
}

function labelOf(name: string, args: readonly unknown[]): string {
  switch (name) {
    case "accept": {
      const [{ executionId, change }] = args as [Acceptance];
      return `accept ${executionId} ${told(change)}`;
    }
    case "commit": {
      const [{ executionId, epoch, change, release }] = args as [Commit];
      return `commit ${executionId} under epoch ${epoch} ${told(change)}${release === undefined ? "" : " and lets go"}`;
    }
    case "write":
      return `write ${told(args[1] as Change)}`;
    default:
      return `${name} ${args
        .map((arg) => JSON.stringify(arg))
        .join(" ")
        .slice(0, 160)}`;
  }
}

function told({ log, records, outbox, mail }: Change): string {
  const parts = [
    ...log.map(({ eventType, text }) => `${eventType}${/"step_name":("[^"]+")/.exec(text)?.[1] ?? ""}`),
    ...records.map(
      ({ kind, body }) => `${kind}=${String(body?.["state"] ?? body?.["status"] ?? body?.["lifecycle_state"] ?? "")}`,
    ),
    ...outbox.map(({ attributes }) => `tells ${attributes["ce_type"] ?? ""}`),
    ...mail.map(({ mailId }) => `mail ${mailId}`),
  ];
  return `[${parts.join(", ")}]`;
}

function never(): Promise<never> {
  return new Promise(() => undefined);
}
