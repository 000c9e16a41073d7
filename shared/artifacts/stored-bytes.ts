import * as z from "zod";

import type { RecordKind } from "../state/record-kind.ts";
import type { UnitOfWork } from "../state/unit-of-work.ts";
import type { Artifact } from "./artifact.ts";

const changeSchema = z.object({ artifact_id: z.string(), bytes: z.int() });
const totalSchema = z.object({ bytes: z.int() });

/** By how much an artifact, or something else with an id of its own, changed what its tenant has stored, until it is folded into the total. */
type StoredBytesChange = z.infer<typeof changeSchema>;
export const storedBytesChange: RecordKind<StoredBytesChange> = {
  name: "stored_bytes_change",
  schema: changeSchema,
  facets: () => [],
};
/** What a tenant stores, but for the changes that are not folded in yet. One record for a tenant. */
export const storedBytesTotal: RecordKind<z.infer<typeof totalSchema>> = {
  name: "stored_bytes_total",
  schema: totalSchema,
  facets: () => [],
};

/** What lies in the object store for an artifact: a deleted one's bytes too, until it gives them up. */
export function storedBytesOf({ materializations, visuals = [] }: Artifact): number {
  // The same bytes of one artifact lie at one path.
  const places = new Map(
    [...materializations, ...visuals.map(({ materialization }) => materialization)].map(
      ({ path, size_bytes }) => [path, size_bytes] as const,
    ),
  );
  return [...places.values()].reduce((sum, bytes) => sum + bytes, 0);
}

/** Counts what a new artifact holds, in the commit that registers it. */
export function countRegistered(unit: UnitOfWork, artifact: Artifact): void {
  const bytes = storedBytesOf(artifact);
  if (bytes !== 0) unit.put(storedBytesChange, artifact.artifact_id, { artifact_id: artifact.artifact_id, bytes });
}

/**
 * Counts a change in the commit that makes it. Whose commit changes an artifact is alone in doing so, by the artifact's own
 * version; so these records are contended by nobody, where one sum for a tenant would be by all of its executions.
 */
export async function countChanged(unit: UnitOfWork, before: Artifact, after: Artifact): Promise<void> {
  await countBytes(unit, after.artifact_id, storedBytesOf(after) - storedBytesOf(before));
}

/** Counts that something holds so many bytes more, or less, in the commit that makes it so. `ownerId` is of nothing else of the tenant. */
export async function countBytes(unit: UnitOfWork, ownerId: string, bytes: number): Promise<void> {
  if (bytes === 0) return;
  const earlier = await unit.get(storedBytesChange, ownerId);
  unit.put(storedBytesChange, ownerId, { artifact_id: ownerId, bytes: (earlier?.bytes ?? 0) + bytes });
}
