import type { TenantId } from "../../../shared/ids.ts";
import type { Logger } from "../../../shared/logger.ts";
import type { ExecutionStore, LogFilter } from "../../../shared/ports/execution-store.ts";
import type { Page, PageRequest } from "../../../shared/ports/paging.ts";
import type { HotTier } from "./hot-tier.ts";
import { readPlace } from "./places.ts";
import type { TailKeeper } from "./tail-keeper.ts";
import { type ColdCursor, readLogCursor, type TailCursor, textDigest, writeLogCursor } from "./tail-cursor.ts";
import { READ_TAIL } from "./tail-scripts.ts";

/**
 * The log in two tiers: the newest entries of a tenant from Redis, what is older from the cold log, on one line of pages.
 *  L1  The tail holds every entry from its `since` on; it answers for nothing older, and for nothing at all while a commit is
 *      overdue, whose entries it may lack.
 *  L2  Tiers meet between two milliseconds: a page that crosses goes on in the cold log below `since`.
 *  L3  A page once continued in the cold log stays there.
 */
export interface LogTail {
  read(tenantId: TenantId, filter: LogFilter, page: PageRequest): Promise<Page<string>>;
}

export interface LogTailDeps {
  readonly cold: ExecutionStore;
  readonly hot: HotTier;
  readonly keeper: TailKeeper;
  readonly logger: Logger;
  readonly nonce: () => string;
}

interface TailReading {
  readonly sinceMs: number;
  readonly exhausted: boolean;
  readonly entries: readonly { readonly place: string; readonly text: string }[];
}

export function createLogTail({ cold, hot, keeper, logger, nonce }: LogTailDeps): LogTail {
  /** What the tail has; undefined when it must not be trusted with this question. */
  const readTail = async (
    tenantId: TenantId,
    filter: LogFilter,
    after: string,
    limit: number,
  ): Promise<TailReading | undefined> => {
    const args = [
      nonce(),
      String(hot.times.restMs),
      String(hot.times.youngMs),
      filter.order,
      String(filter.fromMs ?? ""),
      String(filter.toMs ?? ""),
      after,
      String(limit),
      encodeURIComponent(filter.eventType ?? ""),
      encodeURIComponent(filter.sessionId ?? ""),
      encodeURIComponent(filter.executionId ?? ""),
      String(filter.afterSequence ?? ""),
      String(hot.times.inDoubtMs),
    ];
    const answer = await hot.attempt(() => hot.run(tenantId, READ_TAIL, args));
    if (answer === undefined) return undefined;
    const [tier, detail = "", exhausted, ...rest] = answer;
    if (tier !== "hot") {
      if (detail === "damaged")
        logger.error("the tail of a log was damaged; it is filled anew", { tenant_id: tenantId });
      if (detail === "absent") keeper.fill(tenantId);
      if (detail === "overdue") keeper.settle(tenantId, pairs(answer.slice(2)));
      return undefined;
    }
    const entries = pairs(rest).map(([place, text]) => ({ place, text }));
    if (entries.some(({ text }) => text === "")) return undefined;
    return { sinceMs: Number(detail), exhausted: exhausted === "1", entries };
  };

  const readCold = async (
    tenantId: TenantId,
    filter: LogFilter,
    limit: number,
    at: ColdCursor,
  ): Promise<Page<string>> => {
    const bounds = { fromMs: at.from ?? filter.fromMs, toMs: at.to ?? filter.toMs };
    const given = new Set(at.given);
    const items: string[] = [];
    let { cursor } = at;
    do {
      const wanted = { limit: limit - items.length, cursor };
      const found: Page<string> = await cold.readLog(tenantId, { ...filter, ...bounds }, wanted);
      items.push(...found.items.filter((text) => given.size === 0 || !given.has(textDigest(text))));
      cursor = found.nextCursor;
    } while (cursor !== undefined && items.length < limit);
    return cursor === undefined ? { items } : { items, nextCursor: writeLogCursor({ ...at, cursor }) };
  };

  /** Goes on in the cold log where the tail can no longer: it was trimmed, wiped or is in doubt. */
  const leaveTail = (filter: LogFilter, { place, given }: TailCursor): ColdCursor => {
    const ms = readPlace(place)?.timestampMs ?? 0;
    const bound =
      filter.order === "newest"
        ? { to: Math.min(filter.toMs ?? Number.MAX_SAFE_INTEGER, ms + 1) }
        : { from: Math.max(filter.fromMs ?? 0, ms) };
    return { in: "cold", ...bound, given };
  };

  return {
    read: async (tenantId, filter, page) => {
      const at = readLogCursor(page.cursor);
      if (at?.in === "cold") return readCold(tenantId, filter, page.limit, at);
      const tail = await readTail(tenantId, filter, at?.place ?? "", page.limit + 1);
      if (tail === undefined) {
        return readCold(tenantId, filter, page.limit, at === undefined ? { in: "cold" } : leaveTail(filter, at));
      }
      const entries = tail.entries.slice(0, page.limit);
      const items = entries.map(({ text }) => text);
      if (tail.entries.length > page.limit) return { items, nextCursor: writeLogCursor(tailCursor(entries, at)) };
      const isAll = tail.sinceMs === 0 || filter.order === "chronological" || (filter.fromMs ?? 0) >= tail.sinceMs;
      if (isAll) return { items };
      const below: ColdCursor = { in: "cold", to: Math.min(filter.toMs ?? tail.sinceMs, tail.sinceMs) };
      if (items.length === page.limit) return { items, nextCursor: writeLogCursor(below) };
      const rest = await readCold(tenantId, filter, page.limit - items.length, below);
      return { ...rest, items: [...items, ...rest.items] };
    },
  };
}

function tailCursor(
  entries: readonly { readonly place: string; readonly text: string }[],
  before: TailCursor | undefined,
): TailCursor {
  const place = entries.at(-1)?.place ?? "";
  const moment = place.slice(0, 15);
  const given = entries.filter((entry) => entry.place.startsWith(moment)).map(({ text }) => textDigest(text));
  const earlier = before?.place.startsWith(moment) === true ? before.given : [];
  return { in: "tail", place, given: [...earlier, ...given] };
}

function pairs(flat: readonly string[]): [string, string][] {
  const found: [string, string][] = [];
  for (let i = 0; i + 1 < flat.length; i += 2) found.push([flat[i] ?? "", flat[i + 1] ?? ""]);
  return found;
}
