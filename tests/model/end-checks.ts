import { type Execution, isSettled } from "../../shared/executions/execution.ts";
import type { ExternalSystem } from "./external-system.ts";
import { type Invariants, storedState } from "./invariants.ts";
import type { ModelDatabase } from "./model-database.ts";
import type { Scenario } from "./scenario.ts";

export interface EndOfHistory {
  readonly scenario: Scenario;
  readonly invariants: Invariants;
  readonly database: ModelDatabase;
  readonly external: ExternalSystem;
}

/** What must hold of every execution when nothing more happens: M1, M2, M3, M5, M8, M12, M13, M14 and M15. */
export function checkEnd(end: EndOfHistory): void {
  const states = Array.from(end.database.executions.values(), (row) => storedState(row) as unknown as Execution);
  const begun = states.filter(({ parent }) => parent === undefined);
  const repeats = begun.filter(({ forked_from }) => forked_from !== undefined);
  const roots = begun.length - repeats.length;
  if (roots > 1) end.invariants.violate("M14", `one submission became ${roots} executions`);
  const repeated = new Set(repeats.map(({ forked_from }) => forked_from?.execution_id));
  if (repeats.length > repeated.size) end.invariants.violate("M14", "an execution was repeated twice");
  for (const state of states) {
    checkSettled(end, state);
    checkChild(end, state);
    checkResults(end, state);
    checkEffects(end, state);
    checkOutside(end, state);
    checkMessages(end, state);
    checkArtifacts(end, state);
  }
}

function checkSettled({ scenario, invariants, database }: EndOfHistory, { execution_id, status }: Execution): void {
  if (!isSettled(status)) {
    invariants.violate("M1", `${execution_id} is ${status}, and nothing will ever change that`);
  }
  const waiting = [...database.records.values()].filter(
    ({ kind, body }) => kind === "pending_intent" && body.includes(execution_id) && body.includes('"pending"'),
  );
  const wanted = status === "dead" ? 1 : 0;
  if (waiting.length !== wanted) {
    invariants.violate("M1", `${waiting.length} pending intents wait for ${execution_id}, which is ${status}`);
  }
  if (status === "dead" && scenario.mayDie !== true) invariants.violate("M1", `${execution_id} is dead`);
}

/** A child that is accepted after its parent's end has its own end in its acceptance. */
function checkChild({ invariants, database }: EndOfHistory, { execution_id, parent, steps }: Execution): void {
  if (parent === undefined) return;
  const began = database.log.findIndex(({ executionId }) => executionId === execution_id);
  const isEnd = ({ executionId, text }: (typeof database.log)[number]): boolean =>
    executionId === parent.execution_id && /"event_type":"execution_(cancelled|compensated|completed)"/.test(text);
  const ended = database.log.findIndex(isEnd);
  if (ended !== -1 && began > ended && steps.length > 0) {
    invariants.violate("M15", `${execution_id} began after its parent had ended`);
  }
}

const COUNTED: Readonly<Record<string, string>> = {
  step_started: "starts",
  step_completed: "results",
  step_failed: "results",
};

function checkResults({ invariants, database }: EndOfHistory, { execution_id }: Execution): void {
  const counts = new Map<string, number>();
  for (const { executionId, eventType, text } of database.log) {
    const what = COUNTED[eventType];
    if (executionId !== execution_id || what === undefined) continue;
    const key = `${what} of ${/"step_name":"([^"]*)"/.exec(text)?.[1] ?? ""}`;
    counts.set(key, (counts.get(key) ?? 0) + 1);
  }
  // Whoever lets a dead execution go on wants its failed step done again.
  const lives = 1 + entriesWith(database, execution_id, '"kind":"retry"');
  for (const [key, count] of counts) if (count > lives) invariants.violate("M2", `there are ${count} ${key}`);
}

/** How many entries of an execution's log have these words in them. */
function entriesWith(database: ModelDatabase, executionId: Execution["execution_id"], words: string): number {
  return database.log.filter((entry) => entry.executionId === executionId && entry.text.includes(words)).length;
}

function checkEffects({ scenario, invariants, database }: EndOfHistory, state: Execution): void {
  const { execution_id, intent_type, status, steps } = state;
  for (const step of scenario.effects[intent_type] ?? []) {
    const key = `${execution_id}/${step}`;
    const record = [...database.records.values()].find(({ kind, id }) => kind === "effect" && id === key);
    const stands = record?.body.includes('"applied"') === true;
    const undone = steps.some((each) => each.step_name === step && each.status === "compensated");
    if ((undone || turnedBack(state)) && stands) {
      invariants.violate("M3", `the effect of ${step} is left behind by a saga that is ${status}`);
    }
    const times = invariants.applications(key);
    if (status === "completed" && (times !== 1 || !stands)) {
      const how = stands ? "stands" : "does not stand";
      invariants.violate("M5", `completed, but the effect of ${step} was applied ${times} times and ${how}`);
    }
  }
  const open = steps.find((step) => step.status !== "completed" && step.status !== "skipped");
  if (status === "completed" && open !== undefined) {
    invariants.violate("M5", `completed, but ${open.step_name} is ${open.status}`);
  }
}

function checkOutside({ scenario, invariants, external }: EndOfHistory, state: Execution): void {
  const { execution_id, status } = state;
  const { atMostOnce = [] } = scenario;
  for (const step of atMostOnce) {
    const times = external.applied.get(`${execution_id}/${step}`) ?? 0;
    if (times > 1) invariants.violate("M12", `the effect of ${step} was made ${times} times`);
  }
  const left = external.standing.filter(
    (key) => key.startsWith(`${execution_id}/`) && !atMostOnce.some((step) => key.endsWith(`/${step}`)),
  );
  if (turnedBack(state) && left.length > 0) {
    invariants.violate("M3", `${left.join(", ")} is left behind outside by a saga that is ${status}`);
  }
}

/** Whether it ended by undoing what it did; one that was stopped, or given up when it was dead, stays as it is. */
function turnedBack({ status, cancelled }: Execution): boolean {
  return status === "compensated" || status === "failed" || (status === "cancelled" && cancelled !== "stop");
}

function checkMessages({ invariants, database }: EndOfHistory, { execution_id, status, steps }: Execution): void {
  const messages = database.outbox
    .map(({ message }) => message)
    .filter(({ orderingKey }) => orderingKey === String(execution_id));
  const lost = messages.find(({ eventId }) => !invariants.wasPublished(eventId));
  if (lost !== undefined) invariants.violate("M8", `the message ${lost.eventId} was never published`);
  const isEnd = (type: string | undefined): boolean => type?.startsWith("execution_") === true;
  const ends = messages.filter(({ attributes }) => isEnd(attributes["ce_type"]));
  const told = ends.map(({ attributes }) => attributes["ce_type"]).join(", ");
  // What was dead may have been given up, or may have gone on: each death is told, and the end.
  const deaths = Array.from({ length: entriesWith(database, execution_id, '"dead":true') }, () => "execution_dead");
  const expected = [...deaths, ...(status === "dead" ? [] : [`execution_${status}`])].join(", ");
  if (isSettled(status) && told !== expected) {
    invariants.violate("M8", `${execution_id} is ${status}, and told ${told === "" ? "nothing" : told}`);
  }
  const recorded = steps.flatMap(({ events = [] }) => events.map(({ event_id }) => event_id)).toSorted();
  const sent = messages.filter((message) => !ends.includes(message)).map(({ eventId }) => String(eventId));
  if (recorded.join() !== sent.toSorted().join()) {
    invariants.violate("M8", `its steps recorded the events ${recorded.join()}, and it told ${sent.join()}`);
  }
}

function checkArtifacts({ invariants, database }: EndOfHistory, { status, artifacts }: Execution): void {
  if (status === "completed" || status === "dead") return;
  for (const { artifact_id: id } of artifacts) {
    const record = [...database.records.values()].find((each) => each.kind === "artifact" && each.id === id);
    if (record?.body.includes('"PENDING"') === true) invariants.violate("M13", `${id} is PENDING for ever`);
  }
}
