import * as z from "zod";

import { type Clock, parseRfc3339, rfc3339 } from "../clock.ts";
import { durationMs } from "../duration.ts";
import type { TenantId } from "../ids.ts";
import { type ExecutionStore, NO_CHANGE } from "../ports/execution-store.ts";
import type { ObjectStore } from "../ports/object-store.ts";
import { everyPage } from "../ports/paging.ts";
import { ALL, type RecordKind } from "../state/record-kind.ts";
import type { StateSurface } from "../state/state-surface.ts";
import { UnitOfWork } from "../state/unit-of-work.ts";
import { type Artifact, artifactDirectory } from "./artifact.ts";

/** A step has an hour at most: whatever it still writes for an artifact that failed meanwhile has been written by then. */
const GRACE_MS = durationMs("24h");
const PAGE = 100;

const schema = z.object({ artifact_id: z.string(), artifact_type: z.string(), due_at: z.string() });

/**
 * Bytes of an artifact that failed or was purged, to be deleted; under the artifact's id. The commit that lets go of the bytes writes this
 * record, so that no crash forgets them: those that the artifact pointed at, and those that a step kept and never told of.
 */
const abandonedBytes: RecordKind<z.infer<typeof schema>> = { name: "abandoned_bytes", schema, facets: () => [] };

/** Leaves an artifact's bytes to be deleted, in the commit after which nothing points at them. */
export async function abandonBytes(
  unit: UnitOfWork,
  { artifact_id, artifact_type }: Artifact,
  now: string,
): Promise<void> {
  await unit.get(abandonedBytes, artifact_id);
  const due_at = rfc3339(parseRfc3339(now) + GRACE_MS);
  unit.put(abandonedBytes, artifact_id, { artifact_id, artifact_type, due_at });
}

export interface AbandonedBytesDeps {
  readonly store: Pick<ExecutionStore, "write">;
  readonly surface: StateSurface;
  readonly objects: Pick<ObjectStore, "deleteBelow">;
  readonly clock: Clock;
}

/** Deletes a tenant's abandoned bytes whose grace is over; of how many artifacts. A run that dies leaves the rest to the next one. */
export async function deleteAbandonedBytes(deps: AbandonedBytesDeps, tenantId: TenantId): Promise<number> {
  const { store, surface, objects, clock } = deps;
  const nowMs = clock.now();
  const due: z.infer<typeof schema>[] = [];
  const pages = everyPage((cursor) => surface.list(tenantId, abandonedBytes, ALL, { limit: PAGE, cursor }));
  for await (const items of pages) {
    due.push(...items.map(({ value }) => value).filter(({ due_at }) => parseRfc3339(due_at) <= nowMs));
  }
  for (const { artifact_id, artifact_type } of due) {
    await objects.deleteBelow(artifactDirectory(tenantId, { artifact_type, artifact_id }));
    const unit = new UnitOfWork(surface, tenantId, nowMs);
    // Gone: another run has deleted them too.
    if ((await unit.get(abandonedBytes, artifact_id)) === undefined) continue;
    unit.delete(abandonedBytes, artifact_id);
    await store.write(tenantId, { ...NO_CHANGE, records: unit.records });
  }
  return due.length;
}
