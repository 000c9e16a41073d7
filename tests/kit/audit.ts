import { isTerminal } from "../../shared/executions/execution.ts";
import { loadExecution } from "../../shared/executions/stored-execution.ts";
import { asId, type ExecutionId, type TenantId } from "../../shared/ids.ts";
import type { ExecutionStore } from "../../shared/ports/execution-store.ts";
import type { Page, PageRequest } from "../../shared/ports/paging.ts";
import type { IntentDefinition } from "../../shared/sagas/intent-definition.ts";
import { verifyChain } from "../../shared/state/chain-verification.ts";
import { logEntrySchema } from "../../shared/state/log-entry.ts";
import { familyFaults, isEnd, type Life } from "./family-faults.ts";
import { historyFaults } from "./history-faults.ts";

const PAGE = 200;
/** Executions that are looked at side by side. */
const WIDTH = 8;
/** Processes of one machine tell the time alike; of several, within what a store's clock is believed by. */
const SAME_TIME_MS = 1_500;

/** An event as a consumer got it: once or more often. */
export interface ReceivedEvent {
  readonly eventId: string;
  readonly type: string;
  readonly orderingKey: string;
}

export interface Audited {
  readonly store: ExecutionStore;
  readonly tenantId: TenantId;
  readonly intents: readonly IntentDefinition[];
  /** What clients were promised: an execution for each idempotency key. */
  readonly accepted: ReadonlyMap<string, string>;
  /** All that consumers got; absent when nobody listened. */
  readonly received?: readonly ReceivedEvent[];
}

export interface Audit {
  readonly faults: readonly string[];
  /** How many executions have each status. */
  readonly statuses: Readonly<Record<string, number>>;
  readonly executions: number;
  /** How often an execution was taken over or taken up again. */
  readonly resumed: number;
}

/**
 * Reads all that a tenant has in a store, once nothing happens any more, and tells what of the promises is broken:
 *  A1  Every accepted execution is there and terminal; each key has its own; there is none that nobody asked for.
 *  A2  Of every execution the promises of `historyFaults` hold: chain, fold(log) = state, recorded once, no effect left behind.
 *  A3  The tenant's log is the logs of its chains, each entry once, each chain whole.
 *  A4  Nothing waits: no unread mail, no unpublished message; every event was received, under one id.
 *  A5  Between parents, children, repeats and the dead the promises of `familyFaults` hold.
 */
export async function auditAll(audited: Audited): Promise<Audit> {
  const { store, tenantId, accepted, received } = audited;
  const faults: string[] = [];
  const statuses: Record<string, number> = {};
  let resumed = 0;

  const heads = await everyPage((page) => store.listExecutions(tenantId, {}, page));
  const ids = heads.map((head) => asId.execution(String(head["execution_id"])));
  // Children are of their parents' asking.
  const asked = heads.filter((head) => head["parent"] === undefined).map((head) => String(head["execution_id"]));
  faults.push(...admissionFaults(ids, asked, accepted));
  const effects = await effectsOf(audited);
  const texts = new Map<string, readonly string[]>();
  const lives: Life[] = [];
  const events = Map.groupBy(received ?? [], ({ orderingKey }) => orderingKey);

  const auditOne = async (executionId: ExecutionId): Promise<void> => {
    const [stored, log, mail] = await Promise.all([
      store.readExecution(tenantId, executionId),
      everyPage((page) => store.readLog(tenantId, { executionId, order: "chronological" }, page)),
      store.readMail(tenantId, executionId),
    ]);
    texts.set(executionId, log);
    if (stored === undefined) return void faults.push(`${executionId} is listed, and cannot be read`);
    const { state } = loadExecution(stored);
    const ended = log.findLast(isEnd);
    lives.push({ state, began: timeOf(log[0]) ?? 0, ended: timeOf(ended) });
    statuses[state.status] = (statuses[state.status] ?? 0) + 1;
    resumed += log.filter((text) => text.includes('"event_type":"execution_resumed"')).length;
    const definition = audited.intents.find(({ type }) => type === state.intent_type);
    const told = received && { messages: distinct(events.get(executionId) ?? []) };
    const mine = effects.get(executionId) ?? new Map<string, string>();
    faults.push(...historyFaults({ state, texts: log, effects: mine, ...told }, definition));
    if (!isTerminal(state.status)) faults.push(`${executionId} is ${state.status}`);
    if (mail.length > 0) faults.push(`${executionId} has ${mail.length} unread mails`);
  };
  const left = ids.values();
  const line = async (): Promise<void> => {
    for (const executionId of left) await auditOne(executionId);
  };
  await Promise.all(Array.from({ length: WIDTH }, line));

  const pending = await everyPage((page) => store.listRecords(tenantId, "pending_intent", "all", page));
  const questions = pending.map(({ body }) => body);
  faults.push(...familyFaults(lives, questions, SAME_TIME_MS));
  faults.push(...(await logFaults(audited, texts)), ...(await outboxFaults(audited)), ...eventFaults(received ?? []));
  return { faults, statuses, executions: ids.length, resumed };
}

function admissionFaults(
  ids: readonly string[],
  asked: readonly string[],
  accepted: ReadonlyMap<string, string>,
): string[] {
  const promised = new Set(accepted.values());
  const there = new Set(ids);
  const faults = [...accepted].flatMap(([key, id]) => (there.has(id) ? [] : [`${id}, accepted for ${key}, is lost`]));
  if (promised.size < accepted.size) faults.push(`${accepted.size} keys have ${promised.size} executions`);
  if (there.size < ids.length) faults.push(`${ids.length - there.size} executions are listed twice`);
  const unasked = asked.filter((id) => !promised.has(id));
  if (unasked.length > 0) faults.push(`nobody was told of ${unasked.join(", ")}`);
  return faults;
}

/** The state of every effect by step, by execution. */
async function effectsOf({ store, tenantId }: Audited): Promise<ReadonlyMap<string, ReadonlyMap<string, string>>> {
  const found = new Map<string, Map<string, string>>();
  for (const { id, body } of await everyPage((page) => store.listRecords(tenantId, "effect", "all", page))) {
    const slash = id.indexOf("/");
    const mine = found.get(id.slice(0, slash)) ?? new Map<string, string>();
    found.set(id.slice(0, slash), mine.set(id.slice(slash + 1), String(body["state"])));
  }
  return found;
}

async function logFaults(
  { store, tenantId }: Audited,
  ofExecutions: ReadonlyMap<string, readonly string[]>,
): Promise<string[]> {
  const all = await everyPage((page) => store.readLog(tenantId, { order: "chronological" }, page));
  const chains = Map.groupBy(all, (text): string => {
    const { execution_id, session_id } = logEntrySchema.parse(JSON.parse(text));
    return execution_id ?? session_id ?? "";
  });
  const faults: string[] = [];
  for (const [stream, found] of chains) {
    const chain = found.toSorted((one, other) => sequenceOf(one) - sequenceOf(other));
    const fault = verifyChain(chain);
    if (fault !== undefined) faults.push(`in the tenant's log, entry ${fault.sequence} of ${stream} is ${fault.fault}`);
    const own = ofExecutions.get(stream);
    if (own !== undefined && own.join("\n") !== chain.join("\n")) {
      faults.push(`the tenant's log has ${chain.length} entries of ${stream}, its own has ${own.length}, or others`);
    }
  }
  for (const executionId of ofExecutions.keys()) {
    if (!chains.has(executionId)) faults.push(`the tenant's log has nothing of ${executionId}`);
  }
  return faults;
}

function timeOf(text: string | undefined): number | undefined {
  return text === undefined ? undefined : Date.parse(logEntrySchema.parse(JSON.parse(text)).timestamp);
}

function sequenceOf(text: string): number {
  return logEntrySchema.parse(JSON.parse(text)).sequence;
}

async function outboxFaults({ store, tenantId }: Audited): Promise<string[]> {
  const waiting = (await store.unpublished(1_000)).filter((message) => message.tenantId === tenantId);
  return waiting.length === 0 ? [] : [`${waiting.length} messages were never published`];
}

/** One id is one event, however often it comes. */
function eventFaults(received: readonly ReceivedEvent[]): string[] {
  return [...Map.groupBy(received, ({ eventId }) => eventId)].flatMap(([id, events]) => {
    const kinds = new Set(events.map(({ type, orderingKey }) => `${type} of ${orderingKey}`));
    return kinds.size === 1 ? [] : [`the id ${id} stands for ${[...kinds].join(" and ")}`];
  });
}

function distinct(events: readonly ReceivedEvent[]): readonly ReceivedEvent[] {
  return [...new Map(events.map((event) => [event.eventId, event])).values()];
}

async function everyPage<Item>(read: (page: PageRequest) => Promise<Page<Item>>): Promise<Item[]> {
  const items: Item[] = [];
  let cursor: string | undefined;
  do {
    const page = await read({ limit: PAGE, cursor });
    items.push(...page.items);
    cursor = page.nextCursor;
  } while (cursor !== undefined);
  return items;
}
