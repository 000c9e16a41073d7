import type { DataClassification } from "../data-classification.ts";
import type { RowWrite } from "../ports/record-store.ts";
import type { RecordScope } from "./record-scope.ts";

/** How many rows of parsed data one call forgets. */
const ROWS_AT_ONCE = 200;
/** More contracts of one source than there are users and solutions in one tenant. */
const MANY = 500;
/** What a contract becomes whose source is gone. */
const ENDS = { active: "expired", pending: "revoked" } as const;

/**
 * Takes away the steward's rows of a file that is purged: of what was parsed of it, of the file itself, and its contracts, unless
 * another file has the same bytes, whose agreement they are too. Facts stay: they outlive their source.
 * `more` says that there are other rows of parsed data. What is forgotten is not brought back.
 */
export async function forgetFileRows(
  scope: RecordScope,
  kind: DataClassification,
  fileId: string,
): Promise<{ rows: number; more: boolean }> {
  const parsed = await scope.list(kind, "parsed_data_files", { limit: ROWS_AT_ONCE, where: { file_id: fileId } });
  const [file] = (await scope.list(kind, "file_references", { limit: 1, where: { file_id: fileId } })).items;
  const more = parsed.nextCursor !== undefined;
  const writes: RowWrite[] = parsed.items.map(({ id, version }) => ({
    kind: "delete",
    table: "parsed_data_files",
    id,
    expectedVersion: version,
  }));
  if (file !== undefined && !more) {
    const alike = await scope.list(kind, "file_references", { limit: 2, where: { sha256: file.sha256 } });
    if (alike.items.length < 2) writes.push(...(await endingsOf(scope, kind, file.sha256)));
    writes.push({ kind: "delete", table: "file_references", id: file.id, expectedVersion: file.version });
  }
  return scope.apply(kind, "forget", writes, { rows: writes.length, more });
}

async function endingsOf(scope: RecordScope, kind: DataClassification, sha256: string): Promise<readonly RowWrite[]> {
  const table = "data_boundary_contracts";
  const writes = Object.entries(ENDS).map(async ([status, to]) => {
    const { items } = await scope.list(kind, table, { limit: MANY, where: { status, source_sha256: sha256 } });
    return items.map(({ id, version }): RowWrite => ({
      kind: "update",
      table,
      id,
      expectedVersion: version,
      set: { status: to },
    }));
  });
  return (await Promise.all(writes)).flat();
}
