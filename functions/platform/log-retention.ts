import { durationMs } from "../../shared/duration.ts";
import type { Job } from "../../shared/http/function-app.ts";

/**
 * Exports the days of the log that are over, and drops what tenants no longer keep: executions, and stopped instances with the modules
 * that nothing needs. Once a day is often enough.
 */
export const logRetention: Job = {
  name: "log_retention",
  schedule: "17 3 * * *",
  timeoutMs: durationMs("30m"),
  run: async ({ retention, instanceRetention }) => {
    const { tenants, exportedDays, dropped, failed } = await retention.run();
    const { deletedInstances, failedTenants } = await instanceRetention.run();
    return {
      tenants,
      exported_days: exportedDays,
      dropped,
      deleted_instances: deletedInstances,
      failed: failed + failedTenants,
    };
  },
};
