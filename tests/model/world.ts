import { asId } from "../../shared/ids.ts";
import type { JsonObject } from "../../shared/json.ts";
import type { ExecutionStore } from "../../shared/ports/execution-store.ts";
import type { BusMessage } from "../../shared/ports/message-bus.ts";
import { createOutboxRelay } from "../../shared/state/outbox-relay.ts";
import { type Actor, createActor, openSession, SESSION, SILENT, TENANT } from "./actor.ts";
import { checkEnd } from "./end-checks.ts";
import { ExternalSystem } from "./external-system.ts";
import { Invariants } from "./invariants.ts";
import { ModelDatabase } from "./model-database.ts";
import type { ExecutionRow } from "./model-rows.ts";
import { createModelStore, immediate, type Io } from "./model-store.ts";
import type { Scenario } from "./scenario.ts";

const START_MS = Date.parse("2026-01-01T00:00:00.000Z");
const SESSION_MS = 24 * 3_600_000;
const GRACE_MS = 1_000;

/** A store, workers around it, a clock that stands still until it is moved, and all that can happen to them. */
export class World {
  readonly database: ModelDatabase;
  readonly invariants: Invariants;
  readonly external = new ExternalSystem();
  readonly actors: Actor[] = [];
  readonly #scenario: Scenario;
  /** Whether the living have looked for work since something happened last. */
  #swept = false;
  #nowMs = START_MS;

  constructor(scenario: Scenario, known: () => boolean) {
    this.#scenario = scenario;
    this.invariants = new Invariants(known);
    this.database = new ModelDatabase(this.invariants, scenario.weakness);
    openSession(this.database, START_MS, SESSION_MS);
  }

  get nowMs(): number {
    return this.#nowMs;
  }

  get swept(): boolean {
    return this.#swept;
  }

  /** Executions that somebody must still do something for. */
  get unsettled(): readonly ExecutionRow[] {
    return [...this.database.executions.values()].filter(
      (row) => !row.terminal && (row.status !== "dead" || row.mail.length > 0),
    );
  }

  get isOwnedByTheLiving(): boolean {
    const living = new Set<string>(this.actors.filter(({ alive }) => alive).map(({ workerId }) => workerId));
    return this.unsettled.some(({ owner }) => living.has(owner));
  }

  /** Resolves when no promise is left to be settled: every worker waits for an I/O, or for nothing. */
  settled(): Promise<void> {
    return new Promise((resolve) => {
      setImmediate(resolve);
    });
  }

  /** A new worker, which begins with something. */
  spawn(what: "submits" | "takes over" | "retries"): Actor {
    const { intents } = this.#scenario;
    const actor = createActor({
      name: String.fromCodePoint(65 + this.actors.length),
      now: () => this.#nowMs,
      intents: (io) => intents(io, this.external),
      published: (id, data) => this.invariants.published(id, data),
      storeOf: (io) => this.#storeOf(io),
    });
    this.actors.push(actor);
    if (what === "submits") void submit(actor);
    else if (what === "retries") void this.#retry(actor);
    else actor.services.recovery.sweep().catch(() => undefined);
    return actor;
  }

  /** Every living worker looks for work; a new one where none lives. */
  sweep(): void {
    this.#swept = true;
    for (const { gone, workerId } of this.actors) if (gone) this.database.suspected.add(workerId);
    const living = this.actors.filter(({ alive, stopping }) => alive && !stopping);
    if (living.length === 0) this.spawn("takes over");
    for (const actor of living) {
      actor.remember("sweep");
      actor.services.recovery.sweep().catch(() => undefined);
    }
  }

  /** Something happened: looking for work may find some. */
  stir(): void {
    this.#swept = false;
  }

  crash(actor: Actor): void {
    this.stir();
    actor.alive = false;
    actor.pending.splice(0);
    this.database.suspected.add(actor.workerId);
  }

  /** Whoever lives counts as dead until it is heard of again. */
  suspectAll(): void {
    for (const { workerId, alive } of this.actors) if (alive) this.database.suspected.add(workerId);
  }

  stop(actor: Actor): void {
    actor.stopping = true;
    actor.killedAtMs = this.#nowMs + 2 * GRACE_MS;
    actor.remember("stop");
    const leave = async (): Promise<void> => {
      await actor.services.lifecycle.stop(GRACE_MS);
      actor.gone = true;
      this.database.suspected.add(actor.workerId);
    };
    void leave();
  }

  /** Whoever has not stopped by then is killed. */
  endGrace(actor: Actor): void {
    if (this.#nowMs < actor.killedAtMs) return this.passTo(actor.killedAtMs);
    this.invariants.violate("M11", `${actor.name} was told to stop and did not`);
    this.crash(actor);
  }

  passTo(atMs: number): void {
    this.stir();
    this.#nowMs = Math.max(this.#nowMs, atMs);
    for (const actor of this.actors) {
      if (!actor.alive) continue;
      actor.remember("woken");
      actor.wakeSleepers();
    }
  }

  send({ tenantId, executionId }: ExecutionRow, mailId: string, body: JsonObject): void {
    this.stir();
    this.database.write(tenantId, { records: [], log: [], outbox: [], mail: [{ mailId, executionId, body }] });
  }

  /** Somebody else writes every artifact: its version is another one now. */
  changeArtifacts(): void {
    for (const [key, row] of this.database.records) {
      if (row.kind === "artifact") this.database.records.set(key, { ...row, version: row.version + 1 });
    }
  }

  /** Publishes what no worker lived to publish, and checks what is left. */
  async end(): Promise<void> {
    const { invariants, database, external } = this;
    const bus = {
      publish: ({ id, data }: BusMessage) => Promise.resolve(invariants.published(id, data)),
      ping: () => Promise.resolve(),
    };
    const clock = { now: () => this.#nowMs, sleep: () => Promise.resolve() };
    const store = this.#storeOf(immediate);
    await createOutboxRelay({ store, bus, clock, logger: SILENT }).drain();
    checkEnd({ scenario: this.#scenario, invariants, database, external });
  }

  /** A person mends what made it fail, and wants it done again. */
  async #retry({ services }: Actor): Promise<void> {
    const [root] = this.database.executions.values();
    if (root === undefined) return;
    this.stir();
    this.external.mended = true;
    const repeat = { userId: undefined, traceId: asId.trace("trace_2") };
    await services.control.retry(TENANT, root.executionId, repeat).catch(() => undefined);
  }

  /** The store as workers have it; the mutations weaken it. */
  #storeOf(io: Io): ExecutionStore {
    const { wrap } = this.#scenario;
    return wrap === undefined ? createModelStore(this.database, io) : wrap(io, this.database);
  }

  discard(): void {
    for (const actor of this.actors) actor.discard();
  }

  /** All that the future depends on, but for who is at work and what may still go wrong. */
  fingerprint(): string {
    const { executions, records, outbox, suspected } = this.database;
    const actors = this.actors.map(({ name, alive, stopping, gone, memory }) =>
      alive ? `${name}${memory}${stopping}${gone}` : name,
    );
    return [
      this.#nowMs,
      this.#swept,
      ...suspected,
      ...Array.from(executions.values(), markOf),
      ...Array.from(records.values(), ({ id, version, body }) => `${id}@${version}${stateOf(body)}`),
      ...outbox.map(({ message, publishedMs }) => `${message.eventId}${publishedMs === undefined ? "" : "!"}`),
      ...actors,
      this.invariants.ghost(),
      ...this.external.applied,
      ...this.external.undone,
      this.external.mended,
    ].join("|");
  }
}

/** A client submits once more when it hears of an error: its idempotency key makes that safe. */
async function submit({ services }: Actor): Promise<void> {
  const [definition] = services.catalog.definitions;
  const submission = {
    tenantId: TENANT,
    userId: undefined,
    intentType: definition?.type ?? "",
    sessionId: SESSION,
    parameters: {},
    metadata: {},
    solutionId: undefined,
    intentId: undefined,
    idempotencyKey: "key",
    traceId: asId.trace("trace_1"),
  };
  await services.lifecycle
    .submit(submission)
    .catch(() => services.lifecycle.submit(submission))
    .catch(() => undefined);
}

function markOf({ executionId, epoch, owner, wakeMs, status, head, mail }: ExecutionRow): string {
  // The hash of its last log entry stands for its state (M6).
  const state = /"chain":\{"sequence":\d+,"hash":"([0-9a-f]{16})/.exec(head)?.[1] ?? head;
  return [executionId, epoch, owner, wakeMs, status, state, ...mail.map(({ mailId }) => mailId)].join();
}

function stateOf(body: string): string {
  return /"(?:state|status|lifecycle_state)":"(\w+)"/.exec(body)?.[1] ?? "";
}
