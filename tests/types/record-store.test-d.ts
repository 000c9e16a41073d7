import type { TenantId } from "../../shared/ids.ts";
import type { RecordQuery, RecordStore } from "../../shared/ports/record-store.ts";
import type { RecordRow } from "../../shared/ports/record-tables.ts";
import type { StewardScope } from "../../shared/steward/steward-scope.ts";

/** Never run: that this file compiles, with each expected error, is the test. */
export function everyQueryHasAClass(records: RecordStore, steward: StewardScope, tenantId: TenantId): void {
  // A query says whose data it means, and for which tenant.
  void records.list({ dataClassification: "client", tenantId }, "parsed_data_files", { limit: 1 });
  // @ts-expect-error: without a class
  void records.list({ tenantId }, "parsed_data_files", { limit: 1 });
  // @ts-expect-error: without a tenant
  void records.list({ dataClassification: "client" }, "parsed_data_files", { limit: 1 });
  // @ts-expect-error: with a tenant that nobody has proven
  void records.list({ dataClassification: "client", tenantId: "acme" }, "parsed_data_files", { limit: 1 });
  // @ts-expect-error: of a class that there is not
  void records.get({ dataClassification: "public", tenantId }, "parsed_data_files", "id");
  // @ts-expect-error: by a column of another table
  void ({ limit: 1, where: { status: "x" } } satisfies RecordQuery<"records_of_fact">);
  // @ts-expect-error: a step names no tenant at all, and a class always
  void steward.parsed.get("parsed_1");
}

export function rowsAreTyped(row: RecordRow<"parsed_data_files">): readonly [number | null, "client" | "platform"] {
  return [row.row_count, row.data_classification];
}
