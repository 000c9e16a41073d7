import { durationMs } from "../../shared/duration.ts";
import type { Job } from "../../shared/http/function-app.ts";

/** Marks the boundary contracts whose time is over as expired, of every tenant that has a log; once a day is often enough. */
export const contractExpiry: Job = {
  name: "contract_expiry",
  schedule: "41 3 * * *",
  timeoutMs: durationMs("10m"),
  run: async ({ adapters }) => {
    const { expireAllContracts } = await import("../../shared/steward/contract-expiry.ts");
    const tenants = (await adapters.store.keeping?.tenants()) ?? [];
    return { tenants: tenants.length, ...(await expireAllContracts(adapters, tenants)) };
  },
};
