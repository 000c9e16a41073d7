import type { Job } from "../../shared/http/function-app.ts";

/** Exports the days of the log that are over, and drops what tenants no longer keep; once a day is often enough. */
export const logRetention: Job = async ({ retention }) => {
  const { tenants, exportedDays, dropped, failed } = await retention.run();
  return { tenants, exported_days: exportedDays, dropped, failed };
};
