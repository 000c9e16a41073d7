import type { Execution } from "../../shared/executions/execution.ts";
import { apply } from "../../shared/executions/fold.ts";
import { canonicalJson, type JsonObject } from "../../shared/json.ts";
import type { Change, Commit, LogRow, RecordWrite, StoredRecord } from "../../shared/ports/execution-store.ts";
import { CHAIN_START, hashOf, type LogEntry, logEntrySchema } from "../../shared/state/log-entry.ts";
import type { Violation } from "./explorer.ts";
import type { Witness } from "./model-database.ts";
import { type ExecutionRow, loadRow } from "./model-rows.ts";

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
 *  M13 What an execution registered as PENDING does not stay so when it ends without success.
 *  M14 One submission is one execution, however often it arrives; one that ended is repeated once, however often that is asked for.
 *  M15 No child begins after its parent has ended.
 */
export class Invariants implements Witness {
  readonly violations: Violation[] = [];
  /** Acceptances and commits that the store took. */
  commits = 0;
  /** Whether what happens now was checked in an earlier history. */
  readonly #known: () => boolean;
  readonly #published = new Map<string, string>();
  /** How often the effect of a key became applied. */
  readonly #applied = new Map<string, number>();
  /** The state that each execution's log folds to. */
  readonly #folded = new Map<string, Execution>();

  constructor(known: () => boolean) {
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

  /** How often the effect of a key became applied. */
  applications(key: string): number {
    return this.#applied.get(key) ?? 0;
  }

  wasPublished(id: string): boolean {
    return this.#published.has(id);
  }

  #checkLog(row: ExecutionRow, entries: readonly LogRow[]): void {
    for (const { text } of entries) {
      const before = this.#folded.get(row.executionId);
      const { entry, state, isSealed } = foldOnce(before, text);
      const head = before?.chain ?? CHAIN_START;
      if (entry.sequence !== head.sequence + 1 || entry.previous_hash !== head.hash) {
        this.violate("M7", `entry ${entry.sequence} (${entry.event_type}) does not follow entry ${head.sequence}`);
      }
      if (!isSealed) this.violate("M7", `entry ${entry.sequence} does not have its hash`);
      if (state === undefined) this.violate("M6", `entry ${entry.sequence} (${entry.event_type}) cannot be folded`);
      else this.#folded.set(row.executionId, state);
    }
    if (this.#known()) return;
    const folded = this.#folded.get(row.executionId);
    if (folded === undefined || !isSame(folded, row)) {
      this.violate("M6", `the log of ${row.executionId} does not fold to its stored state`);
    }
  }
}

const MAX_REMEMBERED = 20_000;

interface Folded {
  readonly entry: LogEntry;
  readonly state: Execution | undefined;
  /** Whether it has the hash that its text has. */
  readonly isSealed: boolean;
}

/** What a state becomes by an entry depends on their hashes alone, so that replayed histories need not fold again. */
const folds = new Map<string, Folded>();

function foldOnce(before: Execution | undefined, text: string): Folded {
  const key = `${before?.chain.hash ?? ""}${text}`;
  const known = folds.get(key);
  if (known !== undefined) return known;
  if (folds.size > MAX_REMEMBERED) folds.clear();
  const entry = logEntrySchema.parse(JSON.parse(text));
  const folded = { entry, state: tryApply(before, entry), isSealed: hashOf(text) === entry.hash };
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

/** The texts that a folded state should rest as. */
const texts = new WeakMap<Execution, readonly string[]>();

function textsOf(state: Execution): readonly string[] {
  const known = texts.get(state);
  if (known !== undefined) return known;
  const { steps, ...head } = state;
  const made = [head, ...steps].map((part) => JSON.stringify(part));
  texts.set(state, made);
  return made;
}

/** Stored texts that were found equal to the state that a log folds to, under the hash of its last entry. */
const equals = new Set<string>();

function isSame(folded: Execution, row: ExecutionRow): boolean {
  const expected = textsOf(folded);
  const stored = [row.head, ...row.steps];
  if (expected.length === stored.length && expected.every((text, index) => text === stored[index])) return true;
  const key = [folded.chain.hash, ...stored].join("\n");
  if (equals.has(key)) return true;
  // Objects with the same members in another order are the same too.
  const isEqual = canonicalJson(JSON.parse(JSON.stringify(folded)) as JsonObject) === canonicalJson(storedState(row));
  if (equals.size > MAX_REMEMBERED) equals.clear();
  if (isEqual) equals.add(key);
  return isEqual;
}

export function storedState(row: ExecutionRow): JsonObject {
  const { head, steps } = loadRow(row);
  return { ...head, steps: steps.map(({ body }) => body) };
}
