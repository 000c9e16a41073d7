import type { Execution } from "../../shared/executions/execution.ts";

/** An execution, and where its log begins and ends among all others: places in the order of commits, or times. */
export interface Life {
  readonly state: Execution;
  readonly began: number;
  readonly ended: number | undefined;
}

/** Whether a log entry is the end of its execution: a failure may be a death, or only the turning back. */
export function isEnd(text: string): boolean {
  return END.test(text) && !NO_END.test(text);
}

const END = /"event_type":"execution_(completed|compensated|cancelled|failed)"/;
const NO_END = /"(dead|compensating)":true/;
const UNDONE: ReadonlySet<string> = new Set(["failed", "compensated", "cancelled"]);

/**
 * What is wrong between executions, once nothing happens any more:
 *  P1  No child begins after its parent's end.
 *  P2  A parent that was turned back, or has completed, ends after all that it called.
 *  P3  Whoever is dead asks one question, and nobody else asks any.
 *  P4  Of the executions that repeat another at most one goes on or did succeed.
 * `slack`: how far apart two of the places may be without one being before the other.
 */
export function familyFaults(
  lives: readonly Life[],
  pendingIntents: readonly Readonly<Record<string, unknown>>[],
  slack = 0,
): readonly string[] {
  const byId = new Map(lives.map((life) => [String(life.state.execution_id), life]));
  return [
    ...lives.flatMap((life) => childFaults(life, byId.get(life.state.parent?.execution_id ?? ""), slack)),
    ...questionFaults(lives, pendingIntents),
    ...repeatFaults(lives),
  ];
}

function childFaults({ state, began, ended }: Life, mother: Life | undefined, slack: number): string[] {
  if (mother?.ended === undefined) return [];
  const { execution_id: motherId, status, cancelled } = mother.state;
  const told = `${state.execution_id} (${state.status}), whose parent ${motherId} is ${status},`;
  const over = mother.ended + slack;
  const faults = began > over && state.steps.length > 0 ? [`${told} began after its parent's end`] : [];
  const isLate = cancelled !== "stop" && (ended ?? Number.POSITIVE_INFINITY) > over;
  return isLate ? [...faults, `${told} had not ended before`] : faults;
}

function questionFaults(
  lives: readonly Life[],
  pendingIntents: readonly Readonly<Record<string, unknown>>[],
): string[] {
  const open = pendingIntents.filter(({ status }) => status === "pending");
  return lives.flatMap(({ state: { execution_id: id, status } }) => {
    const count = open.filter((question) => question["target_artifact_id"] === id).length;
    const wanted = status === "dead" ? 1 : 0;
    return count === wanted ? [] : [`${id} is ${status}, and asks ${count} questions`];
  });
}

function repeatFaults(lives: readonly Life[]): string[] {
  const standing = lives.filter(({ state }) => state.forked_from !== undefined && !UNDONE.has(state.status));
  const repeats = Map.groupBy(standing, ({ state }) => String(state.forked_from?.execution_id));
  return [...repeats].flatMap(([id, by]) =>
    by.length > 1 ? [`${id} is repeated by ${by.map(({ state }) => state.execution_id).join(" and ")}`] : [],
  );
}
