import { join } from "node:path";

import { createFileObjectStore } from "../../infra/adapters/files/object-store.ts";
import { createSqliteRecordStore } from "../../infra/adapters/sqlite/record-store.ts";
import { createSqliteGraphStore } from "../../infra/adapters/sqlite/graph-store.ts";
import { createDuckdbTableEngine } from "../../infra/adapters/duckdb/table-engine.ts";
import { createSqliteStore } from "../../infra/adapters/sqlite/execution-store.ts";
import { type Config, loadConfig } from "../../shared/config.ts";
import type { DataScope } from "../../shared/data-classification.ts";
import { type Execution, isSettled } from "../../shared/executions/execution.ts";
import { loadExecution, loadHead } from "../../shared/executions/stored-execution.ts";
import { asId, type SessionId, type TenantId, trustedTenantId } from "../../shared/ids.ts";
import type { JsonObject } from "../../shared/json.ts";
import type { ExecutionRef } from "../../shared/ports/execution-store.ts";
import { GRAPH_COLLECTIONS } from "../../shared/ports/graph-schema.ts";
import type { GraphDocument, GraphStore } from "../../shared/ports/graph-store.ts";
import type { TableEngine } from "../../shared/ports/table-engine.ts";
import type { BusMessage } from "../../shared/ports/message-bus.ts";
import type { RecordStore } from "../../shared/ports/record-store.ts";
import { RECORD_TABLES, type RecordTable } from "../../shared/ports/record-tables.ts";
import type { IntentDefinition } from "../../shared/sagas/intent-definition.ts";
import { type Activity, createActivity } from "./activity.ts";
import { historyFaults } from "./history-faults.ts";
import { createLeapingClock, type LeapingClock } from "./leaping-clock.ts";
import { type Crash, type MortalWorker, openMortalWorker, type Outside } from "./mortal-worker.ts";
import { lostBytes } from "./lost-bytes.ts";
import { newSession } from "./runtime.ts";
import { folderInMemory } from "./temporary-folder.ts";
import { type Witness, witnessed } from "./witness.ts";

const START_MS = Date.parse("2026-01-01T00:00:00.000Z");
const TENANT = trustedTenantId("acme");
/** Leaps of time without anything written, after which nothing will ever be. */
const PATIENCE_LEAPS = 1_000;
/** Timers that are due so soon end by themselves. */
const SOON_MS = 100;
const SWEEP_EVERY_MS = 1_000;
const FAR_MS = 1e12;
const PAGE = { limit: 1_000 };

/** What an execution has become, read past every worker. */
export interface Ended {
  readonly state: Execution;
  readonly effects: ReadonlyMap<string, string>;
}

/**
 * One play of an intent: a SQLite store in memory, files in a folder of its own, time that leaps, and one worker at a time, which
 * may die and is then replaced.
 */
export class Stage implements AsyncDisposable {
  readonly tenantId: TenantId = TENANT;
  readonly trace: string[] = [];
  readonly published: BusMessage[] = [];
  readonly clock: LeapingClock = createLeapingClock(START_MS);
  readonly activity: Activity = createActivity();
  readonly folder: string;
  readonly graph: GraphStore = createSqliteGraphStore(":memory:");
  readonly intents: readonly IntentDefinition[];
  readonly #remove: () => Promise<void>;
  readonly #witness: Witness;
  readonly #rows: RecordStore = createSqliteRecordStore(":memory:");
  readonly #outside: Outside;
  readonly #tables: TableEngine;
  #crash: Crash | undefined;
  #names = 0;
  #worker: MortalWorker | undefined;

  static async open(intents: readonly IntentDefinition[]): Promise<Stage> {
    const folder = await folderInMemory();
    return new Stage(intents, folder.path, () => folder[Symbol.asyncDispose]());
  }

  private constructor(intents: readonly IntentDefinition[], folder: string, remove: () => Promise<void>) {
    this.intents = intents;
    this.folder = folder;
    this.#remove = remove;
    this.#witness = witnessed(createSqliteStore(":memory:"), (atMs) => this.clock.remember(atMs));
    const config: Config = loadConfig({ DATA_DIR: folder });
    const objects = createFileObjectStore(join(folder, "objects"));
    this.#tables = createDuckdbTableEngine(objects);
    this.#outside = {
      config,
      store: this.#witness.store,
      graph: this.graph,
      records: this.#rows,
      objects,
      tables: this.#tables,
      clock: this.clock,
      activity: this.activity,
      published: this.published,
      trace: this.trace,
      intents,
    };
  }

  /** The worker of now; the next one is to die as told. */
  get worker(): MortalWorker {
    if (this.#worker === undefined || this.#worker.dead) {
      this.#worker = openMortalWorker(this.#nextName(), this.#outside, this.#crash);
      this.#crash = undefined;
    }
    return this.#worker;
  }

  /** Ends the worker of now in good order; the one after it dies at `crash`. */
  async change(crash?: Crash): Promise<void> {
    const worker = this.#worker;
    if (worker?.dead === false) await this.passing(Promise.race([worker.services.lifecycle.stop(0), worker.died]));
    this.#worker = undefined;
    this.#crash = crash;
  }

  async session(): Promise<SessionId> {
    return this.passing(newSession(this.worker.services, TENANT));
  }

  /** Does something with the worker of now, and again with the next one when it dies over it. */
  async insist<Result>(action: (worker: MortalWorker) => Promise<Result>): Promise<Result> {
    for (;;) {
      const { worker } = this;
      const done = action(worker).then((value) => ({ value }));
      const result = await this.passing(Promise.race([done, worker.died]));
      if (result !== undefined) return result.value;
    }
  }

  /** Waits for something, letting time pass whenever nothing goes on. */
  async passing<Result>(awaited: Promise<Result>): Promise<Result> {
    let over = false;
    const end = (): void => {
      over = true;
    };
    awaited.then(end, end);
    for (let leaps = 0; ; leaps += 1) {
      await this.activity.quiet();
      if (over) return awaited;
      if (leaps > PATIENCE_LEAPS || !this.clock.leap()) throw new Error("something never ends");
    }
  }

  /** Lets the worker of now, and those after it, do all that is left to be done. Throws when that never ends. */
  async settle(): Promise<void> {
    for (let idle = 0; ; idle += 1) {
      const { changes } = this.#witness;
      const swept = await this.insist(async (worker) => {
        await worker.services.recovery.sweep();
        await worker.services.relay.drain();
        return worker;
      });
      await this.activity.quiet();
      if (await this.isSettled()) return;
      // Time passes only once a sweep has found nothing to do.
      if (changes !== this.#witness.changes || swept.dead) {
        idle = 0;
        continue;
      }
      // A sweep comes every second: while work is held by one who may be dead, time goes on in such steps.
      const held = (await this.#heldByAnybody()).length > 0;
      if (idle > PATIENCE_LEAPS || !this.clock.leap(held ? SWEEP_EVERY_MS : undefined))
        throw new Error(`it never ends: ${await this.#open()}`);
      await this.activity.quiet();
    }
  }

  async isSettled(): Promise<boolean> {
    const live = await this.#witness.store.listExecutions(TENANT, { live: true }, PAGE);
    const open = live.items.filter((head) => !isSettled(loadHead(head).status));
    return open.length === 0 && (await this.#witness.store.unpublished(1)).length === 0;
  }

  /** Every execution of the tenant, the oldest first. */
  async executions(): Promise<readonly Ended[]> {
    const { store } = this.#witness;
    const heads = await store.listExecutions(TENANT, {}, PAGE);
    const effects = await store.listRecords(TENANT, "effect", "all", PAGE);
    const found: Ended[] = [];
    for (const head of heads.items.toReversed()) {
      const executionId = asId.execution(String(head["execution_id"]));
      const stored = await store.readExecution(TENANT, executionId);
      if (stored === undefined) throw new Error(`${executionId} is listed, and cannot be read`);
      const mine = effects.items.filter(({ id }) => id.startsWith(`${executionId}/`));
      const states = mine.map(({ id, body }) => [id.slice(executionId.length + 1), String(body["state"])] as const);
      found.push({ state: loadExecution(stored).state, effects: new Map(states) });
    }
    return found;
  }

  /** Every record of every kind, as text. */
  async records(): Promise<readonly { readonly kind: string; readonly body: JsonObject }[]> {
    const found: { kind: string; body: JsonObject }[] = [];
    for (const kind of this.#witness.kinds) {
      const page = await this.#witness.store.listRecords(TENANT, kind, "all", PAGE);
      found.push(...page.items.map(({ body }) => ({ kind, body })));
    }
    return found;
  }

  /** Every row of the tenant in the record store, of either class. */
  async rows(): Promise<readonly { readonly table: string; readonly row: object }[]> {
    const found: { table: string; row: object }[] = [];
    for (const table of Object.keys(RECORD_TABLES) as RecordTable[]) {
      for (const dataClassification of ["client", "platform"] as const) {
        const page = await this.#rows.list({ dataClassification, tenantId: TENANT }, table, PAGE);
        found.push(...page.items.map((row) => ({ table, row })));
      }
    }
    return found;
  }

  /** Every document and edge of the graph store. */
  async graphDocuments(): Promise<readonly { readonly collection: string; readonly document: GraphDocument }[]> {
    const scopes: readonly DataScope[] = [
      { dataClassification: "client", tenantId: TENANT },
      { dataClassification: "platform" },
    ];
    const pages = scopes.flatMap((scope) =>
      GRAPH_COLLECTIONS.map(async (collection) => {
        const { items } = await this.graph.list(scope, collection, undefined, PAGE);
        return items.map((document) => ({ collection, document }));
      }),
    );
    return (await Promise.all(pages)).flat();
  }

  /** What of the promises is broken, now that nothing happens any more. */
  async faults(): Promise<readonly string[]> {
    const { store, messages } = this.#witness;
    const faults: string[] = [];
    for (const { state, effects } of await this.executions()) {
      const executionId = state.execution_id;
      const log = await store.readLog(TENANT, { executionId, order: "chronological" }, { limit: 10_000 });
      const told = messages.filter(({ orderingKey }) => orderingKey === executionId);
      const types = told.map(({ eventId, attributes }) => ({ eventId, type: attributes["ce_type"] ?? "" }));
      const definition = this.intents.find(({ type }) => type === state.intent_type);
      faults.push(...historyFaults({ state, texts: log.items, messages: types, effects }, definition));
      if (!isSettled(state.status)) faults.push(`${executionId} is ${state.status}`);
      if (state.status !== "dead" && (await store.readMail(TENANT, executionId)).length > 0)
        faults.push(`${executionId} has unread mail`);
    }
    for (const { eventId, data } of messages) {
      const sent = this.published.filter(({ id }) => id === eventId);
      if (sent.length === 0) faults.push(`the message ${eventId} was never published`);
      if (sent.some((message) => message.data !== data)) faults.push(`the message ${eventId} was published otherwise`);
    }
    const held = await this.#heldByAnybody();
    if (held.length > 0) faults.push(`still held: ${held.map(({ executionId }) => executionId).join(", ")}`);
    for (const folder of await lostBytes(join(this.folder, "objects"), await this.records()))
      faults.push(`bytes lie in ${folder}, and no record knows of them`);
    const timers = this.clock.sleepers(SOON_MS);
    if (timers > 0) faults.push(`${timers} timers are left`);
    return faults;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#witness.store.close();
    await this.#rows.close();
    await this.graph.close();
    await this.#tables.close();
    await this.#remove();
  }

  #nextName(): string {
    this.#names += 1;
    return `worker ${this.#names}`;
  }

  /** Seen from a time at which every heartbeat is old. */
  #heldByAnybody(): Promise<readonly ExecutionRef[]> {
    return this.#witness.store.abandoned({ nowMs: this.clock.now() + FAR_MS, deadAfterMs: 0, limit: 10 });
  }

  async #open(): Promise<string> {
    const all = await this.executions();
    const open = all.filter(({ state }) => !isSettled(state.status));
    return open
      .map(
        ({ state }) =>
          `${state.execution_id} (${state.intent_type}) is ${state.status} at ${state.steps.at(-1)?.step_name}`,
      )
      .join("; ");
  }
}
