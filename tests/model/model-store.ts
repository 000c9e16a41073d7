import { RuntimeError } from "../../shared/errors.ts";
import type { JsonObject } from "../../shared/json.ts";
import type { ExecutionStore, LogFilter, LogRow } from "../../shared/ports/execution-store.ts";
import type { Page, PageRequest } from "../../shared/ports/paging.ts";
import type { ModelDatabase } from "./model-database.ts";
import { loadRow, storedRecord } from "./model-rows.ts";

/** One contact with the outside: `mail` reads what others sent; `hint` calls cannot change what an execution is, so they need not be scheduled. */
export interface Call {
  readonly name: string;
  readonly kind: "write" | "read" | "mail" | "hint";
}

/** Carries out a call now, later, or never; the model's scheduler decides. */
export type Io = <Result>(call: Call, apply: () => Result) => Promise<Result>;

/** Carries every call out at once. */
export const immediate: Io = async (_call, apply) => apply();

/** The port over a model database: every call goes through `io`. */
export function createModelStore(database: ModelDatabase, io: Io = immediate): ExecutionStore {
  let open = true;
  const call = <Result>(kind: Call["kind"], name: string, apply: () => Result): Promise<Result> => {
    if (open) return io({ name, kind }, apply);
    const message = "The store cannot be reached; nothing was written. Try again.";
    return Promise.reject(new RuntimeError("store.unavailable", message, { status: 503, retryable: true }));
  };
  return {
    accept: (acceptance) => call("write", `accept ${acceptance.executionId}`, () => database.accept(acceptance)),
    claim: (request) => call("write", `claim ${request.executionId}`, () => database.claim(request)),
    commit: (commit) =>
      call("write", `commit ${commit.executionId} [${told(commit.change.log)}]`, () => database.commit(commit)),
    write: (tenantId, change) => {
      const what = [
        ...change.records.map(({ id, body }) => `${id}=${String(body?.["state"] ?? "")}`),
        ...change.mail.map(({ mailId }) => `mail ${mailId}`),
      ];
      return call("write", `write ${what.join(", ")}`, () => database.write(tenantId, change));
    },

    readExecution: (tenantId, executionId) =>
      call("read", `read ${executionId}`, () => {
        const row = database.find(tenantId, executionId);
        return row === undefined ? undefined : loadRow(row);
      }),
    listExecutions: (tenantId, filter, page) =>
      call("read", "list executions", () => {
        const rows = [...database.executions.values()].filter(
          (row) =>
            row.tenantId === tenantId &&
            (filter.status ?? row.status) === row.status &&
            (filter.intentType ?? row.intentType) === row.intentType &&
            (filter.sessionId ?? row.sessionId) === row.sessionId &&
            !(filter.live === true && row.terminal),
        );
        const numbers = new Map([...database.executions.values()].map((row, no) => [row, no]));
        const at = rows.toReversed().map((row) => ({ row, position: [-(numbers.get(row) ?? 0)] }));
        return pageOf(at, page, ({ row }) => JSON.parse(row.head) as JsonObject);
      }),
    readLog: (tenantId, filter, page) =>
      call("read", "read log", () => {
        const rows = database.log
          .map((row, place) => ({ row, place }))
          .filter(({ row }) => row.tenantId === tenantId && matches(row, filter));
        const sign = filter.order === "newest" ? -1 : 1;
        const at = rows.map(({ row, place }) => ({
          row,
          position: (filter.executionId === undefined ? [row.timestampMs, place] : [row.sequence]).map((n) => sign * n),
        }));
        return pageOf(at, page, ({ row }) => row.text);
      }),
    readRecord: (tenantId, kind, id) => call("read", `read ${id}`, () => database.readRecord(tenantId, kind, id)),
    listRecords: (tenantId, kind, facet, page) =>
      call("read", `list ${kind}`, () => {
        const rows = [...database.records.values()].filter(
          (row) => row.tenantId === tenantId && row.kind === kind && row.facets.includes(facet),
        );
        const at = rows.map((row) => ({ row, position: [-row.sortMs, reversed(row.id)] }));
        return { ...pageOf(at, page, ({ row }) => storedRecord(row)), total: rows.length };
      }),

    unpublished: (limit, except = []) =>
      call("hint", "unpublished", () =>
        database.outbox
          .filter((row) => row.publishedMs === undefined && !except.includes(row.message.orderingKey))
          .slice(0, limit)
          .map((row) => structuredClone(row.message)),
      ),
    markPublished: (eventIds, atMs) => call("write", "mark published", () => database.markPublished(eventIds, atMs)),
    readMail: (tenantId, executionId) =>
      call("mail", `mail of ${executionId}`, () => structuredClone(database.find(tenantId, executionId)?.mail ?? [])),
    beat: (workerId, nowMs) => call("hint", "beat", () => database.beat(workerId, nowMs)),
    retire: (workerId) => call("hint", "retire", () => database.retire(workerId)),
    due: ({ nowMs, limit }) => call("hint", "due", () => database.due(nowMs, limit)),
    abandoned: ({ nowMs, deadAfterMs, limit }) =>
      call("hint", "abandoned", () => database.abandoned(nowMs - deadAfterMs, limit)),
    purge: ({ nowMs, publishedBeforeMs }) => call("write", "purge", () => database.purge(nowMs, publishedBeforeMs)),
    ping: () => call("hint", "ping", () => undefined),
    close: () => {
      open = false;
      return Promise.resolve();
    },
  };
}

function told(rows: readonly LogRow[]): string {
  return rows
    .map(({ eventType, text }) => {
      const step = /"step_name":"([^"]+)"/.exec(text)?.[1];
      return step === undefined ? eventType.replace("execution_", "") : `${step} ${eventType.replace("step_", "")}`;
    })
    .join(", ");
}

function matches(row: LogRow, filter: LogFilter): boolean {
  return (
    (filter.executionId ?? row.executionId) === row.executionId &&
    (filter.sessionId ?? row.sessionId) === row.sessionId &&
    (filter.eventType ?? row.eventType) === row.eventType &&
    row.sequence > (filter.afterSequence ?? 0) &&
    row.timestampMs >= (filter.fromMs ?? row.timestampMs) &&
    row.timestampMs < (filter.toMs ?? Number.POSITIVE_INFINITY)
  );
}

type Position = readonly (number | string)[];

function pageOf<Row extends { readonly position: Position }, Item>(
  rows: readonly Row[],
  page: PageRequest,
  item: (row: Row) => Item,
): Page<Item> {
  const after = page.cursor === undefined ? undefined : readCursor(page.cursor);
  const sorted = rows.toSorted((a, b) => compare(a.position, b.position));
  const rest = after === undefined ? sorted : sorted.filter((row) => compare(row.position, after) > 0);
  const shown = rest.slice(0, page.limit);
  const last = shown.at(-1);
  const more = rest.length > shown.length && last !== undefined;
  const nextCursor = more ? Buffer.from(JSON.stringify(last.position)).toString("base64url") : undefined;
  return { items: shown.map(item), nextCursor };
}

function readCursor(cursor: string): Position {
  try {
    const value: unknown = JSON.parse(Buffer.from(cursor, "base64url").toString());
    if (Array.isArray(value) && value.length > 0 && typeof value[0] === "number") return value as Position;
  } catch {
    // Falls through to the one error for every malformed cursor.
  }
  throw new RuntimeError("cursor.invalid", "The cursor is not one that a page of this listing gave.", {
    status: 422,
    faults: [{ path: "cursor", message: "is not a cursor of this listing" }],
  });
}

function compare(a: Position, b: Position): number {
  for (const [index, left] of a.entries()) {
    const right = b[index] ?? 0;
    if (left !== right) return left < right ? -1 : 1;
  }
  return 0;
}

/** A text that sorts before those that its original sorts after. */
function reversed(text: string): string {
  return Array.from(text, (char) => String.fromCodePoint(0xffff - (char.codePointAt(0) ?? 0))).join("");
}
