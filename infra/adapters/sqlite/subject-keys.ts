import type { DatabaseSync } from "node:sqlite";

import type { TenantId } from "../../../shared/ids.ts";
import type { SubjectKey } from "../../../shared/ports/record-store.ts";

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
  const get = (tenantId: TenantId, subjectId: string): SubjectKey | undefined => {
    const row = find.get(tenantId, subjectId);
    if (row === undefined) return undefined;
    const known = { subjectId, keyId: String(row["key_id"]), createdMs: Number(row["created_ms"]) };
    return row["wrapped_key"] === null
      ? { ...known, state: "erased", erasedMs: Number(row["erased_ms"]) }
      : { ...known, state: "active", wrappedKey: String(row["wrapped_key"]) };
  };
  return {
    get,
    add: (tenantId: TenantId, key: SubjectKey & { readonly state: "active" }): SubjectKey => {
      insert.run(tenantId, key.subjectId, key.keyId, key.wrappedKey, key.createdMs);
      return get(tenantId, key.subjectId) ?? key;
    },
    erase: (tenantId: TenantId, subjectId: string, atMs: number) => {
      erase.run(atMs, tenantId, subjectId);
      const key = get(tenantId, subjectId);
      return key?.state === "erased" ? key : undefined;
    },
  };
}
