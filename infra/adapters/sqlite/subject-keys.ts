import type { DatabaseSync } from "node:sqlite";

import type { TenantId } from "../../../shared/ids.ts";
import type { SubjectKey } from "../../../shared/ports/record-store.ts";

type ActiveKey = SubjectKey & { readonly state: "active" };

/** Subjects' keys in the steward's file; each function runs inside the caller's transaction. */
export function createSubjectKeyTable(db: DatabaseSync) {
  const find = db.prepare("SELECT * FROM subject_keys WHERE tenant_id = ? AND subject_id = ?");
  const insert = db.prepare(
    `INSERT INTO subject_keys (tenant_id, subject_id, key_id, wrapped_key, created_ms) VALUES (?, ?, ?, ?, ?)
     ON CONFLICT DO NOTHING`,
  );
  const erase = db.prepare(
    `UPDATE subject_keys SET wrapped_key = NULL, erased_ms = ?
     WHERE tenant_id = ? AND subject_id = ? AND wrapped_key IS NOT NULL`,
  );
  const list = db.prepare(
    `SELECT * FROM subject_keys WHERE tenant_id = ? AND subject_id > ? AND wrapped_key IS NOT NULL
     ORDER BY subject_id LIMIT ?`,
  );
  const rewrap = db.prepare(
    "UPDATE subject_keys SET wrapped_key = ? WHERE tenant_id = ? AND subject_id = ? AND wrapped_key = ?",
  );
  const get = (tenantId: TenantId, subjectId: string): SubjectKey | undefined => {
    const row = find.get(tenantId, subjectId);
    if (row === undefined) return undefined;
    if (row["wrapped_key"] !== null) return activeKey(row);
    const known = { subjectId, keyId: String(row["key_id"]), createdMs: Number(row["created_ms"]) };
    return { ...known, state: "erased", erasedMs: Number(row["erased_ms"]) };
  };
  return {
    get,
    add: (tenantId: TenantId, key: SubjectKey & { readonly state: "active" }): SubjectKey => {
      insert.run(tenantId, key.subjectId, key.keyId, key.wrappedKey, key.createdMs);
      return get(tenantId, key.subjectId) ?? key;
    },
    list: (tenantId: TenantId, { after, limit }: { readonly after: string; readonly limit: number }): ActiveKey[] =>
      list.all(tenantId, after, limit).map(activeKey),
    rewrap: (tenantId: TenantId, key: ActiveKey, wrappedKey: string): boolean =>
      rewrap.run(wrappedKey, tenantId, key.subjectId, key.wrappedKey).changes === 1,
    erase: (tenantId: TenantId, subjectId: string, atMs: number) => {
      erase.run(atMs, tenantId, subjectId);
      const key = get(tenantId, subjectId);
      return key?.state === "erased" ? key : undefined;
    },
  };
}

function activeKey(row: Readonly<Record<string, unknown>>): ActiveKey {
  return {
    state: "active",
    subjectId: String(row["subject_id"]),
    keyId: String(row["key_id"]),
    wrappedKey: String(row["wrapped_key"]),
    createdMs: Number(row["created_ms"]),
  };
}
