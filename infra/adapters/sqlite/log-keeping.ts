import type { DatabaseSync } from "node:sqlite";

import { trustedTenantId } from "../../../shared/ids.ts";
import type { LogKeeping } from "../../../shared/ports/log-keeping.ts";
import type { GroupCommit } from "./group-commit.ts";

/** Forgets whole executions, each in one transaction. */
export function createLogKeeping(db: DatabaseSync, group: GroupCommit, log: { place(): void }): LogKeeping {
  // Hops from tenant to tenant along the index, so the cost follows the number of tenants.
  const tenants = db.prepare(
    `WITH RECURSIVE names (name) AS (
       SELECT min(tenant_id) FROM log_places
       UNION ALL
       SELECT (SELECT min(tenant_id) FROM log_places WHERE tenant_id > names.name) FROM names WHERE names.name IS NOT NULL
     )
     SELECT name FROM names WHERE name IS NOT NULL`,
  );
  const find = db.prepare("SELECT no, terminal FROM executions WHERE tenant_id = ? AND execution_id = ?");
  const deletions = [
    "DELETE FROM log_places WHERE position IN (SELECT position FROM log WHERE execution_no = ?)",
    "DELETE FROM log WHERE execution_no = ?",
    "DELETE FROM steps WHERE execution_no = ?",
    "DELETE FROM mail WHERE execution_no = ?",
    "DELETE FROM intents WHERE execution_no = ?",
    "DELETE FROM executions WHERE no = ?",
  ].map((sql) => db.prepare(sql));

  return {
    tenants: () =>
      group.run(() => {
        log.place();
        return tenants.all().map((row) => trustedTenantId(String(row["name"])));
      }),
    forget: (tenantId, executionId) =>
      group.run(() => {
        const row = find.get(tenantId, executionId);
        if (row === undefined) return "forgotten";
        if (row["terminal"] !== 1) return "unfinished";
        for (const deletion of deletions) deletion.run(Number(row["no"]));
        return "forgotten";
      }),
  };
}
