import type { Clock } from "../clock.ts";
import type { JsonObject } from "../json.ts";
import type { ExecutionPatch, LogRow, StoredStep } from "../ports/execution-store.ts";
import { CHAIN_START, type LogDraft, type Sealer } from "../state/log-entry.ts";
import { type Execution, isTerminal } from "./execution.ts";
import type { ExecutionDraft } from "./execution-events.ts";
import { applyEvent } from "./fold.ts";

export interface Advanced {
  readonly state: Execution;
  readonly rows: LogRow[];
}

/**
 * What an execution becomes by the drafts, and the sealed entries that say so. State is never computed in another way
 * (fold.ts, F1).
 */
export function advance(
  deps: { readonly seal: Sealer; readonly clock: Pick<Clock, "now"> },
  before: Execution | undefined,
  drafts: readonly LogDraft[],
): Advanced {
  let state = before;
  let head = before?.chain ?? CHAIN_START;
  const rows: LogRow[] = [];
  const nowMs = deps.clock.now();
  for (const draft of drafts) {
    const sealed = deps.seal(head, draft, nowMs);
    head = sealed.head;
    state = applyEvent(state, sealed.entry, draft as ExecutionDraft, head);
    rows.push(sealed.row);
  }
  if (state === undefined) throw new RangeError("advance needs a draft or a state");
  return { state, rows };
}

/** The head, and the steps by their positions, as they were last written whole, each where that is known. */
export interface WrittenWhole {
  head: JsonObject | undefined;
  readonly steps: (JsonObject | undefined)[];
}

/** What a commit must write to bring the store from one state to another: the head, and the steps that changed. */
export function patchOf(before: Execution | undefined, after: Execution, whole?: WrittenWhole): ExecutionPatch {
  const { steps, ...head } = after;
  const changed: StoredStep[] = [];
  for (const [position, body] of steps.entries()) {
    const known = before?.steps[position];
    if (body !== known) changed.push({ position, body, base: known === undefined ? null : whole?.steps[position] });
  }
  const base = before === undefined ? null : whole?.head;
  return { status: after.status, terminal: isTerminal(after.status), head, base, steps: changed };
}

/** Notes what is whole now that a patch was written. */
export function noteWritten(whole: WrittenWhole, { head, base, steps }: ExecutionPatch): void {
  whole.head = base ?? head;
  for (const step of steps) whole.steps[step.position] = step.base ?? step.body;
}
