import * as z from "zod";

import type { ExecutionId, TenantId } from "../../../shared/ids.ts";
import type { ExecutionStore, LogFilter } from "../../../shared/ports/execution-store.ts";
import { pageOf, readCursor } from "../../../shared/ports/page-cursor.ts";
import type { Page, PageRequest } from "../../../shared/ports/paging.ts";
import type { Homes } from "./homes.ts";
import type { LogTail } from "./log-tail.ts";

/** Where a page of the fast tier ended: at a sequence. */
const fastCursor = z.tuple([z.int()]);
const sequenceSchema = z.object({ sequence: z.int() });

type OfOne = LogFilter & { readonly executionId: ExecutionId };

/**
 * The log of one execution, from the tier that it lives in.
 *  O1  A reader who began in the fast tier goes on in the archive when the fast tier has forgotten the execution: no entry twice, none
 *      missed.
 */
export function createLogOfOne(fast: ExecutionStore, tail: LogTail, homes: Homes) {
  /** What the fast tier has; undefined when it has nothing of the execution any more. */
  const inFast = async (tenantId: TenantId, filter: OfOne, page: PageRequest): Promise<Page<string> | undefined> => {
    const found = await fast.readLog(tenantId, filter, page);
    if (found.items.length > 0) return found;
    if ((await fast.readExecution(tenantId, filter.executionId)) !== undefined) return found;
    homes.forget(filter.executionId);
    return undefined;
  };

  /** The newest entries before a sequence: the archive's own pages begin at its end. */
  const newestBefore = async (
    tenantId: TenantId,
    filter: OfOne,
    sequence: number,
    { limit }: PageRequest,
  ): Promise<Page<string>> => {
    const floor = filter.afterSequence ?? 0;
    const found: { readonly text: string; readonly sequence: number }[] = [];
    for (let before = sequence; before > floor + 1 && found.length <= limit;) {
      const after = Math.max(floor, before - 1 - limit);
      const part = { ...filter, order: "chronological", afterSequence: after } as const;
      const { items } = await tail.read(tenantId, part, { limit: before - 1 - after });
      const entries = items.map((text) => ({ text, ...sequenceSchema.parse(JSON.parse(text)) }));
      found.push(...entries.filter((entry) => entry.sequence < before).toReversed());
      before = after + 1;
    }
    return pageOf(
      found,
      { limit },
      ({ text }) => text,
      (entry) => [entry.sequence],
    );
  };

  return async (tenantId: TenantId, filter: OfOne, page: PageRequest): Promise<Page<string>> => {
    const at = page.cursor === undefined ? undefined : fastCursor.safeParse(readCursor(page.cursor)).data?.[0];
    if (page.cursor !== undefined && at === undefined) return tail.read(tenantId, filter, page);
    const home = at === undefined ? await homes.of({ tenantId, executionId: filter.executionId }) : "fast";
    const found = home === "fast" ? await inFast(tenantId, filter, page) : undefined;
    if (found !== undefined) return found;
    if (at === undefined) return tail.read(tenantId, filter, page);
    if (filter.order === "newest") return newestBefore(tenantId, filter, at, page);
    const afterSequence = Math.max(filter.afterSequence ?? 0, at);
    return tail.read(tenantId, { ...filter, afterSequence }, { limit: page.limit });
  };
}
