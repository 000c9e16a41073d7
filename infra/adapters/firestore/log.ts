import type { Query, QueryDocumentSnapshot } from "@google-cloud/firestore";
import * as z from "zod";

import { RuntimeError } from "../../../shared/errors.ts";
import type { ExecutionId, TenantId } from "../../../shared/ids.ts";
import type { LogFilter, LogRow } from "../../../shared/ports/execution-store.ts";
import { pageOf } from "../../../shared/ports/page-cursor.ts";
import type { Page, PageRequest } from "../../../shared/ports/paging.ts";
import type { ChangeSet } from "./change-set.ts";
import { EVERY_SHARD, type Layout, shardOf } from "./layout.ts";
import { packsOf } from "./log-packs.ts";
import { type PackCursor, placeOf, readPackCursor, timeOf, timeText } from "./places.ts";
import type { Reach } from "./reach.ts";

/** How many documents of an execution are looked through at once for entries of a type, session or time. */
const LOOKED_THROUGH = 100;

const packSchema = z.object({
  session_id: z.string().nullable(),
  /** Of the first entry; all have its time. */
  place: z.string(),
  /** The sequence of the last entry. */
  last: z.int(),
  /** Of each entry, as `texts`. */
  event_types: z.array(z.string()),
  texts: z.array(z.string()),
});
type Pack = z.infer<typeof packSchema>;

/** What orders packs: across a tenant, a type or a session time, then sequence, then stream; within an execution the sequence. */
type PackOrder = "place" | "last";

/** The log of a tenant: documents that hold some entries each (log-packs.ts), named by their stream and the first one's sequence. */
export interface Log {
  /** `own` is the execution whose document is written by the same commit. */
  add(set: ChangeSet, tenantId: TenantId, rows: readonly LogRow[], own: ExecutionId | undefined): void;
  read(tenantId: TenantId, filter: LogFilter, page: PageRequest): Promise<Page<string>>;
}

export function createLog(layout: Layout, reach: Reach): Log {
  return {
    add: (set, tenantId, rows, own) => {
      for (const pack of packsOf(rows, own)) {
        const [{ stream, sequence, timestampMs, sessionId, executionId }] = pack;
        if (executionId !== undefined && stream !== own) throw foreignEntry(executionId);
        set.create(layout.logPack(tenantId, stream, sequence), {
          session_id: sessionId ?? null,
          execution_id: executionId ?? null,
          place: placeOf(timestampMs, sequence, stream),
          last: sequence + pack.length - 1,
          shard: shardOf(stream),
          event_types: pack.map(({ eventType }) => eventType),
          texts: pack.map(({ text }) => text),
        });
      }
    },

    read: (tenantId, filter, page) => {
      const { executionId, afterSequence = 0 } = filter;
      const log = layout.log(tenantId);
      if (executionId === undefined) return readPacks(reach, placed(log, filter), "place", filter, page);
      const ofOne = log.where("execution_id", "==", executionId.toWellFormed()).where("last", ">", afterSequence);
      return readPacks(reach, ofOne, "last", filter, page);
    },
  };
}

/** Every pack that this finds has an entry that matches. */
function placed(log: Query, filter: LogFilter): Query {
  let query = log;
  // A session's entries are few enough a second for an index of their own without shards.
  if (filter.sessionId === undefined) query = query.where("shard", "in", EVERY_SHARD);
  else query = query.where("session_id", "==", filter.sessionId.toWellFormed());
  if (filter.eventType !== undefined)
    query = query.where("event_types", "array-contains", filter.eventType.toWellFormed());
  if (filter.fromMs !== undefined) query = query.where("place", ">=", timeText(filter.fromMs));
  if (filter.toMs !== undefined) query = query.where("place", "<", timeText(filter.toMs));
  return query;
}

async function readPacks(
  reach: Reach,
  packs: Query,
  by: PackOrder,
  filter: LogFilter,
  page: PageRequest,
): Promise<Page<string>> {
  const after = readPackCursor(page.cursor, by);
  const narrowed =
    by === "last" && (["eventType", "sessionId", "fromMs", "toMs"] as const).some((key) => filter[key] !== undefined);
  // The pack in which the page before ended may have nothing more to give.
  const wanted = page.limit + (after === undefined ? 1 : 2);
  const atOnce = narrowed ? Math.max(LOOKED_THROUGH, wanted) : wanted;
  const query = packs.orderBy(by, filter.order === "newest" ? "desc" : "asc").limit(atOnce);
  const found: Entry[] = [];
  for (let next = after === undefined ? query : query.startAt(after[0]); ;) {
    const { docs } = await reach.call(() => next.get());
    const read = docs.map(packOf);
    for (const pack of read) found.push(...entriesOf(pack, by, filter, after));
    const last = read.at(-1);
    if (last === undefined || docs.length < atOnce || found.length > page.limit) break;
    next = query.startAfter(last[by]);
  }
  return pageOf(
    found,
    page,
    ({ text }) => text,
    ({ cursor }) => cursor,
  );
}

interface Entry {
  readonly text: string;
  readonly cursor: PackCursor;
}

/** The entries of a pack that match and come after the cursor, in the order asked for. */
function entriesOf(pack: Pack, by: PackOrder, filter: LogFilter, after: PackCursor | undefined): readonly Entry[] {
  const { eventType, sessionId, fromMs = 0, toMs = Number.POSITIVE_INFINITY, afterSequence = 0, order } = filter;
  const atMs = timeOf(pack.place);
  if ((sessionId ?? pack.session_id) !== pack.session_id || atMs < fromMs || atMs >= toMs) return [];
  const key = pack[by];
  const [reached, at] = after ?? [];
  const first = pack.last - pack.texts.length + 1;
  const entries = pack.texts.flatMap((text, n) => {
    const sequence = first + n;
    const given = key === reached && at !== undefined && (order === "newest" ? sequence >= at : sequence <= at);
    const matches = (eventType ?? pack.event_types[n]) === pack.event_types[n] && sequence > afterSequence;
    return matches && !given ? [{ text, cursor: [key, sequence] as const }] : [];
  });
  return order === "newest" ? entries.toReversed() : entries;
}

/** Nothing would keep its sequence from being written twice (S9). */
function foreignEntry(executionId: ExecutionId): RuntimeError {
  return new RuntimeError("store.foreign_entry", `Only a commit of ${executionId} may write entries of it.`);
}

function packOf(snapshot: QueryDocumentSnapshot): Pack {
  return packSchema.parse(snapshot.data());
}
