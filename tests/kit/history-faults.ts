import { type Execution, isTerminal } from "../../shared/executions/execution.ts";
import { apply } from "../../shared/executions/fold.ts";
import { canonicalJson, toJson } from "../../shared/json.ts";
import { verifyChain } from "../../shared/state/chain-verification.ts";
import { type LogEntry, logEntrySchema } from "../../shared/state/log-entry.ts";
import { worksOf } from "../../shared/sagas/check-plan.ts";
import type { IntentDefinition } from "../../shared/sagas/intent-definition.ts";

/** An execution as it rests, with all that was ever written about it. */
export interface History {
  readonly state: Execution;
  /** Its log entries as they are stored, from the first on. */
  readonly texts: readonly string[];
  /** The types of the messages that it put into the outbox, by their ids; absent when nobody looked. */
  readonly messages?: readonly { readonly eventId: string; readonly type: string }[];
  /** The state of each effect (`applied`, `undone`, `buried`), by the name of its step. */
  readonly effects?: ReadonlyMap<string, string>;
}

/**
 * What a history breaks of the promises that hold whatever dies:
 *  H1  The hash chain is whole, and fold(log) = state.
 *  H2  A step is started once, and has one result and one undoing on record at the most.
 *  H3  A terminal execution has one end, as its last entry; a completed one has no step that is still open.
 *  H4  The end was told by one message, and each event of a step by one.
 *  H5  What was compensated left no effect of a step that has an undo.
 */
export function historyFaults(history: History, definition?: IntentDefinition): readonly string[] {
  const entries = history.texts.map((text) => logEntrySchema.parse(JSON.parse(text)));
  const faults = [
    ...chainFaults(history, entries),
    ...stepFaults(history.state, entries),
    ...endFaults(history.state, entries),
    ...messageFaults(history),
    ...(definition === undefined ? [] : effectFaults(history, definition)),
  ];
  return faults.map((fault) => `${history.state.execution_id} (${history.state.status}): ${fault}`);
}

function chainFaults({ state, texts }: History, entries: readonly LogEntry[]): string[] {
  const fault = verifyChain(texts);
  if (fault !== undefined) return [`entry ${fault.sequence} is ${fault.fault}`];
  let folded: Execution | undefined;
  for (const entry of entries) folded = apply(folded, entry);
  return textOf(folded) === textOf(state) ? [] : [`the log folds to ${textOf(folded)}, stored is ${textOf(state)}`];
}

/** A retry by a person begins a step anew, so its results before that do not count. */
function stepFaults(state: Execution, entries: readonly LogEntry[]): string[] {
  const revived = entries.findLastIndex(
    ({ event_type, payload }) => event_type === "signal_received" && payload["kind"] === "retry",
  );
  const counts = new Map<string, number>();
  for (const [index, { event_type, step_name = "" }] of entries.entries()) {
    const kind = RECORDED[event_type];
    if (kind === undefined || (index < revived && kind === "result")) continue;
    counts.set(`${kind} of ${step_name}`, (counts.get(`${kind} of ${step_name}`) ?? 0) + 1);
  }
  const faults = [...counts].filter(([, count]) => count > 1).map(([what, count]) => `${count} times the ${what}`);
  const names = state.steps.map((step) => step.step_name);
  if (new Set(names).size < names.length) faults.push(`a step is there twice: ${names.join(", ")}`);
  return faults;
}

const RECORDED: Readonly<Record<string, string>> = {
  step_started: "start",
  step_completed: "result",
  step_failed: "result",
  step_compensated: "undoing",
};

function endFaults({ status, steps }: Execution, entries: readonly LogEntry[]): string[] {
  const isEnd = ({ event_type, payload }: LogEntry): boolean =>
    ENDS.has(event_type) && payload["dead"] !== true && payload["compensating"] !== true;
  const ends = entries.filter(isEnd);
  const faults: string[] = [];
  if (isTerminal(status)) {
    if (ends.length !== 1) faults.push(`it ended ${ends.length} times`);
    if (ends[0] !== entries.at(-1)) faults.push("something was recorded after its end");
  } else if (ends.length > 0) {
    faults.push("it ended, and is not terminal");
  }
  const open = steps.filter((step) => step.status === "started").map((step) => step.step_name);
  if (status === "completed" && open.length > 0) faults.push(`completed, but open: ${open.join(", ")}`);
  return faults;
}

const ENDS: ReadonlySet<string> = new Set([
  "execution_completed",
  "execution_failed",
  "execution_compensated",
  "execution_cancelled",
]);

function messageFaults({ state, messages }: History): string[] {
  if (messages === undefined) return [];
  const faults: string[] = [];
  const ids = messages.map(({ eventId }) => eventId);
  if (new Set(ids).size < ids.length) faults.push("two of its messages have one id");
  const told = messages.filter(({ type }) => ENDS.has(type));
  if (isTerminal(state.status) && (told.length !== 1 || told[0]?.type !== `execution_${state.status}`)) {
    faults.push(`its end was told as ${JSON.stringify(told.map(({ type }) => type))}`);
  }
  for (const { step_name, events = [] } of state.steps) {
    for (const { event_id, event_type } of events) {
      const count = ids.filter((id) => id === event_id).length;
      if (count !== 1) faults.push(`the event ${event_type} of ${step_name} was told ${count} times`);
    }
  }
  return faults;
}

function effectFaults({ state, effects = new Map() }: History, definition: IntentDefinition): string[] {
  const turnedBack =
    state.status === "compensated" ||
    state.status === "failed" ||
    (state.status === "cancelled" && state.cancelled === "compensate");
  if (!turnedBack) return [];
  const undoable = new Map(definition.plan.nodes.flatMap(worksOf).map(([name, work]) => [name, work.undo]));
  return [...effects].flatMap(([step, effect]) => {
    const undo = undoable.get(step) ?? undoable.get(step.split("/")[0] ?? "");
    return undo !== undefined && effect === "applied" ? [`the effect of ${step} was left behind`] : [];
  });
}

function textOf(state: Execution | undefined): string {
  return canonicalJson(toJson(state));
}
