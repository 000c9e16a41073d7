import type { Query, QueryDocumentSnapshot } from "@google-cloud/firestore";
import * as z from "zod";

import type { ExecutionId, TenantId } from "../../../shared/ids.ts";
import type { LogFilter, LogRow } from "../../../shared/ports/execution-store.ts";
import type { Page, PageRequest } from "../../../shared/ports/paging.ts";
import { pageOf } from "../../../shared/ports/page-cursor.ts";
import type { ChangeSet } from "./change-set.ts";
import { EVERY_SHARD, type Layout, shardOf } from "./layout.ts";
import { placeOf, readPlace, readSequence, timeOf, timeText } from "./places.ts";
import type { Reach } from "./reach.ts";

/** How many entries of an execution are looked through at once for those of a type, session or time. */
const LOOKED_THROUGH = 100;

const rowSchema = z.object({
  sequence: z.int(),
  event_type: z.string(),
  session_id: z.string().nullable(),
  place: z.string(),
  text: z.string(),
});
type Row = z.infer<typeof rowSchema>;

/**
 * The log of a tenant: a document an entry, named by its stream and sequence, so that either exists once (S9).
 * Across the tenant, a type or a session the order is the place: time, then sequence, then stream; within an execution, the sequence.
 */
export interface Log {
  add(set: ChangeSet, tenantId: TenantId, rows: readonly LogRow[]): void;
  read(tenantId: TenantId, filter: LogFilter, page: PageRequest): Promise<Page<string>>;
}

export function createLog(layout: Layout, reach: Reach): Log {
  return {
    add: (set, tenantId, rows) => {
      for (const row of rows) {
        set.create(layout.logEntry(tenantId, row.stream, row.sequence), {
          event_id: row.eventId,
          event_type: row.eventType,
          session_id: row.sessionId ?? null,
          execution_id: row.executionId ?? null,
          sequence: row.sequence,
          place: placeOf(row.timestampMs, row.sequence, row.stream),
          shard: shardOf(row.stream),
          text: row.text,
        });
      }
    },

    read: (tenantId, filter, page) =>
      filter.executionId === undefined
        ? readByPlace(layout, reach, tenantId, filter, page)
        : readOfExecution({ layout, reach, tenantId, executionId: filter.executionId }, filter, page),
  };
}

async function readByPlace(
  layout: Layout,
  reach: Reach,
  tenantId: TenantId,
  filter: LogFilter,
  page: PageRequest,
): Promise<Page<string>> {
  const after = readPlace(page.cursor);
  const newest = filter.order === "newest";
  let query: Query = layout.log(tenantId);
  // A session's entries are few enough a second for an index of their own without shards.
  if (filter.sessionId === undefined) query = query.where("shard", "in", EVERY_SHARD);
  else query = query.where("session_id", "==", filter.sessionId.toWellFormed());
  if (filter.eventType !== undefined) query = query.where("event_type", "==", filter.eventType.toWellFormed());
  if (filter.fromMs !== undefined) query = query.where("place", ">=", timeText(filter.fromMs));
  if (filter.toMs !== undefined) query = query.where("place", "<", timeText(filter.toMs));
  query = query.orderBy("place", newest ? "desc" : "asc").limit(page.limit + 1);
  if (after !== undefined) query = query.startAfter(after);
  const { docs } = await reach.call(() => query.get());
  return pageOf(
    docs.map(rowOf),
    page,
    (row) => row.text,
    (row) => row.place,
  );
}

interface OfExecution {
  readonly layout: Layout;
  readonly reach: Reach;
  readonly tenantId: TenantId;
  readonly executionId: ExecutionId;
}

async function readOfExecution(
  { layout, reach, tenantId, executionId }: OfExecution,
  filter: LogFilter,
  page: PageRequest,
): Promise<Page<string>> {
  const { order, afterSequence = 0 } = filter;
  const after = readSequence(page.cursor);
  const newest = order === "newest";
  const narrowed = (["eventType", "sessionId", "fromMs", "toMs"] as const).some((key) => filter[key] !== undefined);
  const atOnce = narrowed ? Math.max(LOOKED_THROUGH, page.limit + 1) : page.limit + 1;
  const query = layout
    .log(tenantId)
    .where("execution_id", "==", executionId.toWellFormed())
    .where("sequence", ">", afterSequence)
    .orderBy("sequence", newest ? "desc" : "asc")
    .limit(atOnce);
  const rows: Row[] = [];
  for (let next = after === undefined ? query : query.startAfter(after); ;) {
    const { docs } = await reach.call(() => next.get());
    const found = docs.map(rowOf);
    rows.push(...found.filter((row) => matches(row, filter)));
    const last = found.at(-1);
    if (last === undefined || found.length < atOnce || rows.length > page.limit) break;
    next = query.startAfter(last.sequence);
  }
  return pageOf(
    rows,
    page,
    (row) => row.text,
    (row) => row.sequence,
  );
}

function rowOf(snapshot: QueryDocumentSnapshot): Row {
  return rowSchema.parse(snapshot.data());
}

function matches(row: Row, { eventType, sessionId, fromMs, toMs }: LogFilter): boolean {
  const atMs = timeOf(row.place);
  return (
    (eventType ?? row.event_type) === row.event_type &&
    (sessionId ?? row.session_id) === row.session_id &&
    atMs >= (fromMs ?? 0) &&
    atMs < (toMs ?? Number.POSITIVE_INFINITY)
  );
}
