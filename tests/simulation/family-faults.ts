import type { Execution } from "../../shared/executions/execution.ts";
import { loadExecution } from "../../shared/executions/stored-execution.ts";
import type { ModelDatabase } from "../model/model-database.ts";
import { loadRow } from "../model/model-rows.ts";

const END = /"event_type":"execution_(completed|compensated|cancelled|failed)"/;
/** A failure that is not the end: it is dead, or turns back. */
const NO_END = /"(dead|compensating)":true/;

/**
 * What is wrong between parents and their children, and between the dead and what they ask people:
 *  P1  No child begins after its parent's end.
 *  P2  A parent that was turned back, or has completed, ends after all that it called.
 *  P3  Whoever is dead asks one question, and nobody else asks any.
 *  P4  Of the executions that repeat another at most one goes on or did succeed.
 */
export function familyFaults(database: ModelDatabase): readonly string[] {
  const began = new Map<string, number>();
  const ended = new Map<string, number>();
  for (const [at, { stream, text }] of database.log.entries()) {
    if (!began.has(stream)) began.set(stream, at);
    if (END.test(text) && !NO_END.test(text)) ended.set(stream, at);
  }
  const states = new Map<string, Execution>();
  for (const row of database.executions.values()) states.set(row.executionId, loadExecution(loadRow(row)).state);

  const faults: string[] = [];
  for (const { execution_id: id, status, steps, parent } of states.values()) {
    const over = ended.get(parent?.execution_id ?? "");
    const mother = states.get(parent?.execution_id ?? "");
    if (over === undefined || mother === undefined) continue;
    const told = `${id} (${status}), whose parent ${mother.execution_id} is ${mother.status},`;
    if ((began.get(id) ?? 0) > over && steps.length > 0) faults.push(`${told} began after its parent's end`);
    const stopped = mother.cancelled === "stop";
    if (!stopped && (ended.get(id) ?? Number.POSITIVE_INFINITY) > over) faults.push(`${told} had not ended before`);
  }
  return [...faults, ...questionFaults(database, states), ...repeatFaults(states)];
}

const UNDONE: ReadonlySet<string> = new Set(["failed", "compensated", "cancelled"]);

function repeatFaults(states: ReadonlyMap<string, Execution>): string[] {
  const repeats = new Map<string, string[]>();
  for (const { execution_id: id, status, forked_from: from } of states.values()) {
    if (from === undefined || UNDONE.has(status)) continue;
    repeats.set(from.execution_id, [...(repeats.get(from.execution_id) ?? []), id]);
  }
  return [...repeats].flatMap(([id, by]) => (by.length > 1 ? [`${id} is repeated by ${by.join(" and ")}`] : []));
}

function questionFaults(database: ModelDatabase, states: ReadonlyMap<string, Execution>): string[] {
  const open = new Map<string, number>();
  for (const { kind, body } of database.records.values()) {
    if (kind !== "pending_intent") continue;
    const { status, target_artifact_id: target } = JSON.parse(body) as Readonly<Record<string, string>>;
    if (status === "pending" && target !== undefined) open.set(target, (open.get(target) ?? 0) + 1);
  }
  return [...states.values()].flatMap(({ execution_id: id, status }) => {
    const count = open.get(id) ?? 0;
    const wanted = status === "dead" ? 1 : 0;
    return count === wanted ? [] : [`${id} is ${status}, and asks ${count} questions`];
  });
}
