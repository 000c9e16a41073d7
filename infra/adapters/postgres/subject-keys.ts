import { rfc3339 } from "../../../shared/clock.ts";
import type { TenantId } from "../../../shared/ids.ts";
import type { SubjectKey, SubjectKeys } from "../../../shared/ports/record-store.ts";
import type { PostgresConnection, Transaction } from "./connection.ts";

interface KeyRow {
  readonly key_id: string;
  readonly wrapped_key: string | null;
  readonly created_at: Date;
  readonly erased_at: Date | null;
}

export function createPostgresSubjectKeys(connection: PostgresConnection): SubjectKeys {
  const within = <Result>(tenantId: TenantId, work: (tx: Transaction) => Promise<Result>): Promise<Result> =>
    connection.asTenant(tenantId, work);

  return {
    get: (tenantId, subjectId) => within(tenantId, (tx) => find(tx, tenantId, subjectId)),
    add: (tenantId, key) =>
      within(tenantId, async (tx) => {
        await tx`insert into symphainy.subject_keys (tenant_id, subject_id, key_id, wrapped_key, created_at)
          values (${tenantId}, ${key.subjectId}, ${key.keyId}, ${key.wrappedKey}, ${rfc3339(key.createdMs)})
          on conflict (tenant_id, subject_id) do nothing`;
        return (await find(tx, tenantId, key.subjectId)) ?? key;
      }),
    list: (tenantId, { after, limit }) =>
      within(tenantId, async (tx) => {
        const rows = await tx<(KeyRow & { subject_id: string; wrapped_key: string })[]>`
          select subject_id, key_id, wrapped_key, created_at, erased_at from symphainy.subject_keys
          where tenant_id = ${tenantId} and subject_id > ${after} and wrapped_key is not null
          order by subject_id limit ${limit}`;
        return rows.map(({ subject_id: subjectId, key_id: keyId, wrapped_key: wrappedKey, created_at }) => {
          return { state: "active" as const, subjectId, keyId, wrappedKey, createdMs: created_at.getTime() };
        });
      }),
    rewrap: (tenantId, { subjectId, wrappedKey: before }, wrappedKey) =>
      within(tenantId, async (tx) => {
        const { count } = await tx`update symphainy.subject_keys set wrapped_key = ${wrappedKey}
          where tenant_id = ${tenantId} and subject_id = ${subjectId} and wrapped_key = ${before}`;
        return count === 1;
      }),
    erase: (tenantId, subjectId, atMs) =>
      within(tenantId, async (tx) => {
        await tx`update symphainy.subject_keys set wrapped_key = null, erased_at = ${rfc3339(atMs)}
          where tenant_id = ${tenantId} and subject_id = ${subjectId} and wrapped_key is not null`;
        const key = await find(tx, tenantId, subjectId);
        return key?.state === "erased" ? key : undefined;
      }),
  };
}

async function find(tx: Transaction, tenantId: TenantId, subjectId: string): Promise<SubjectKey | undefined> {
  const [row] = await tx<KeyRow[]>`select key_id, wrapped_key, created_at, erased_at from symphainy.subject_keys
    where tenant_id = ${tenantId} and subject_id = ${subjectId}`;
  if (row === undefined) return undefined;
  const known = { subjectId, keyId: row.key_id, createdMs: row.created_at.getTime() };
  return row.wrapped_key === null
    ? { ...known, state: "erased", erasedMs: row.erased_at?.getTime() ?? 0 }
    : { ...known, state: "active", wrappedKey: row.wrapped_key };
}
