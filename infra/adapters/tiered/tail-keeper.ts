import { asId, type ExecutionId, type TenantId } from "../../../shared/ids.ts";
import { errorFields, type Logger } from "../../../shared/logger.ts";
import type { ExecutionStore, LogFilter } from "../../../shared/ports/execution-store.ts";
import type { Page } from "../../../shared/ports/paging.ts";
import { FINISH } from "./copy-scripts.ts";
import type { HotTier } from "./hot-tier.ts";
import { type Place, placeOfText, readPlace } from "./places.ts";
import { textDigest } from "./tail-cursor.ts";
import { FILL_TAIL, START_FILL } from "./tail-scripts.ts";

const PAGE = 250;
/** After this long another may fill a tail whose filler has not come back. */
const FILL_PATIENCE_MS = 60_000;

/**
 * Mends tails behind the readers that found them wanting; while it works they read the cold log.
 *  K1  A tail counts as complete only from where the cold log was read to; what is committed meanwhile appends itself.
 *  K2  An overdue commit is settled by the cold log: its entries are there and join the tail, others have their places and it is
 *      forgotten, or neither: then it is forgotten once no commit so old can land any more.
 *  K3  A span that is in doubt is settled by what the cold log has of its execution.
 */
export interface TailKeeper {
  fill(tenantId: TenantId): void;
  /** Overdue announcements: token and "ms|execution|rows". */
  settle(tenantId: TenantId, overdue: readonly (readonly [string, string])[]): void;
  /** Resolves when nothing is being mended. */
  idle(): Promise<void>;
}

export interface TailKeeperDeps {
  readonly cold: ExecutionStore;
  readonly hot: HotTier;
  readonly logger: Logger;
  readonly now: () => number;
  readonly nonce: () => string;
}

export function createTailKeeper({ cold, hot, logger, now, nonce }: TailKeeperDeps): TailKeeper {
  const working = new Map<string, Promise<void>>();
  const keep = String(hot.times.tailEntries);

  const inBackground = (name: string, tenantId: TenantId, work: () => Promise<void>): void => {
    const key = `${name}/${tenantId}`;
    if (working.has(key)) return;
    const done = work()
      .catch((error: unknown) =>
        logger.warn("the tail of a log could not be mended; readers go to the cold log", {
          tenant_id: tenantId,
          ...errorFields(error),
        }),
      )
      .finally(() => working.delete(key));
    working.set(key, done);
  };

  const fill = async (tenantId: TenantId): Promise<void> => {
    const mine = nonce();
    const [answer] = await hot.run(tenantId, START_FILL, [mine, String(hot.times.restMs), String(FILL_PATIENCE_MS)]);
    if (answer !== "yes") return;
    let count = 0;
    let oldest: Place | undefined;
    let cursor: string | undefined;
    do {
      const page: Page<string> = await cold.readLog(tenantId, { order: "newest" }, { limit: PAGE, cursor });
      const rows = page.items.flatMap((text) => [placeOfText(text), text]);
      await hot.run(tenantId, FILL_TAIL, [mine, keep, "", ...rows]);
      count += page.items.length;
      oldest = rows.length === 0 ? oldest : readPlace(rows.at(-2) ?? "");
      cursor = page.nextCursor;
    } while (cursor !== undefined && count < hot.times.tailEntries);
    const sinceMs = cursor === undefined || oldest === undefined ? 0 : oldest.timestampMs + 1;
    await hot.run(tenantId, FILL_TAIL, [mine, keep, String(sinceMs)]);
  };

  /** The text that the cold log has in a place; undefined when it has none. */
  const textAt = async (tenantId: TenantId, place: Place): Promise<string | undefined> => {
    const { executionId, sessionId, sequence, timestampMs } = place;
    const filter: LogFilter =
      executionId === ""
        ? { sessionId: asId.session(sessionId), fromMs: timestampMs, toMs: timestampMs + 1, order: "chronological" }
        : { executionId: asId.execution(executionId), afterSequence: sequence - 1, order: "chronological" };
    const { items } = await cold.readLog(tenantId, filter, { limit: executionId === "" ? PAGE : 1 });
    return items.find((text) => {
      const found = readPlace(placeOfText(text));
      return found?.sequence === sequence && found.stream === place.stream;
    });
  };

  /** No commit of the span can land any more: what there is of its execution joins the tail. */
  const settleSpan = async (
    tenantId: TenantId,
    token: string,
    executionId: ExecutionId,
    sequence: number,
  ): Promise<void> => {
    const filter = { executionId, afterSequence: Math.max(0, sequence - 1), order: "chronological" } as const;
    let cursor: string | undefined;
    do {
      const page: Page<string> = await cold.readLog(tenantId, filter, { limit: PAGE, cursor });
      const rows = page.items.flatMap((text) => [placeOfText(text), text]);
      cursor = page.nextCursor;
      await hot.run(tenantId, FINISH, [cursor === undefined ? token : nonce(), keep, "0", ...rows]);
    } while (cursor !== undefined);
  };

  const settleOne = async (tenantId: TenantId, token: string, announcement: string): Promise<void> => {
    const { ms, owner, rows } = readAnnouncement(announcement);
    const span = /^@(\d+)@/.exec(rows[0] ?? "");
    if (span !== null) return settleSpan(tenantId, token, asId.execution(owner), Number(span[1]));
    const landed: string[] = [];
    let isTaken = false;
    for (const row of rows) {
      const [name = "", digest] = row.split("=");
      const place = readPlace(name);
      const text = place === undefined ? undefined : await textAt(tenantId, place);
      if (text !== undefined && textDigest(text) === digest) landed.push(name, text);
      else if (text !== undefined) isTaken = true;
    }
    const isWhole = landed.length === 2 * rows.length;
    if (!isWhole && !isTaken && now() - ms <= hot.times.inDoubtMs) return;
    await hot.run(tenantId, FINISH, [token, keep, "0", ...landed]);
  };

  return {
    fill: (tenantId) => inBackground("fill", tenantId, () => fill(tenantId)),
    settle: (tenantId, overdue) =>
      inBackground("settle", tenantId, async () => {
        for (const [token, announcement] of overdue) await settleOne(tenantId, token, announcement);
      }),
    idle: async () => {
      while (working.size > 0) await Promise.all(working.values());
    },
  };
}

/** "ms|execution|place=digest,place=digest", or a span's "ms|execution|@sequence@session@ms". */
function readAnnouncement(announcement: string) {
  const [, ms, owner = "", rows = ""] = /^(\d+)\|([^|]*)\|(.*)$/.exec(announcement) ?? [];
  return { ms: Number(ms), owner: decodeURIComponent(owner), rows: rows.split(",") };
}
