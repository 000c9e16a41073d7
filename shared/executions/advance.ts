import type { Clock } from "../clock.ts";
import type { Ids } from "../ids.ts";
import type { ExecutionPatch, LogRow } from "../ports/execution-store.ts";
import { CHAIN_START, type ChainOwner, type LogDraft, seal } from "../state/log-entry.ts";
import { type Execution, isTerminal } from "./execution.ts";
import type { ExecutionDraft } from "./execution-events.ts";
import { applyEvent } from "./fold.ts";

export interface Advanced {
  readonly state: Execution;
  readonly rows: readonly LogRow[];
}

/**
 * What an execution becomes by the drafts, and the sealed entries that say so. State is never computed in another way
 * (fold.ts, F1).
 */
export function advance(
  deps: { readonly ids: Ids; readonly clock: Clock },
  owner: ChainOwner,
  before: Execution | undefined,
  drafts: readonly LogDraft[],
): Advanced {
  let state = before;
  let head = before?.chain ?? CHAIN_START;
  const rows: LogRow[] = [];
  for (const draft of drafts) {
    const sealed = seal(head, owner, draft, deps.ids, deps.clock.now());
    state = applyEvent(state, sealed.entry, draft as ExecutionDraft);
    head = sealed.head;
    rows.push(sealed.row);
  }
  if (state === undefined) throw new RangeError("advance needs a draft or a state");
  return { state, rows };
}

/** What a commit must write to bring the store from one state to another: the head, and the steps that changed. */
export function patchOf(before: Execution | undefined, after: Execution): ExecutionPatch {
  const { steps, ...head } = after;
  return {
    status: after.status,
    terminal: isTerminal(after.status),
    head: head,
    steps: steps.flatMap((step, position) => (step === before?.steps[position] ? [] : [{ position, body: step }])),
  };
}
