import { type Execution, isSettled } from "../../shared/executions/execution.ts";
import { apply } from "../../shared/executions/fold.ts";
import { canonicalJson, type JsonObject } from "../../shared/json.ts";
import type { Change, Commit, LogRow, RecordWrite, StoredRecord } from "../../shared/ports/execution-store.ts";
import { CHAIN_START, hashOf, type LogEntry, logEntrySchema } from "../../shared/state/log-entry.ts";
import type { Actor } from "./actor.ts";
import type { Violation } from "./explorer.ts";
import type { ExternalSystem } from "./external-system.ts";
import { type ExecutionRow, loadRow, type ModelDatabase, type Witness } from "./model-database.ts";
import type { Scenario } from "./scenario.ts";

/**
 * What every history must keep:
 *  M1  An accepted execution ends once crashes stop and recovery runs; as dead only where the scenario says so, and then a
 *      pending intent waits for a person.
 *  M2  A step has one start and at most one recorded result.
 *  M3  What is compensated, failed or cancelled leaves no effect behind: each was undone or never applied.
 *  M4  No effect is applied after its tombstone.
 *  M5  A completed execution has every step recorded as done, and every effect applied exactly once.
 *  M6  fold(log) = stored state, at every commit.
 *  M7  The hash chain is whole.
 *  M8  Every outbox message is published, under one id; an execution that settles tells so exactly once, and every event of a
 *      recorded step is told once.
 *  M9  A commit under an older epoch, or after the end, changes nothing.
 *  M10 A happy run costs n + 1 commits, or 2 with checkpoint "ends".
 *  M11 A worker that is told to stop stops.
 *  M12 The effect of an at-most-once step is made at most once.
 */
export class Invariants implements Witness {
  readonly violations: Violation[] = [];
  /** Acceptances and commits that the store took. */
  commits = 0;
  readonly #scenario: Scenario;
  /** Whether what happens now was checked in an earlier history. */
  readonly #known: () => boolean;
  readonly #published = new Map<string, string>();
  /** How often the effect of a key became applied. */
  readonly #applied = new Map<string, number>();
  /** The state that each execution's log folds to. */
  readonly #folded = new Map<string, Execution>();

  constructor(scenario: Scenario, known: () => boolean) {
    this.#scenario = scenario;
    this.#known = known;
  }

  violate(invariant: string, message: string): void {
    if (!this.violations.some((known) => known.invariant === invariant)) this.violations.push({ invariant, message });
  }

  published(id: string, data: string): void {
    const known = this.#published.get(id);
    if (known !== undefined && known !== data) this.violate("M8", `the id ${id} was published with two contents`);
    this.#published.set(id, data);
  }

  accepted(row: ExecutionRow, change: Change): void {
    this.commits += 1;
    this.#checkLog(row, change.log);
  }

  committed(row: ExecutionRow, commit: Commit, before: { readonly epoch: number; readonly terminal: boolean }): void {
    this.commits += 1;
    if (commit.epoch !== before.epoch || before.terminal) {
      const at = before.terminal ? "that had ended" : `at epoch ${before.epoch}`;
      this.violate("M9", `a commit of epoch ${commit.epoch} changed an execution ${at}`);
    }
    this.#checkLog(row, commit.change.log);
  }

  changed(change: Change, before: ReadonlyMap<RecordWrite, StoredRecord | undefined>): void {
    for (const write of change.records) {
      if (write.kind !== "effect" || write.body?.["state"] !== "applied") continue;
      const was = before.get(write)?.body["state"];
      if (was !== undefined && was !== "applied")
        this.violate("M4", `${write.id} was applied after it was ${String(was)}`);
      if (was !== "applied") this.#applied.set(write.id, (this.#applied.get(write.id) ?? 0) + 1);
    }
  }

  /** What the invariants remember of the past, beyond what the store shows. */
  ghost(): string {
    return [...this.#applied].join(";");
  }

  checkEnd(database: ModelDatabase, external: ExternalSystem, actors: readonly Actor[]): void {
    for (const row of database.executions.values()) {
      const state = storedState(row) as unknown as Execution;
      this.#checkSettled(state, database);
      this.#checkResults(row.executionId, database);
      this.#checkEffects(state, database, external);
      this.#checkMessages(state, database);
    }
    for (const { name, alive, stopping, gone } of actors) {
      if (alive && stopping && !gone) this.violate("M11", `${name} was told to stop and did not`);
    }
  }

  #checkLog(row: ExecutionRow, entries: readonly LogRow[]): void {
    for (const { text } of entries) {
      const before = this.#folded.get(row.executionId);
      const { entry, state } = foldOnce(before, text);
      const head = before?.chain ?? CHAIN_START;
      if (entry.sequence !== head.sequence + 1 || entry.previous_hash !== head.hash) {
        this.violate("M7", `entry ${entry.sequence} (${entry.event_type}) does not follow entry ${head.sequence}`);
      }
      if (hashOf(text) !== entry.hash) this.violate("M7", `entry ${entry.sequence} does not have its hash`);
      if (state === undefined) this.violate("M6", `entry ${entry.sequence} (${entry.event_type}) cannot be folded`);
      else this.#folded.set(row.executionId, state);
    }
    if (this.#known()) return;
    const folded = this.#folded.get(row.executionId);
    if (folded === undefined || !isSame(folded, storedState(row))) {
      this.violate("M6", `the log of ${row.executionId} does not fold to its stored state`);
    }
  }

  #checkSettled({ execution_id, status }: Execution, database: ModelDatabase): void {
    if (!isSettled(status))
      return this.violate("M1", `${execution_id} is ${status}, and nothing will ever change that`);
    if (status !== "dead") return;
    if (this.#scenario.mayDie !== true) this.violate("M1", `${execution_id} is dead`);
    const waiting = [...database.records.values()].filter(
      ({ kind, body }) => kind === "pending_intent" && body.includes(execution_id) && body.includes('"pending"'),
    );
    if (waiting.length !== 1) this.violate("M1", `${waiting.length} pending intents wait for the dead ${execution_id}`);
  }

  #checkResults(executionId: string, database: ModelDatabase): void {
    const counts = new Map<string, number>();
    for (const row of database.log) {
      if (row.executionId !== executionId) continue;
      const what = COUNTED[row.eventType];
      if (what === undefined) continue;
      const key = `${what} of ${/"step_name":"([^"]*)"/.exec(row.text)?.[1] ?? ""}`;
      counts.set(key, (counts.get(key) ?? 0) + 1);
    }
    for (const [key, count] of counts) if (count > 1) this.violate("M2", `there are ${count} ${key}`);
  }

  #checkEffects(
    { execution_id, intent_type, status, steps }: Execution,
    database: ModelDatabase,
    external: ExternalSystem,
  ): void {
    const { effects, atMostOnce = [] } = this.#scenario;
    const stands = (step: string): boolean => {
      const record = [...database.records.values()].find(
        ({ kind, id }) => kind === "effect" && id === `${execution_id}/${step}`,
      );
      return record !== undefined && record.body.includes('"applied"');
    };
    const mine = external.standing.filter((key) => key.startsWith(`${execution_id}/`));
    for (const step of atMostOnce) {
      const times = external.applied.get(`${execution_id}/${step}`) ?? 0;
      if (times > 1) this.violate("M12", `the effect of ${step} was made ${times} times`);
    }
    for (const step of effects[intent_type] ?? []) {
      const undone = steps.some((each) => each.step_name === step && each.status === "compensated");
      const turnedBack = status === "compensated" || status === "failed" || status === "cancelled";
      if ((undone || turnedBack) && stands(step))
        this.violate("M3", `the effect of ${step} is left behind by a saga that is ${status}`);
      const times = this.#applied.get(`${execution_id}/${step}`) ?? 0;
      if (status === "completed" && (times !== 1 || !stands(step))) {
        this.violate(
          "M5",
          `completed, but the effect of ${step} was applied ${times} times and ${stands(step) ? "stands" : "does not stand"}`,
        );
      }
    }
    if (status === "compensated" || status === "failed" || status === "cancelled") {
      const left = mine.filter((key) => !atMostOnce.some((step) => key.endsWith(`/${step}`)));
      if (left.length > 0) this.violate("M3", `${left.join(", ")} is left behind outside by a saga that is ${status}`);
    }
    const open = steps.find((step) => step.status !== "completed" && step.status !== "skipped");
    if (status === "completed" && open !== undefined)
      this.violate("M5", `completed, but ${open.step_name} is ${open.status}`);
  }

  #checkMessages({ execution_id, status, steps }: Execution, database: ModelDatabase): void {
    const messages = database.outbox
      .filter(({ message }) => message.orderingKey === execution_id)
      .map(({ message }) => message);
    const lost = messages.find(({ eventId }) => !this.#published.has(eventId));
    if (lost !== undefined) this.violate("M8", `the message ${lost.eventId} was never published`);
    const ends = messages.filter(({ attributes }) => attributes["ce_type"]?.startsWith("execution_"));
    const [end] = ends;
    if (isSettled(status) && (ends.length !== 1 || end?.attributes["ce_type"] !== `execution_${status}`)) {
      const told = ends.map(({ attributes }) => attributes["ce_type"]).join(", ");
      this.violate("M8", `${execution_id} is ${status}, and told ${told === "" ? "nothing" : told}`);
    }
    const events = steps.flatMap((step) => step.events ?? []).map(({ event_id }) => event_id);
    const told = messages.filter((message) => !ends.includes(message)).map(({ eventId }) => String(eventId));
    if (events.toSorted().join() !== told.toSorted().join()) {
      this.violate("M8", `its steps recorded the events ${events.join()}, and it told ${told.join()}`);
    }
  }
}

const COUNTED: Readonly<Record<string, string>> = {
  step_started: "starts",
  step_completed: "results",
  step_failed: "results",
};

interface Folded {
  readonly entry: LogEntry;
  readonly state: Execution | undefined;
}

/** What a state becomes by an entry depends on their hashes alone, so that replayed histories need not fold again. */
const folds = new Map<string, Folded>();

function foldOnce(before: Execution | undefined, text: string): Folded {
  const key = `${before?.chain.hash ?? ""}${text}`;
  const known = folds.get(key);
  if (known !== undefined) return known;
  if (folds.size > 20_000) folds.clear();
  const entry = logEntrySchema.parse(JSON.parse(text));
  const folded = { entry, state: tryApply(before, entry) };
  folds.set(key, folded);
  return folded;
}

function tryApply(before: Execution | undefined, entry: LogEntry): Execution | undefined {
  try {
    return apply(before, entry);
  } catch {
    return undefined;
  }
}

function isSame(folded: Execution, stored: JsonObject): boolean {
  const text = JSON.stringify(folded);
  return text === JSON.stringify(stored) || canonicalJson(JSON.parse(text) as JsonObject) === canonicalJson(stored);
}

function storedState(row: ExecutionRow): JsonObject {
  const { head, steps } = loadRow(row);
  return { ...head, steps: steps.map(({ body }) => body) };
}
