import type { Execution } from "../../shared/executions/execution.ts";
import { isSettled } from "../../shared/executions/execution.ts";
import { apply } from "../../shared/executions/fold.ts";
import { loadHead } from "../../shared/executions/stored-execution.ts";
import { stepSchema } from "../../shared/executions/execution.ts";
import { canonicalJson, toJson } from "../../shared/json.ts";
import type { Change, Commit, RecordWrite, StoredRecord } from "../../shared/ports/execution-store.ts";
import { CHAIN_START, hashOf, type LogEntry, logEntrySchema } from "../../shared/state/log-entry.ts";
import type { Actor } from "./actor.ts";
import type { Violation } from "./explorer.ts";
import { type ExecutionRow, loadRow, type ModelDatabase, type Witness } from "./model-database.ts";
import type { Scenario } from "./world.ts";

/**
 * What every history must keep:
 *  M1  An accepted execution ends once crashes stop and recovery runs; as dead only where the scenario says so, and then a
 *      pending intent waits for a person.
 *  M2  A step has at most one recorded result, and one start.
 *  M3  What is compensated, failed or cancelled leaves no effect behind: each was undone or never applied.
 *  M4  No effect is applied after its tombstone.
 *  M5  A completed execution has every effect applied exactly once and every step recorded as done.
 *  M6  fold(log) = stored state, at every commit.
 *  M7  The hash chain is whole.
 *  M8  Every outbox message is published under one id; an execution that settles tells so exactly once, and each event
 *      of a recorded step is told once.
 *  M9  A commit under an older epoch, or after the end, changes nothing.
 *  M10 A happy run costs n + 1 commits, or 2 with checkpoint "ends".
 *  M11 A worker that is told to stop stops.
 *  M12 The effect of an at-most-once step is made at most once.
 */
export class Invariants implements Witness {
  readonly violations: Violation[] = [];
  commits = 0;
  readonly #scenario: Scenario;
  readonly #published = new Map<string, string>();
  readonly #applied = new Map<string, number>();
  readonly #raw = new Map<string, number>();
  readonly #read = new Map<string, number>();

  constructor(scenario: Scenario) {
    this.#scenario = scenario;
  }

  violate(invariant: string, message: string): void {
    if (!this.violations.some((known) => known.invariant === invariant)) this.violations.push({ invariant, message });
  }

  published(id: string, data: string): void {
    const known = this.#published.get(id);
    if (known !== undefined && known !== data) this.violate("M8", `the id ${id} was published with two contents`);
    this.#published.set(id, data);
  }

  accepted(row: ExecutionRow): void {
    this.commits += 1;
    this.#row = row;
  }

  committed(row: ExecutionRow, commit: Commit, before: { readonly epoch: number; readonly terminal: boolean }): void {
    this.commits += 1;
    this.#row = row;
    if (commit.epoch !== before.epoch || before.terminal) {
      this.violate("M9", `a commit of epoch ${commit.epoch} changed an execution at epoch ${before.epoch}`);
    }
  }
}
