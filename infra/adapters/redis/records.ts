import type { TenantId } from "../../../shared/ids.ts";
import type { JsonObject } from "../../../shared/json.ts";
import type { StoredRecord } from "../../../shared/ports/execution-store.ts";
import type { Page, PageRequest } from "../../../shared/ports/paging.ts";
import { pageOf, readPosition } from "../../../shared/ports/page-cursor.ts";
import { escaped, tenantRoot, unescaped } from "./keys.ts";
import { texts } from "./replies.ts";
import { defineScript, type RunScript } from "./script.ts";
import { LIST_RECORDS, READ_RECORD } from "./scripts/reading.lua.ts";
import { readTimeKey, TIME_DIGITS, timeKey } from "./sortable.ts";

const readOne = defineScript("read-record", READ_RECORD);
const listSome = defineScript("list-records", LIST_RECORDS);
/** Member, meta, usable until, body. */
const PARTS = 4;

type Part = string | null | undefined;

/** The reading half of the versioned records. */
export function createRecords(run: RunScript, root: string) {
  return {
    read: async (tenantId: TenantId, kind: string, id: string): Promise<StoredRecord | undefined> => {
      const key = `${tenantRoot(root, tenantId)}r:${escaped(kind)}:${escaped(id)}`;
      const [meta, usableUntil, body] = texts(await run(readOne, [key], []));
      return typeof meta === "string" ? storedRecord(id, meta, usableUntil, body) : undefined;
    },

    list: async (
      tenantId: TenantId,
      kind: string,
      facet: string,
      page: PageRequest,
    ): Promise<Page<StoredRecord> & { readonly total: number }> => {
      const tenant = tenantRoot(root, tenantId);
      const after = readPosition(page.cursor, ["number", "string"]);
      const bound = after === undefined ? "+" : `(${timeKey(Number(after[0]))}${String(after[1])}`;
      const listing = `${tenant}f:${escaped(kind)}:${escaped(facet)}`;
      const args = [`${tenant}r:${escaped(kind)}:`, String(page.limit + 1), bound];
      const [total, ...parts] = texts(await run(listSome, [listing], args));
      const rows = Array.from({ length: parts.length / PARTS }, (_, at) => parts.slice(at * PARTS, (at + 1) * PARTS));
      const found = pageOf(rows, page, recordOf, ([member]) => {
        const place = member ?? "";
        return [readTimeKey(place.slice(0, TIME_DIGITS)), place.slice(TIME_DIGITS)];
      });
      return { ...found, total: Number(total) };
    },
  };
}

function recordOf([member, meta, usableUntil, body]: readonly Part[]): StoredRecord {
  return storedRecord(unescaped(member?.slice(TIME_DIGITS) ?? ""), meta ?? "", usableUntil, body);
}

function storedRecord(id: string, meta: string, usableUntil: Part, body: Part): StoredRecord {
  return {
    id,
    version: Number.parseInt(meta, 10),
    body: JSON.parse(body ?? "") as JsonObject,
    usableUntilMs: typeof usableUntil === "string" ? Number(usableUntil) : undefined,
  };
}
