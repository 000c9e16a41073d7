import type { DatabaseSync } from "node:sqlite";

import type { TenantId } from "../../../shared/ids.ts";
import type { JsonObject } from "../../../shared/json.ts";
import type {
  ExecutionStore,
  RecordConflict,
  RecordRequirement,
  RecordWrite,
  StoredRecord,
} from "../../../shared/ports/execution-store.ts";
import { pageOf, readPosition } from "../../../shared/ports/page-cursor.ts";
import { versionAfter } from "../../../shared/ports/record-version.ts";

interface RecordRow {
  readonly id: string;
  readonly version: number;
  readonly sort_ms: number;
  readonly usable_until_ms: number | null;
  readonly facets: string;
  readonly body: string;
}

/** Versioned records with their listings and exact counts; the writing half runs inside the caller's transaction. */
export function createRecordTable(db: DatabaseSync) {
  const select = db.prepare(
    "SELECT id, version, sort_ms, usable_until_ms, facets, body FROM records WHERE tenant_id = ? AND kind = ? AND id = ?",
  );
  const upsert = db.prepare(
    `INSERT INTO records (tenant_id, kind, id, version, sort_ms, usable_until_ms, facets, body) VALUES (?, ?, ?, ?, ?, ?, ?, ?)
     ON CONFLICT DO UPDATE SET version = excluded.version, usable_until_ms = excluded.usable_until_ms,
       facets = excluded.facets, body = excluded.body`,
  );
  const remove = db.prepare("DELETE FROM records WHERE tenant_id = ? AND kind = ? AND id = ?");
  const addFacet = db.prepare("INSERT INTO record_facets (tenant_id, kind, facet, sort_ms, id) VALUES (?, ?, ?, ?, ?)");
  const dropFacet = db.prepare(
    "DELETE FROM record_facets WHERE tenant_id = ? AND kind = ? AND facet = ? AND sort_ms = ? AND id = ?",
  );
  const count = db.prepare(
    `INSERT INTO facet_counts (tenant_id, kind, facet, records) VALUES (?, ?, ?, ?)
     ON CONFLICT DO UPDATE SET records = records + excluded.records`,
  );
  const total = db.prepare("SELECT records FROM facet_counts WHERE tenant_id = ? AND kind = ? AND facet = ?");
  const list = db.prepare(
    `SELECT r.id, r.version, r.sort_ms, r.usable_until_ms, r.facets, r.body
     FROM record_facets f JOIN records r ON r.tenant_id = f.tenant_id AND r.kind = f.kind AND r.id = f.id
     WHERE f.tenant_id = ? AND f.kind = ? AND f.facet = ? AND (f.sort_ms, f.id) < (?, ?)
     ORDER BY f.sort_ms DESC, f.id DESC LIMIT ?`,
  );
  const prolong = db.prepare(
    `UPDATE records SET usable_until_ms = max(usable_until_ms, ?)
     WHERE tenant_id = ? AND kind = ? AND id = ? AND usable_until_ms IS NOT NULL`,
  );

  const find = (tenantId: TenantId, kind: string, id: string): RecordRow | undefined =>
    select.get(tenantId, kind, id) as unknown as RecordRow | undefined;

  const relist = (
    tenantId: TenantId,
    write: RecordWrite,
    facets: readonly string[],
    before: RecordRow | undefined,
  ): void => {
    const old = before === undefined ? [] : (JSON.parse(before.facets) as string[]);
    const next = write.body === undefined ? [] : facets;
    const sortMs = before?.sort_ms ?? write.sortMs;
    for (const facet of old) {
      if (next.includes(facet)) continue;
      dropFacet.run(tenantId, write.kind, facet, sortMs, write.id);
      count.run(tenantId, write.kind, facet, -1);
    }
    for (const facet of next) {
      if (old.includes(facet)) continue;
      addFacet.run(tenantId, write.kind, facet, sortMs, write.id);
      count.run(tenantId, write.kind, facet, 1);
    }
  };

  return {
    read: (tenantId: TenantId, kind: string, id: string): StoredRecord | undefined => {
      const row = find(tenantId, kind, id);
      return row === undefined ? undefined : storedRecord(row);
    },

    list: ((tenantId, kind, facet, page) => {
      const after = readPosition(page.cursor, ["number", "string"]) ?? [Number.MAX_SAFE_INTEGER, ""];
      const rows = list.all(
        tenantId,
        kind,
        facet,
        after[0] ?? 0,
        after[1] ?? "",
        page.limit + 1,
      ) as unknown as RecordRow[];
      const records = Number(total.get(tenantId, kind, facet)?.["records"] ?? 0);
      return { ...pageOf(rows, page, storedRecord, (row) => [row.sort_ms, row.id]), total: records };
    }) satisfies (...args: Parameters<ExecutionStore["listRecords"]>) => unknown,

    /** The first write whose record is not at the version that its writer saw; check all before applying any. */
    conflict: (tenantId: TenantId, writes: readonly RecordWrite[]): RecordConflict | undefined => {
      const stale = writes.find(
        (write) => (find(tenantId, write.kind, write.id)?.version ?? 0) !== write.expectedVersion,
      );
      return stale === undefined ? undefined : { outcome: "conflict", kind: stale.kind, id: stale.id };
    },

    apply: (tenantId: TenantId, write: RecordWrite): void => {
      const facets = [...new Set(write.facets)];
      relist(tenantId, write, facets, find(tenantId, write.kind, write.id));
      if (write.body === undefined) {
        remove.run(tenantId, write.kind, write.id);
        return;
      }
      upsert.run(
        tenantId,
        write.kind,
        write.id,
        versionAfter(write),
        write.sortMs,
        write.usableUntilMs ?? null,
        JSON.stringify(facets),
        JSON.stringify(write.body),
      );
    },

    /** Whether the required record is there and usable. */
    usable: (tenantId: TenantId, requirement: RecordRequirement): boolean => {
      const row = find(tenantId, requirement.kind, requirement.id);
      return row !== undefined && (row.usable_until_ms ?? Number.POSITIVE_INFINITY) > requirement.atMs;
    },

    prolong: (tenantId: TenantId, requirement: RecordRequirement): void => {
      prolong.run(requirement.prolongToMs, tenantId, requirement.kind, requirement.id);
    },
  };
}

function storedRecord(row: RecordRow): StoredRecord {
  return {
    id: row.id,
    version: row.version,
    body: JSON.parse(row.body) as JsonObject,
    usableUntilMs: row.usable_until_ms ?? undefined,
  };
}
