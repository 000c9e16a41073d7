import { deleteAbandonedBytes } from "../../shared/artifacts/abandoned-bytes.ts";
import { durationMs } from "../../shared/duration.ts";
import { isNotConfigured } from "../../shared/errors.ts";
import type { Job } from "../../shared/http/function-app.ts";
import type { TenantId } from "../../shared/ids.ts";
import { errorFields } from "../../shared/logger.ts";
import { rewrapSubjectKeys } from "../../shared/state/rewrap-subject-keys.ts";
import { dropOldTombstones } from "../../shared/steward/tombstones.ts";

/**
 * Deletes what nothing points at any more: bytes of artifacts that failed or were purged, and tombstones that nobody can meet. While the
 * master key of subjects is changed, it wraps their keys anew: the old one may go when a run tells of no key and of no failure.
 * What fails for one tenant does not hold up the others, and the next run tries it again. Once a day is often enough.
 */
export const dataCleanUp: Job = {
  name: "data_clean_up",
  schedule: "53 3 * * *",
  timeoutMs: durationMs("30m"),
  run: async ({ adapters, surface }) => {
    const tenants = (await adapters.store.keeping?.tenants()) ?? [];
    let [artifacts, tombstones, rewrapped, failed] = [0, 0, 0, 0];
    const { records, graph, clock, dataKeys } = adapters;
    const attempt = async (tenantId: TenantId, work: () => Promise<number>): Promise<number> => {
      try {
        return await work();
      } catch (error) {
        // A deployment without these stores has no tombstones in them.
        if (isNotConfigured(error)) return 0;
        failed += 1;
        adapters.logger.error("a tenant's data was not cleaned up", { tenant_id: tenantId, ...errorFields(error) });
        return 0;
      }
    };
    for (const tenantId of tenants) {
      artifacts += await attempt(tenantId, () => deleteAbandonedBytes({ ...adapters, surface }, tenantId));
      for (const dataClassification of ["client", "platform"] as const) {
        const view = { tenantId, dataClassification };
        tombstones += await attempt(tenantId, () =>
          dropOldTombstones(clock, (old) => records.dropTombstones(view, old)),
        );
      }
      if (dataKeys?.isChanging === true) {
        rewrapped += await attempt(tenantId, () => rewrapSubjectKeys(records.subjectKeys, dataKeys, tenantId));
      }
      tombstones += await attempt(tenantId, () =>
        dropOldTombstones(clock, (old) => graph.dropTombstones(tenantId, old)),
      );
    }
    return { tenants: tenants.length, artifacts, tombstones, rewrapped, failed };
  },
};
