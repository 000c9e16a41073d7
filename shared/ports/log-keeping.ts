import type { ExecutionId, TenantId } from "../ids.ts";

/** What it takes of a store to keep its logs within their time. */
export interface LogKeeping {
  /** Every tenant that has a log, whoever wrote it, each once; the cost follows the number of tenants, whatever the size of their logs. */
  tenants(): Promise<readonly TenantId[]>;
  /**
   * Deletes an ended execution from every tier: its log first, its state last. Doing it again ends what was cut short.
   * `unfinished` for one that is not over, which stays as it is.
   */
  forget(tenantId: TenantId, executionId: ExecutionId): Promise<"forgotten" | "unfinished">;
}
