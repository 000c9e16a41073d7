import type { Execution } from "../../shared/executions/execution.ts";
import { loadExecution } from "../../shared/executions/stored-execution.ts";
import type { ExecutionId } from "../../shared/ids.ts";
import type { JsonValue } from "../../shared/json.ts";
import type { BusMessage } from "../../shared/ports/message-bus.ts";
import type { IntentDefinition } from "../../shared/sagas/intent-definition.ts";
import { familyFaults, isEnd } from "../kit/family-faults.ts";
import { historyFaults } from "../kit/history-faults.ts";
import type { ModelDatabase } from "../model/model-database.ts";
import { type ExecutionRow, loadRow } from "../model/model-rows.ts";
import { buildIntents } from "./build-intent.ts";
import { forecast } from "./forecast.ts";
import type { Scenario, SubmissionSpec } from "./scenario.ts";

/**
 * What nobody can foresee: too many workers died over one step, or the store was away at its last attempt. Deaths count as attempts,
 * so the last one may come soon.
 */
const MISFORTUNES = new Set(["step.kills_workers", "store.unavailable"]);

/** A submission that a client has heard the execution of. */
export interface Acknowledged {
  readonly spec: SubmissionSpec;
  /** More than one would be a broken promise. */
  readonly executionIds: Set<ExecutionId>;
}

export interface Evidence {
  readonly scenario: Scenario;
  readonly database: ModelDatabase;
  readonly published: readonly BusMessage[];
  readonly acknowledged: readonly Acknowledged[];
}

/** What a whole run has broken of the promises, once nothing happens any more. */
export function provenFaults(evidence: Evidence): readonly string[] {
  const { database, scenario } = evidence;
  const texts = groupBy(database.log, ({ stream }) => stream);
  const messages = groupBy(database.outbox, ({ message }) => message.orderingKey);
  const effects = groupBy(
    [...database.records.values()].filter(({ kind }) => kind === "effect"),
    ({ id }) => id.slice(0, id.indexOf("/")),
  );
  const world = { pause: () => Promise.resolve(), undoTries: new Map<string, number>() };
  const definitions = new Map<string, IntentDefinition>(
    scenario.plans.flatMap((spec, index) => buildIntents(spec, index, world)).map((each) => [each.type, each]),
  );
  const faults: string[] = [];
  for (const row of database.executions.values()) {
    const { state } = loadExecution(loadRow(row));
    const mine = (effects.get(row.executionId) ?? []).map(
      ({ id, body }) =>
        [id.slice(id.indexOf("/") + 1), (JSON.parse(body) as { readonly state: string }).state] as const,
    );
    const history = {
      state,
      texts: (texts.get(row.executionId) ?? []).map(({ text }) => text),
      messages: (messages.get(row.executionId) ?? []).map(({ message }) => ({
        eventId: message.eventId,
        type: message.attributes["ce_type"] ?? "",
      })),
      effects: new Map(mine),
    };
    faults.push(...historyFaults(history, definitions.get(state.intent_type)), ...restFaults(row));
    if (!row.terminal) faults.push(`${row.executionId} is ${row.status}`);
  }
  return [...faults, ...livesFaults(database), ...acknowledgedFaults(evidence), ...publishedFaults(evidence)];
}

/** What is wrong between executions, by the order in which their entries were committed. */
function livesFaults(database: ModelDatabase): readonly string[] {
  const began = new Map<string, number>();
  const ended = new Map<string, number>();
  for (const [at, { stream, text }] of database.log.entries()) {
    if (!began.has(stream)) began.set(stream, at);
    if (isEnd(text)) ended.set(stream, at);
  }
  const lives = [...database.executions.values()].map((row) => ({
    state: loadExecution(loadRow(row)).state,
    began: began.get(row.executionId) ?? 0,
    ended: ended.get(row.executionId),
  }));
  const pending = [...database.records.values()].filter(({ kind }) => kind === "pending_intent");
  return familyFaults(
    lives,
    pending.map(({ body }) => JSON.parse(body) as Readonly<Record<string, unknown>>),
  );
}

/** Whether nothing more happens to an execution by itself: it has settled, or it waits for a child that a person must decide on. */
export function isAtRest(row: ExecutionRow, database: ModelDatabase): boolean {
  if (row.terminal) return true;
  if (row.owner !== "") return false;
  return row.status === "dead" || waitsForTheDead(row, database);
}

function waitsForTheDead(row: ExecutionRow, database: ModelDatabase): boolean {
  return loadRow(row).steps.some(({ body }) => {
    const childId = body["child_execution_id"];
    const child = [...database.executions.values()].find(({ executionId }) => executionId === childId);
    if (child === undefined || body["status"] === "compensated") return false;
    return child.status === "dead" || (!child.terminal && child.owner === "" && waitsForTheDead(child, database));
  });
}

/** What may not be left of an execution that has ended. */
function restFaults({ executionId, status, owner, mail, terminal }: ExecutionRow): string[] {
  const faults: string[] = [];
  if (!terminal && owner !== "") faults.push(`${executionId} is ${status} and still held by ${owner}`);
  if (terminal && mail.length > 0) faults.push(`${executionId} has unread mail`);
  return faults;
}

function acknowledgedFaults({ acknowledged, database, scenario }: Evidence): string[] {
  const faults: string[] = [];
  const expected = new Set<string>();
  for (const [index, { spec, executionIds }] of acknowledged.entries()) {
    const [id, ...others] = executionIds;
    if (others.length > 0) faults.push(`the submission ${index} became ${[...executionIds].join(", ")}`);
    const row = [...database.executions.values()].find(({ executionId }) => executionId === id);
    if (row === undefined) {
      faults.push(`the submission ${index} was acknowledged as ${id}, which is lost`);
      continue;
    }
    expected.add(row.executionId);
    const plan = scenario.plans[spec.plan % scenario.plans.length];
    const { state } = loadExecution(loadRow(row));
    if (plan !== undefined && row.terminal)
      faults.push(...forecastFaults(state, forecast(plan, spec.cancel !== undefined)));
  }
  for (const row of database.executions.values()) {
    const { state } = loadExecution(loadRow(row));
    // A retry whose answer was lost, and that was asked for again when the execution had ended, begins it anew.
    const known = expected.has(row.executionId) || state.parent !== undefined || state.forked_from !== undefined;
    if (!known) faults.push(`${row.executionId} has no submitter`);
  }
  return faults;
}

function forecastFaults(state: Execution, { ends, output }: ReturnType<typeof forecast>): string[] {
  const { execution_id: id, status, error } = state;
  if ([error, ...state.steps.map((step) => step.error)].some((each) => MISFORTUNES.has(each?.code ?? ""))) return [];
  if (!ends.has(status)) return [`${id} is ${status} (${error?.code}), not ${[...ends].join(" or ")}`];
  if (status !== "completed" || output === undefined || matches(output, state.output)) return [];
  return [`${id} returned ${JSON.stringify(state.output)?.slice(0, 500)}, not ${JSON.stringify(output)}`];
}

/** Whether what was foretold came true; what was not foretold may be anything. */
function matches(wanted: JsonValue | undefined, found: JsonValue | undefined): boolean {
  if (wanted === undefined) return true;
  if (found !== null && typeof found === "object" && "$claim_check" in found) return true;
  if (wanted === null || typeof wanted !== "object") return wanted === found;
  if (found === null || typeof found !== "object") return false;
  return Object.entries(wanted).every(([name, member]) => matches(member as JsonValue, (found as never)[name]));
}

function publishedFaults({ database, published }: Evidence): string[] {
  const faults: string[] = [];
  const first = new Map<string, BusMessage>();
  for (const message of published) {
    const known = first.get(message.id);
    if (known !== undefined && known.data !== message.data) faults.push(`${message.id} was published in two forms`);
    if (known === undefined) first.set(message.id, message);
  }
  for (const { message, publishedMs } of database.outbox) {
    if (publishedMs === undefined || !first.has(message.eventId)) faults.push(`${message.eventId} was never published`);
  }
  const ids = database.outbox.map(({ message }) => message.eventId);
  if (new Set(ids).size < ids.length) faults.push("two messages have one id");
  const committed = groupBy(database.outbox, ({ message }) => message.orderingKey);
  const told = groupBy([...first.values()], ({ orderingKey }) => orderingKey);
  for (const [key, messages] of committed) {
    const wanted = messages.map(({ message }) => message.eventId).join();
    const found = (told.get(key) ?? []).map(({ id }) => id).join();
    if (wanted !== found) faults.push(`of ${key} was published ${found}, committed was ${wanted}`);
  }
  return faults;
}

function groupBy<Item>(items: readonly Item[], keyOf: (item: Item) => string): ReadonlyMap<string, readonly Item[]> {
  const groups = new Map<string, Item[]>();
  for (const item of items) {
    const group = groups.get(keyOf(item));
    if (group === undefined) groups.set(keyOf(item), [item]);
    else group.push(item);
  }
  return groups;
}
