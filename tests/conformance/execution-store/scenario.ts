import { expect } from "vitest";

import {
  type ExecutionId,
  type SessionId,
  type TenantId,
  trustedTenantId,
  type WorkerId,
} from "../../../shared/ids.ts";
import type { JsonObject } from "../../../shared/json.ts";
import type {
  Acceptance,
  Change,
  ClaimRequest,
  Commit,
  ExecutionPatch,
  ExecutionStore,
  LogRow,
  OutboxMessage,
  RecordWrite,
} from "../../../shared/ports/execution-store.ts";
import type { Page, PageRequest } from "../../../shared/ports/paging.ts";
import { testIds } from "../../kit/runtime.ts";

/** An empty store to test; `reopen` is there when its contents outlive the process that wrote them. */
export interface StoreUnderTest {
  readonly store: ExecutionStore;
  /** Whether a published message is dropped when it is marked, and not only by `purge`. */
  readonly dropsPublished?: boolean;
  close(): Promise<void>;
  /** Closes the store and opens it again over the same contents. */
  reopen?(): Promise<ExecutionStore>;
}

export type OpenStore = () => Promise<StoreUnderTest>;

export const NOW = Date.parse("2026-01-01T00:00:00.000Z");
export const HOUR = 3_600_000;
export const DEAD_AFTER = 3_000;
export const NOTHING: Change = { records: [], log: [], outbox: [], mail: [] };

/** One tenant with a live session and a worker that beats, in an empty store. */
export interface Scenario extends AsyncDisposable {
  readonly store: ExecutionStore;
  readonly tenantId: TenantId;
  readonly sessionId: SessionId;
  readonly workerId: WorkerId;
  readonly reopen: StoreUnderTest["reopen"];
  /** How many rows `purge` drops for a message that was published long ago. */
  readonly rowsOfPublished: 0 | 1;
  acceptance(more?: Partial<Acceptance>): Acceptance;
  /** Accepts an execution that must be accepted. */
  admit(more?: Partial<Acceptance>): Promise<ExecutionId>;
  claim(executionId: ExecutionId, more?: Partial<ClaimRequest>): ReturnType<ExecutionStore["claim"]>;
  commit(executionId: ExecutionId, more?: Partial<Commit>): ReturnType<ExecutionStore["commit"]>;
  write(change: Partial<Change>): ReturnType<ExecutionStore["write"]>;
}

export async function begin(open: OpenStore): Promise<Scenario> {
  const { store, close, reopen, dropsPublished = false } = await open();
  const tenantId = trustedTenantId("acme");
  const sessionId = testIds.session();
  const workerId = testIds.worker();
  await openSession(store, tenantId, sessionId);
  await store.beat(workerId, NOW);

  const acceptance: Scenario["acceptance"] = (more = {}) => ({
    tenantId,
    executionId: testIds.execution(),
    sessionId,
    intentType: "test.intent",
    createdMs: NOW,
    workerId,
    intent: { asked: "for something" },
    state: patch("running"),
    requires: { kind: "session", id: sessionId, atMs: NOW, prolongToMs: NOW + HOUR },
    change: NOTHING,
    ...more,
  });

  return {
    store,
    tenantId,
    sessionId,
    workerId,
    reopen,
    rowsOfPublished: dropsPublished ? 0 : 1,
    acceptance,
    admit: async (more) => {
      const wanted = acceptance(more);
      expect(await store.accept(wanted)).toEqual({ outcome: "accepted", epoch: 1 });
      return wanted.executionId;
    },
    claim: (executionId, more = {}) =>
      store.claim({ tenantId, executionId, workerId: testIds.worker(), nowMs: NOW, deadAfterMs: DEAD_AFTER, ...more }),
    commit: (executionId, more = {}) =>
      store.commit({
        tenantId,
        executionId,
        epoch: 1,
        state: patch("running"),
        change: NOTHING,
        readMail: [],
        ...more,
      }),
    write: (change) => store.write(tenantId, { ...NOTHING, ...change }),
    [Symbol.asyncDispose]: close,
  };
}

export async function openSession(store: ExecutionStore, tenantId: TenantId, sessionId: SessionId): Promise<void> {
  const session = record(sessionId, { kind: "session", usableUntilMs: NOW + HOUR });
  expect(await store.write(tenantId, { ...NOTHING, records: [session] })).toEqual({ outcome: "written" });
}

export function patch(status: string, more: Partial<ExecutionPatch> = {}): ExecutionPatch {
  const terminal = status === "completed" || status === "failed";
  return { status, terminal, head: { status }, steps: [], ...more };
}

export function record(id: string, more: Partial<RecordWrite> = {}): RecordWrite {
  return { kind: "thing", id, expectedVersion: 0, body: { id }, facets: ["all"], sortMs: NOW, ...more };
}

/** A log entry of an execution, or of a session when no execution is given. */
export function entry(
  owner: { readonly sessionId: SessionId; readonly executionId?: ExecutionId },
  sequence: number,
  more: Partial<LogRow> = {},
): LogRow {
  const row = {
    eventId: testIds.event(),
    stream: owner.executionId ?? owner.sessionId,
    sequence,
    eventType: "step_started",
    timestampMs: NOW + sequence,
    sessionId: owner.sessionId,
    executionId: owner.executionId,
    ...more,
  };
  return { text: JSON.stringify({ stream: row.stream, sequence, type: row.eventType, at: row.timestampMs }), ...row };
}

export function message(tenantId: TenantId, more: Partial<OutboxMessage> = {}): OutboxMessage {
  const eventId = testIds.event();
  return {
    eventId,
    tenantId,
    topic: "events",
    orderingKey: "key",
    attributes: { kind: "test", "content-type": "text/plain" },
    data: `message ${eventId} – ünïcödé`,
    ...more,
  };
}

/** Everything of a listing, page by page; `between` runs after each page. */
export async function allPages<Item>(
  read: (page: PageRequest) => Promise<Page<Item>>,
  limit: number,
  between: () => Promise<unknown> = () => Promise.resolve(),
): Promise<Item[]> {
  const items: Item[] = [];
  let cursor: string | undefined;
  do {
    const page: Page<Item> = await read({ limit, cursor });
    expect(page.items.length).toBeLessThanOrEqual(limit);
    if (page.nextCursor !== undefined) expect(page.items).toHaveLength(limit);
    items.push(...page.items);
    cursor = page.nextCursor;
    await between();
  } while (cursor !== undefined);
  return items;
}

/** All that a tenant can see of itself, and what waits in the outbox: to compare before and after. */
export async function everything(
  store: ExecutionStore,
  tenantId: TenantId,
  executionIds: readonly ExecutionId[] = [],
): Promise<JsonObject> {
  const page = { limit: 1_000 };
  const seen = {
    executions: await Promise.all(executionIds.map((executionId) => store.readExecution(tenantId, executionId))),
    listed: await store.listExecutions(tenantId, {}, page),
    live: await store.listExecutions(tenantId, { live: true }, page),
    log: await store.readLog(tenantId, { order: "chronological" }, page),
    things: await store.listRecords(tenantId, "thing", "all", page),
    sessions: await store.listRecords(tenantId, "session", "all", page),
    outbox: (await store.unpublished(1_000)).filter((waiting) => waiting.tenantId === tenantId),
  };
  return JSON.parse(JSON.stringify(seen)) as JsonObject;
}
