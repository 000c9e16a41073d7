import { asId } from "../../shared/ids.ts";
import type { JsonObject } from "../../shared/json.ts";
import { type Actor, createActor, openSession, type PendingCall, SESSION, TENANT } from "./actor.ts";
import type { Chooser, History } from "./explorer.ts";
import { Invariants } from "./invariants.ts";
import { checkEnd } from "./end-checks.ts";
import { ExternalSystem } from "./external-system.ts";
import { type ExecutionRow, ModelDatabase } from "./model-database.ts";
import { createModelStore, type Io } from "./model-store.ts";
import type { Budgets, Scenario } from "./scenario.ts";

const START_MS = Date.parse("2026-01-01T00:00:00.000Z");
const HOUR_MS = 3_600_000;
/** No plan of a scenario waits longer. */
const LONGEST_WAIT_MS = 24 * HOUR_MS;
/** Longer than the time that a step of a scenario with stalls has. */
export const STALL_MS = 500;
const GRACE_MS = 1_000;
/** How soon a relay publishes what was committed. */
const GATHER_MS = 5;
/** After so many rounds of recovery without an end, there will be none. */
const MAX_ROUNDS = 60;

type Spendable = Exclude<keyof Budgets, "faults">;
interface Option {
  readonly label: string;
  readonly spends?: Spendable;
  readonly take: () => void;
}

/** One run of a scenario, as the chooser wants it. */
export class World {
  readonly database: ModelDatabase;
  readonly invariants: Invariants;
  readonly external = new ExternalSystem();
  readonly actors: Actor[] = [];
  readonly #scenario: Scenario;
  readonly #chooser: Chooser;
  readonly #steps: string[] = [];
  readonly #left: Record<keyof Budgets, number>;
  #nowMs = START_MS;
  #current: Actor | undefined;
  #justSwitched = false;
  /** Whoever carried out an I/O just now. */
  #last: Actor | undefined;
  #swept = false;

  constructor(scenario: Scenario, chooser: Chooser) {
    this.#scenario = scenario;
    this.#chooser = chooser;
    this.invariants = new Invariants(() => chooser.replaying);
    this.database = new ModelDatabase(this.invariants, scenario.weakness);
    openSession(this.database, START_MS, scenario.sessionMs ?? 24 * HOUR_MS);
    const { crashes = 0, errors = 0, takeovers = 0, duplicates = 0, cancels = 0, signals = 0 } = scenario.budgets;
    const { rivals = 0, drains = 0, stalls = 0, preemptions = 0, faults } = scenario.budgets;
    this.#left = {
      crashes,
      errors,
      takeovers,
      duplicates,
      cancels,
      signals,
      rivals,
      drains,
      stalls,
      preemptions,
      faults,
    };
  }

  /** Commits and acceptances that the store took. */
  get commits(): number {
    return this.invariants.commits;
  }

  async run(): Promise<History> {
    try {
      return await this.#play();
    } finally {
      for (const actor of this.actors) actor.discard();
    }
  }

  async #play(): Promise<History> {
    this.#spawn("submits");
    let rounds = 0;
    for (;;) {
      await drained();
      const options = this.#ready() ? this.#options() : this.#quietOptions();
      if (options === undefined) break;
      const labels = options.map(({ label }) => label);
      const choice = this.#chooser.choose(labels, () => this.#fingerprint());
      if (choice === undefined) return { steps: this.#steps, violations: this.invariants.violations };
      const option = options[choice];
      if (option === undefined) throw new RangeError("the chooser chose what there is not");
      this.#spend(option.spends);
      if (option.label !== "") this.#steps.push(option.label);
      this.#last = undefined;
      option.take();
      rounds += this.#ready() ? 0 : 1;
      if (rounds > MAX_ROUNDS) {
        this.invariants.violate("M1", "recovery goes round and round without an end");
        break;
      }
    }
    await this.#publishRest();
    const { invariants, database, external } = this;
    checkEnd({ scenario: this.#scenario, invariants, database, external });
    return { steps: this.#steps, violations: this.invariants.violations };
  }

  #ready(): boolean {
    return this.actors.some(isReady);
  }

  /** What can happen while somebody has something to do: the first option is that it does it. */
  #options(): Option[] {
    if (this.#current === undefined || !isReady(this.#current)) return this.#handOver();
    const actor = this.#current;
    const [call, ...others] = actor.pending;
    if (call === undefined) return [];
    const { name } = call.call;
    const options: Option[] = [{ label: `${actor.name}: ${name}`, take: () => this.#carryOut(actor, call) }];
    const add = (label: string, spends: Spendable, take: () => void): void => {
      if (this.#has(spends)) options.push({ label, spends, take });
    };
    // Between two I/Os of one worker, and after one that only reads, a crash leaves what a crash after its last write leaves.
    if (this.#last !== actor) add(`${actor.name} crashes before: ${name}`, "crashes", () => this.#crash(actor));
    if (call.call.kind === "write") {
      add(`${actor.name} crashes after: ${name}`, "crashes", () => {
        call.applySilently();
        this.#crash(actor);
      });
    }
    add(`${actor.name}: ${name} fails`, "errors", () => this.#fail(call, false));
    if (call.call.kind === "write")
      add(`${actor.name}: ${name} is done, but answers with an error`, "errors", () => this.#fail(call, true));
    for (const other of others) {
      add(`${actor.name}: ${other.call.name} (first)`, "preemptions", () => this.#carryOut(actor, other));
    }
    if (!this.#justSwitched) {
      for (const other of this.actors.filter((each) => each !== actor && isReady(each))) {
        add(`-> ${other.name}`, "preemptions", () => {
          this.#current = other;
          this.#justSwitched = true;
        });
      }
    }
    if (this.#ownedByTheLiving()) {
      add("the living are taken for dead", "takeovers", () => {
        for (const { workerId, alive } of this.actors) if (alive) this.database.suspected.add(workerId);
        this.#spawn("takes over");
      });
    }
    if (!actor.stopping) add(`${actor.name} is told to stop`, "drains", () => this.#drain(actor));
    add(`time passes while ${actor.name}: ${name} hangs`, "stalls", () => this.#passTo(this.#nowMs + STALL_MS));
    // What others do commutes with reading, unless it is mail that is read.
    return call.call.kind === "read" ? options : [...options, ...this.#outside()];
  }

  /** The current worker has nothing to do: any other may be next. */
  #handOver(): Option[] {
    return this.actors.filter(isReady).map((actor) => ({
      label: "",
      take: () => {
        this.#current = actor;
        this.#justSwitched = true;
      },
    }));
  }

  /** Nobody has anything to do by himself: sweeps, and the passing of time; undefined when all is over. */
  #quietOptions(): Option[] | undefined {
    const goOn = this.#recover();
    const outside = this.#outside();
    if (goOn !== undefined) return [goOn, ...outside];
    return outside.length === 0 ? undefined : [{ label: "", take: () => this.#exhaust() }, ...outside];
  }

  /** What others do to an execution, whoever runs it. */
  #outside(): Option[] {
    const options: Option[] = [];
    const [root] = this.database.executions.values();
    const add = (label: string, spends: Spendable, take: () => void): void => {
      if (this.#has(spends)) options.push({ label, spends, take });
    };
    add("the submission arrives again", "duplicates", () => this.#spawn("submits"));
    if (root === undefined || root.terminal) return options;
    add("cancel", "cancels", () => this.#mail(root, "cancel", { kind: "cancel", compensate: true }));
    const { signal } = this.#scenario;
    if (signal !== undefined) {
      const body = { kind: "signal", name: signal.name, payload: signal.payload };
      add(`signal ${signal.name}`, "signals", () => this.#mail(root, `signal/${signal.name}`, body));
    }
    if ([...this.database.records.values()].some(({ kind }) => kind === "artifact")) {
      add("somebody else changes the artifacts", "rivals", () => this.#rival());
    }
    return options;
  }

  /** A round of recovery, or a leap to when something is due; undefined when nothing is left to come. */
  #recover(): Option | undefined {
    const unsettled = [...this.database.executions.values()].filter(
      (row) => !row.terminal && (row.status !== "dead" || row.mail.length > 0),
    );
    if (unsettled.length > 0 && !this.#swept) {
      return { label: "", take: () => this.#sweep() };
    }
    const stopping = this.actors.find(({ alive, stopping: told, gone }) => alive && told && !gone);
    if (stopping !== undefined) return { label: "the grace period passes", take: () => this.#endGrace(stopping) };
    if (this.#scenario.relays === true && this.database.outbox.some(({ publishedMs }) => publishedMs === undefined)) {
      const nextMs = Math.min(...this.actors.flatMap((actor) => (actor.alive ? [actor.nextSleepMs()] : [])));
      if (nextMs <= this.#nowMs + GATHER_MS) return { label: "", take: () => this.#passTo(nextMs) };
    }
    const wakes = unsettled.flatMap(({ owner, wakeMs }) => (owner === "" && wakeMs !== undefined ? [wakeMs] : []));
    const nextMs = Math.min(...wakes.filter((wakeMs) => wakeMs > this.#nowMs));
    if (!Number.isFinite(nextMs)) return undefined;
    if (nextMs - this.#nowMs > LONGEST_WAIT_MS) {
      this.invariants.violate("M1", "nothing will happen any more until the execution's own time is over");
    }
    return { label: `time passes: ${nextMs - this.#nowMs} ms`, take: () => this.#passTo(nextMs) };
  }

  #sweep(): void {
    this.#swept = true;
    for (const { gone, workerId } of this.actors) if (gone) this.database.suspected.add(workerId);
    const living = this.actors.filter(({ alive, stopping }) => alive && !stopping);
    if (living.length === 0) return this.#spawn("takes over");
    for (const actor of living) {
      actor.remember("sweep");
      actor.services.recovery.sweep().catch(() => undefined);
    }
  }

  #spawn(what: "submits" | "takes over"): void {
    const { intents, wrap = (io: Io, database: ModelDatabase) => createModelStore(database, io) } = this.#scenario;
    const actor = createActor({
      name: String.fromCodePoint(65 + this.actors.length),
      database: this.database,
      now: () => this.#nowMs,
      intents: (io) => intents(io, this.external),
      published: (id, data) => this.invariants.published(id, data),
      wrap,
    });
    this.actors.push(actor);
    this.#current = actor;
    if (what === "submits") void submit(actor);
    else actor.services.recovery.sweep().catch(() => undefined);
  }

  #carryOut(actor: Actor, call: PendingCall): void {
    this.#last = actor;
    this.#justSwitched = false;
    this.#swept = false;
    call.carryOut();
  }

  #fail(call: PendingCall, applied: boolean): void {
    this.#justSwitched = false;
    this.#swept = false;
    call.fail(applied);
  }

  #crash(actor: Actor): void {
    this.#justSwitched = false;
    this.#swept = false;
    actor.alive = false;
    actor.pending.splice(0);
    this.database.suspected.add(actor.workerId);
  }

  #drain(actor: Actor): void {
    actor.stopping = true;
    actor.killedAtMs = this.#nowMs + 2 * GRACE_MS;
    actor.remember("stop");
    void actor.services.lifecycle.stop(GRACE_MS).then(() => {
      actor.gone = true;
      this.database.suspected.add(actor.workerId);
    });
  }

  /** Whoever has not stopped by then is killed. */
  #endGrace(actor: Actor): void {
    if (this.#nowMs < actor.killedAtMs) return this.#passTo(actor.killedAtMs);
    this.invariants.violate("M11", `${actor.name} was told to stop and did not`);
    this.#crash(actor);
  }

  #passTo(atMs: number): void {
    this.#swept = false;
    this.#nowMs = Math.max(this.#nowMs, atMs);
    for (const actor of this.actors) {
      if (!actor.alive) continue;
      actor.remember("woken");
      actor.wakeSleepers();
    }
  }

  #mail({ tenantId, executionId }: ExecutionRow, mailId: string, body: JsonObject): void {
    this.#swept = false;
    this.database.write(tenantId, { records: [], log: [], outbox: [], mail: [{ mailId, executionId, body }] });
  }

  #rival(): void {
    for (const [key, row] of this.database.records) {
      if (row.kind === "artifact") this.database.records.set(key, { ...row, version: row.version + 1 });
    }
  }

  /** Nothing comes from outside any more. */
  #exhaust(): void {
    for (const budget of ["duplicates", "cancels", "signals", "rivals"] as const) this.#left[budget] = 0;
  }

  #has(budget: Spendable): boolean {
    return this.#left[budget] > 0 && (budget === "preemptions" || this.#left.faults > 0);
  }

  #spend(budget: Spendable | undefined): void {
    if (budget === undefined) return;
    this.#left[budget] -= 1;
    if (budget !== "preemptions") this.#left.faults -= 1;
  }

  #ownedByTheLiving(): boolean {
    const living = new Set<string>(this.actors.filter(({ alive }) => alive).map(({ workerId }) => workerId));
    return [...this.database.executions.values()].some((row) => !row.terminal && living.has(row.owner));
  }

  /** What no worker lived to publish, a last one does. */
  async #publishRest(): Promise<void> {
    this.#spawn("takes over");
    const relay = this.actors.at(-1);
    if (relay === undefined) return;
    let over = false;
    const drain = relay.services.relay.drain().finally(() => {
      over = true;
    });
    while (!over) {
      await drained();
      relay.pending[0]?.carryOut();
    }
    await drain;
  }

  #fingerprint(): string {
    const executions = [...this.database.executions.values()].map(
      ({ executionId, epoch, owner, wakeMs, status, head, mail }) =>
        `${executionId},${epoch},${owner},${wakeMs ?? ""},${status},${chainOf(head)},${mail.map(({ mailId }) => mailId).join("+")}`,
    );
    const records = [...this.database.records.values()].map(
      ({ id, version, body }) => `${id}@${version}${stateOf(body)}`,
    );
    const outbox = this.database.outbox.map(
      ({ message, publishedMs }) => `${message.eventId}${publishedMs === undefined ? "" : "!"}`,
    );
    const actors = this.actors.map(({ name, alive, stopping, gone, memory }) =>
      alive ? `${name}${memory}${stopping}${gone}` : name,
    );
    return [
      this.#nowMs,
      this.#current?.name,
      this.#last?.name,
      this.#justSwitched,
      this.#swept,
      ...this.database.suspected,
      ...executions,
      ...records,
      ...outbox,
      ...actors,
      ...Object.values(this.#left),
      this.invariants.ghost(),
      ...this.external.applied,
      ...this.external.undone,
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

function isReady({ alive, pending }: Actor): boolean {
  return alive && pending.length > 0;
}

function chainOf(head: string): string {
  return /"chain":\{"sequence":\d+,"hash":"([0-9a-f]{16})/.exec(head)?.[1] ?? head;
}

function stateOf(body: string): string {
  return /"(?:state|status|lifecycle_state)":"(\w+)"/.exec(body)?.[1] ?? "";
}

/** When no promise is left to be settled: every worker waits for an I/O, or for nothing. */
function drained(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}
