import type { TenantId } from "../../../shared/ids.ts";
import type { JsonObject } from "../../../shared/json.ts";
import type { ExecutionFilter } from "../../../shared/ports/execution-store.ts";
import type { Page, PageRequest } from "../../../shared/ports/paging.ts";
import { pageOf, readPosition } from "../../../shared/ports/page-cursor.ts";
import { readChanged } from "./changed-members.ts";
import { escaped, tenantRoot } from "./keys.ts";
import { texts } from "./replies.ts";
import { defineScript, type RunScript } from "./script.ts";
import { LIST_EXECUTIONS } from "./scripts/reading.lua.ts";
import { readTimeKey, TIME_DIGITS, timeKey } from "./sortable.ts";

const list = defineScript("list-executions", LIST_EXECUTIONS);

type ListExecutions = (tenantId: TenantId, filter: ExecutionFilter, page: PageRequest) => Promise<Page<JsonObject>>;

/** Executions, newest first, along the smallest of the indexes that their conditions name. */
export function createExecutionListing(run: RunScript, root: string): ListExecutions {
  return async (tenantId, { status, intentType, sessionId, live }, page) => {
    const tenant = tenantRoot(root, tenantId);
    const wanted = [status, intentType, sessionId].map((value) => (value === undefined ? "" : escaped(value)));
    const indexes = ["xs:", "xt:", "xn:"].flatMap((index, at) => (wanted[at] ? [tenant + index + wanted[at]] : []));
    if (live === true) indexes.push(`${tenant}xl`);
    if (indexes.length === 0) indexes.push(`${tenant}xa`);
    const rows: { readonly place: string; readonly head: JsonObject }[] = [];
    const after = readPosition(page.cursor, ["number", "string"]);
    let behind: string | undefined = after === undefined ? "" : `${timeKey(Number(after[0]))}${after[1]}`;
    while (behind !== undefined && rows.length <= page.limit) {
      const room = page.limit + 1 - rows.length;
      const args = [tenant, String(room), behind, ...wanted, live === true ? "1" : "0"];
      const [next, ...found] = texts(await run(list, indexes, args));
      for (let at = 0; at + 2 < found.length; at += 3) {
        rows.push({ place: found[at] ?? "", head: readChanged(found[at + 1] ?? "", found[at + 2]) });
      }
      behind = next === "" ? undefined : (next ?? undefined);
    }
    return pageOf(
      rows,
      page,
      ({ head }) => head,
      ({ place }) => [readTimeKey(place.slice(0, TIME_DIGITS)), place.slice(TIME_DIGITS)],
    );
  };
}
