import type { Actor, PendingCall } from "./actor.ts";
import type { Chooser, History } from "./explorer.ts";
import { Purse, type Spendable } from "./purse.ts";
import type { Scenario } from "./scenario.ts";
import { World } from "./world.ts";

/** No plan of a scenario waits longer. */
const LONGEST_WAIT_MS = 48 * 3_600_000;
/** Longer than the time that a step of a scenario with stalls has. */
const STALL_MS = 500;
/** How soon a relay publishes what was committed. */
const GATHER_MS = 5;
/** After so many events without an end, there will be none. */
const MAX_EVENTS = 600;

/** Something that may happen next; without a label it is no event of its own. */
interface Option {
  readonly label: string;
  readonly spends?: Spendable;
  readonly take: () => void;
}

/** Runs one history: whenever every worker waits, the chooser says what happens next. The first option is that all goes well. */
export class Scheduler {
  readonly world: World;
  readonly #scenario: Scenario;
  readonly #chooser: Chooser;
  readonly #purse: Purse;
  readonly #steps: string[] = [];
  #current: Actor | undefined;
  #justSwitched = false;
  /** Whoever carried out an I/O just now. */
  #last: Actor | undefined;

  constructor(scenario: Scenario, chooser: Chooser) {
    this.#scenario = scenario;
    this.#chooser = chooser;
    this.#purse = new Purse(scenario.budgets);
    this.world = new World(scenario, () => chooser.replaying);
  }

  async run(): Promise<History> {
    const { world } = this;
    try {
      if (await this.#play()) await world.end();
      return { steps: this.#steps, violations: world.invariants.violations };
    } finally {
      world.discard();
    }
  }

  /** Whether the history came to its end, rather than to a state that was seen before. */
  async #play(): Promise<boolean> {
    const { world } = this;
    this.#current = world.spawn("submits");
    for (let events = 0; events < MAX_EVENTS; events += 1) {
      await world.settled();
      const options = this.#somebodyIsReady() ? this.#options() : this.#quietOptions();
      if (options === undefined) return true;
      const labels = options.map(({ label }) => label);
      const choice = this.#chooser.choose(labels, () => this.#fingerprint());
      if (choice === undefined) return false;
      this.#take(options[choice]);
    }
    world.invariants.violate("M1", "it goes round and round without an end");
    return true;
  }

  #take(option: Option | undefined): void {
    if (option === undefined) throw new RangeError("the chooser chose what there is not");
    this.#purse.spend(option.spends);
    if (option.label !== "") this.#steps.push(option.label);
    this.#last = undefined;
    option.take();
  }

  #somebodyIsReady(): boolean {
    return this.world.actors.some(isReady);
  }

  /** What can happen while somebody has something to do. */
  #options(): Option[] {
    if (this.#current === undefined || !isReady(this.#current)) return this.#handOver();
    const actor = this.#current;
    const [call, ...others] = actor.pending;
    if (call === undefined) return [];
    const happy = { label: `${actor.name}: ${call.call.name}`, take: () => this.#carryOut(actor, call) };
    const options = [happy, ...this.#mishaps(actor, call), ...this.#interruptions(actor, others)];
    // What others do commutes with reading, unless it is mail that is read.
    return call.call.kind === "read" ? options : [...options, ...this.#outside()];
  }

  #mishaps(actor: Actor, call: PendingCall): Option[] {
    const { world } = this;
    const { name, kind } = call.call;
    const crash = (): void => {
      this.#justSwitched = false;
      world.crash(actor);
    };
    const fail = (applied: boolean): void => {
      this.#justSwitched = false;
      world.stir();
      call.fail(applied);
    };
    const options: Option[] = [];
    const add = this.#adderTo(options);
    // Between two I/Os of one worker, and after one that only reads, a crash leaves what a crash after its last write leaves.
    if (this.#last !== actor) add(`${actor.name} crashes before: ${name}`, "crashes", crash);
    if (kind === "write") {
      add(`${actor.name} crashes after: ${name}`, "crashes", () => {
        call.applySilently();
        crash();
      });
      add(`${actor.name}: ${name} is done, but answers with an error`, "errors", () => fail(true));
    }
    add(`${actor.name}: ${name} fails`, "errors", () => fail(false));
    add(`time passes while ${actor.name}: ${name} hangs`, "stalls", () => world.passTo(world.nowMs + STALL_MS));
    if (!actor.stopping) add(`${actor.name} is told to stop`, "drains", () => world.stop(actor));
    return options;
  }

  #interruptions(actor: Actor, others: readonly PendingCall[]): Option[] {
    const { world } = this;
    const options: Option[] = [];
    const add = this.#adderTo(options);
    for (const other of others) {
      add(`${actor.name}: ${other.call.name} (first)`, "preemptions", () => this.#carryOut(actor, other));
    }
    for (const other of this.#justSwitched ? [] : world.actors) {
      if (other !== actor && isReady(other)) add(`-> ${other.name}`, "preemptions", () => this.#switchTo(other));
    }
    if (world.isOwnedByTheLiving) {
      add("the living are taken for dead", "takeovers", () => {
        world.suspectAll();
        this.#current = world.spawn("takes over");
      });
    }
    return options;
  }

  /** The current worker has nothing to do: any other may be next. */
  #handOver(): Option[] {
    return this.world.actors.filter(isReady).map((actor) => ({ label: "", take: () => this.#switchTo(actor) }));
  }

  /** Nobody has anything to do by himself: sweeps, and the passing of time; undefined when all is over. */
  #quietOptions(): Option[] | undefined {
    const goOn = this.#recover();
    const outside = this.#outside();
    if (goOn !== undefined) return [goOn, ...outside];
    return outside.length === 0 ? undefined : [{ label: "", take: () => this.#purse.closeOutside() }, ...outside];
  }

  /** What others do, whoever runs the execution. */
  #outside(): Option[] {
    const { world } = this;
    const options: Option[] = [];
    const add = this.#adderTo(options);
    add("the submission arrives again", "duplicates", () => {
      this.#current = world.spawn("submits");
    });
    const [root] = world.database.executions.values();
    if (root === undefined) return options;
    if (root.status === "dead" || (root.terminal && root.status !== "completed")) {
      add("a person retries it", "retries", () => {
        this.#current = world.spawn("retries");
      });
    }
    if (root.terminal) return options;
    // As the runtime asks it: what is dead can only be given up.
    const stops = this.#scenario.stops === true || root.status === "dead";
    const cancelling = stops ? "cancel/stop" : "cancel";
    add(cancelling, "cancels", () => world.send(root, cancelling, { kind: "cancel", compensate: !stops }));
    const { signal } = this.#scenario;
    if (signal !== undefined) {
      const body = { kind: "signal", name: signal.name, payload: signal.payload };
      add(`signal ${signal.name}`, "signals", () => world.send(root, `signal/${signal.name}`, body));
    }
    if ([...world.database.records.values()].some(({ kind }) => kind === "artifact")) {
      add("somebody else changes the artifacts", "rivals", () => world.changeArtifacts());
    }
    return options;
  }

  /** A round of recovery, or a leap to when something is due; undefined when nothing is left to come. */
  #recover(): Option | undefined {
    const { world } = this;
    const { unsettled, nowMs, actors } = world;
    if (unsettled.length > 0 && !world.swept) return { label: "", take: () => world.sweep() };
    const stopping = actors.find(({ alive, stopping: told, gone }) => alive && told && !gone);
    if (stopping !== undefined) return { label: "the grace period passes", take: () => world.endGrace(stopping) };
    if (this.#scenario.relays === true && world.database.outbox.some(({ publishedMs }) => publishedMs === undefined)) {
      const relayMs = Math.min(...actors.flatMap((actor) => (actor.alive ? [actor.nextSleepMs()] : [])));
      if (relayMs <= nowMs + GATHER_MS) return { label: "", take: () => world.passTo(relayMs) };
    }
    const wakes = unsettled.flatMap(({ owner, wakeMs }) => (owner === "" && wakeMs !== undefined ? [wakeMs] : []));
    const nextMs = Math.min(...wakes.filter((wakeMs) => wakeMs > nowMs));
    if (!Number.isFinite(nextMs)) return undefined;
    if (nextMs - nowMs > LONGEST_WAIT_MS) {
      world.invariants.violate("M1", "nothing will happen any more until the execution's own time is over");
    }
    return { label: `time passes: ${nextMs - nowMs} ms`, take: () => world.passTo(nextMs) };
  }

  #carryOut(actor: Actor, call: PendingCall): void {
    this.#last = actor;
    this.#justSwitched = false;
    this.world.stir();
    call.carryOut();
  }

  #switchTo(actor: Actor): void {
    this.#current = actor;
    this.#justSwitched = true;
  }

  /** Adds options as far as the purse allows. */
  #adderTo(options: Option[]) {
    return (label: string, spends: Spendable, take: () => void): void => {
      if (this.#purse.has(spends)) options.push({ label, spends, take });
    };
  }

  #fingerprint(): string {
    const who = [this.#current?.name, this.#last?.name, this.#justSwitched, this.#purse];
    return `${who.join("|")}|${this.world.fingerprint()}`;
  }
}

function isReady({ alive, pending }: Actor): boolean {
  return alive && pending.length > 0;
}
