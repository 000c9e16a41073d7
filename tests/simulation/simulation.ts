import { RuntimeError } from "../../shared/errors.ts";
import { asId, type ExecutionId, type SessionId } from "../../shared/ids.ts";
import type { BusMessage } from "../../shared/ports/message-bus.ts";
import { openSession, SESSION, TENANT } from "../model/actor.ts";
import { ModelDatabase, type Weakness } from "../model/model-database.ts";
import type { ExecutionRow } from "../model/model-rows.ts";
import { planType } from "./build-intent.ts";
import { ModelObjects } from "./model-objects.ts";
import { type Acknowledged, isAtRest, provenFaults } from "./proof.ts";
import type { Fault, Scenario, SubmissionSpec } from "./scenario.ts";
import { type SimulatedWorker, startSimulatedWorker, type Surroundings } from "./simulated-worker.ts";
import { knowRepeatedClaims } from "./repeated-claims.ts";
import { type Thefts, watchForThefts } from "./thefts.ts";
import { createDice, VirtualTime } from "./virtual-time.ts";

const START_MS = Date.parse("2026-01-01T00:00:00.000Z");
const DAY_MS = 86_400_000;
/** After so long without faults from outside everything must have ended: longer than all that a plan can wait. */
const PATIENCE_MS = 30 * 60_000;
/** How often a person lets dead executions go on, before giving them up; parents may become dead over that. */
const GOES_ON_ROUNDS = 2;
const MAX_ROUNDS_OF_A_PERSON = 40;
const RESTART_AFTER_MS = 100;
const MAX_NODES = 6;
/** How far the clocks of the workers' machines are from the store's, in turns. */
const CLOCKS_OFF_MS = [0, 30_000, -30_000];
/** How long a client waits for an answer before it asks again, under the same key. */
const CLIENT_PATIENCE_MS = 2_000;

export interface SimulationResult {
  readonly faults: readonly string[];
  readonly trace: readonly string[];
  readonly executions: number;
  readonly events: number;
  readonly crashes: number;
  /** How many executions ended in each status. */
  readonly statuses: Readonly<Record<string, number>>;
}

export interface Options {
  /** Tells what happens, line by line. */
  readonly traced?: boolean;
  /** What the store is made to forget, so that the simulation itself can be tried. */
  readonly weakness?: Weakness;
}

/** Plays a scenario: the same one always goes the same way. */
export async function simulate(
  scenario: Scenario,
  { traced = false, weakness = {} }: Options = {},
): Promise<SimulationResult> {
  const rejections: string[] = [];
  const onRejection = (reason: unknown): void => void rejections.push(`unhandled: ${String(reason)}`);
  process.on("unhandledRejection", onRejection);
  try {
    const result = await new Simulation(scenario, traced, weakness).run();
    return { ...result, faults: [...rejections, ...result.faults] };
  } finally {
    process.off("unhandledRejection", onRejection);
  }
}

class Simulation {
  readonly #scenario: Scenario;
  readonly #time = new VirtualTime(START_MS);
  readonly #database: ModelDatabase;
  readonly #thefts: Thefts;
  readonly #dice: () => number;
  readonly #trace: string[] = [];
  readonly #workers: SimulatedWorker[] = [];
  readonly #published: BusMessage[] = [];
  readonly #acknowledged: Acknowledged[];
  readonly #faults: ReadonlyMap<number, Fault>;
  readonly #surroundings: Surroundings;
  #calls = 0;
  #crashes = 0;
  #started = 0;
  /** What clients still want done. */
  #wishes = 0;
  /** What each worker was asked and has not answered: also what its client waits for no longer. */
  readonly #asked = new Map<SimulatedWorker, number>();

  constructor(scenario: Scenario, traced: boolean, weakness: Weakness) {
    this.#database = new ModelDatabase(undefined, weakness);
    knowRepeatedClaims(this.#database);
    this.#thefts = watchForThefts(
      this.#database,
      () => this.#time.nowMs,
      (workerId) => this.#workers.some(({ name, alive }) => alive && workerId.startsWith(`worker_${name}`)),
    );
    this.#scenario = scenario;
    this.#dice = createDice(scenario.seed);
    this.#acknowledged = scenario.submissions.map((spec) => ({ spec, executionIds: new Set() }));
    this.#faults = new Map(scenario.faults.map((fault) => [fault.call, fault]));
    this.#surroundings = {
      time: this.#time,
      dice: this.#dice,
      database: this.#database,
      thefts: this.#thefts,
      objects: new ModelObjects(),
      plans: scenario.plans,
      undoTries: new Map(),
      published: (message) => void this.#published.push(message),
      tell: (line) => void (traced && this.#trace.push(`${this.#time.nowMs - START_MS} ms  ${line}`)),
      nextFault: () => this.#faults.get((this.#calls += 1)),
      onCrash: () => {
        this.#crashes += 1;
        this.#time.after(RESTART_AFTER_MS, () => this.#start());
      },
    };
  }

  async run(): Promise<SimulationResult> {
    openSession(this.#database, START_MS, 30 * DAY_MS);
    for (let count = 0; count < this.#scenario.workers; count += 1) this.#start();
    for (const [index, { spec }] of this.#acknowledged.entries()) this.#follow(index, spec);
    let over = await this.#untilRest();
    if (!over) {
      this.#signalRepeats();
      over = await this.#untilRest();
    }
    for (let round = 1; over && this.#dead().length > 0 && round <= MAX_ROUNDS_OF_A_PERSON; round += 1) {
      for (const row of this.#dead()) this.#decide(row, round);
      over = await this.#untilRest();
    }
    const faults = over ? [] : [`it never ends: ${this.#unsettled()}`];
    await this.#stop();
    const { executions } = this.#database;
    faults.push(
      ...this.#thefts.faults,
      ...provenFaults({
        scenario: this.#scenario,
        database: this.#database,
        published: this.#published,
        acknowledged: this.#acknowledged,
      }),
    );
    const statuses: Record<string, number> = {};
    for (const { status } of executions.values()) statuses[status] = (statuses[status] ?? 0) + 1;
    const { events } = this.#time;
    return { faults, trace: this.#trace, executions: executions.size, events, crashes: this.#crashes, statuses };
  }

  #start(): void {
    this.#started += 1;
    const clockOffMs = CLOCKS_OFF_MS[this.#started % CLOCKS_OFF_MS.length] ?? 0;
    this.#workers.push(startSimulatedWorker(`w${this.#started}_`, clockOffMs, this.#surroundings));
  }

  /** All that a client does about one submission. */
  #follow(index: number, { atMs, againAfterMs, cancel, retryAfterMs, plan }: SubmissionSpec): void {
    const submitted = Promise.withResolvers<ExecutionId>();
    this.#at(atMs, async () => submitted.resolve(await this.#submit(index)));
    if (againAfterMs !== undefined) this.#at(atMs + againAfterMs, async () => void (await this.#submit(index)));
    const signals = (this.#scenario.plans[plan % this.#scenario.plans.length]?.nodes ?? []).flatMap((node, position) =>
      node.kind === "await" && node.signalAfterMs !== undefined
        ? [{ name: `n${position}`, afterMs: node.signalAfterMs }]
        : [],
    );
    for (const { name, afterMs } of signals) {
      this.#at(atMs + afterMs, async () => this.#signal(await submitted.promise, name));
    }
    if (retryAfterMs !== undefined) this.#retryTwice(submitted.promise, atMs + retryAfterMs);
    if (cancel !== undefined) {
      this.#at(atMs + cancel.afterMs, async () => {
        const executionId = await submitted.promise;
        await this.#insist(({ services }) => services.control.cancel(TENANT, executionId, cancel.compensate));
      });
    }
  }

  async #signal(executionId: ExecutionId, name: string): Promise<void> {
    const signal = { name, payload: "signal", signalId: `signal/${name}` };
    await this.#insist(({ services }) => services.control.signal(TENANT, executionId, signal));
  }

  #retryTwice(executionId: Promise<ExecutionId>, atMs: number): void {
    for (const client of ["bob", "eve"]) {
      const repeat = { userId: client, traceId: asId.trace(`trace_${client}`) };
      this.#at(atMs, async () => {
        const id = await executionId;
        await this.#insist(({ services }) => services.control.retry(TENANT, id, repeat));
      });
    }
  }

  /** What repeats another may have come so late that no client knows of it: somebody signals what it waits for all the same. */
  #signalRepeats(): void {
    for (const { executionId, head, terminal } of this.#database.executions.values()) {
      if (terminal || !head.includes('"forked_from"')) continue;
      for (let position = 0; position < MAX_NODES; position += 1) {
        this.#at(0, () => this.#signal(executionId, `n${position}`).catch(() => undefined));
      }
    }
  }

  #dead(): readonly ExecutionRow[] {
    return [...this.#database.executions.values()].filter(({ status }) => status === "dead");
  }

  /** A person lets a dead execution go on; when that does not help, gives it up. */
  #decide(row: ExecutionRow, round: number): void {
    const { executionId, head } = row;
    const undoes = head.includes('"dead_while":"compensating"');
    const goesOn = undoes || round <= GOES_ON_ROUNDS;
    const repeat = { userId: "ann", traceId: asId.trace("trace_ann") };
    this.#at(0, () =>
      this.#insist<unknown>(({ services: { control } }) =>
        goesOn ? control.retry(TENANT, executionId, repeat) : control.cancel(TENANT, executionId, false),
      ),
    );
  }

  #untilRest(): Promise<boolean> {
    return this.#time.run(() => this.#isOver(), this.#time.nowMs + PATIENCE_MS);
  }

  async #submit(index: number): Promise<ExecutionId> {
    const acknowledged = this.#acknowledged[index];
    if (acknowledged === undefined) throw new RangeError("there is no such submission");
    const { plans } = this.#scenario;
    const session: SessionId = SESSION;
    const submission = {
      tenantId: TENANT,
      userId: undefined,
      intentType: planType(acknowledged.spec.plan % plans.length),
      sessionId: session,
      parameters: {},
      metadata: {},
      solutionId: undefined,
      intentId: undefined,
      idempotencyKey: `key ${index}`,
      traceId: asId.trace(`trace_${index}`),
    };
    const answer = await this.#insist(({ services }) => services.lifecycle.submit(submission));
    const executionId = answer?.execution.execution_id;
    if (executionId === undefined) throw new RangeError("a submission was refused for good");
    acknowledged.executionIds.add(executionId);
    return executionId;
  }

  #at(afterMs: number, wish: () => Promise<unknown>): void {
    this.#wishes += 1;
    this.#time.after(afterMs, () => {
      void wish().finally(() => {
        this.#wishes -= 1;
      });
    });
  }

  /** Asks one worker after the other until one answers; undefined when the answer is that there is nothing to do any more. */
  async #insist<Result>(ask: (worker: SimulatedWorker) => Promise<Result>): Promise<Result | undefined> {
    for (;;) {
      const alive = this.#workers.filter((worker) => worker.alive);
      const worker = alive[Math.floor(this.#dice() * alive.length)];
      if (worker !== undefined) {
        const patience = new Promise<"late">((resolve) => this.#time.after(CLIENT_PATIENCE_MS, () => resolve("late")));
        const answer = await Promise.race([this.#ask(worker, ask), patience]);
        if (answer === "over") return undefined;
        if (answer !== "late" && answer !== "away") return answer;
      }
      await new Promise<void>((resolve) => this.#time.after(RESTART_AFTER_MS, resolve));
    }
  }

  async #ask<Result>(worker: SimulatedWorker, ask: (worker: SimulatedWorker) => Promise<Result>) {
    const count = (change: number): void => void this.#asked.set(worker, (this.#asked.get(worker) ?? 0) + change);
    count(1);
    try {
      return await ask(worker).catch((error: unknown) => failureOf(error));
    } finally {
      count(-1);
    }
  }

  #isOver(): boolean {
    if (this.#wishes > 0) return false;
    // A frozen worker may yet do what it was asked, when all others have gone home.
    if (this.#workers.some((worker) => worker.alive && (this.#asked.get(worker) ?? 0) > 0)) return false;
    for (const row of this.#database.executions.values()) {
      if (row.mail.length > 0 || !isAtRest(row, this.#database)) return false;
    }
    return this.#database.outbox.every(({ publishedMs }) => publishedMs !== undefined);
  }

  #unsettled(): string {
    const open = [...this.#database.executions.values()].filter((row) => !isAtRest(row, this.#database));
    const told = open.map(({ executionId, status, owner, wakeMs }) => {
      return `${executionId} is ${status}, held by ${owner === "" ? "nobody" : owner}, due ${wakeMs ?? "never"}`;
    });
    return `${this.#wishes} wishes of clients, ${told.join("; ")}`;
  }

  async #stop(): Promise<void> {
    let left = 0;
    for (const worker of this.#workers.filter(({ alive }) => alive)) {
      left += 1;
      void Promise.all([worker.upkeep.stop(), worker.services.lifecycle.stop(0)]).finally(() => {
        left -= 1;
      });
    }
    await this.#time.run(() => left === 0, this.#time.nowMs + PATIENCE_MS);
  }
}

function failureOf(error: unknown): "away" | "over" {
  if (!(error instanceof RuntimeError)) throw error;
  if (error.retryable) return "away";
  // It has ended, or somebody else has decided already: maybe this client, whose answer was lost.
  if (error.status === 409) return "over";
  throw error;
}
