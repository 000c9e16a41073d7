import * as z from "zod";

import type { RecordKind } from "../state/record-kind.ts";
import type { UnitOfWork } from "../state/unit-of-work.ts";
import type { Artifact } from "./artifact.ts";

const changeSchema = z.object({ artifact_id: z.string(), bytes: z.int() });
const totalSchema = z.object({ bytes: z.int() });

/** By how much an artifact changed what its tenant has stored, under the artifact's id, until it is folded into the total. */
type StoredBytesChange = z.infer<typeof changeSchema>;
export const storedBytesChange: RecordKind<StoredBytesChange> = {
  name: "stored_bytes_change",
  schema: changeSchema,
  facets: () => [],
};
/** What a tenant's artifacts hold, but for the changes that are not folded in yet. One record for a tenant. */
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
  const bytes = storedBytesOf(after) - storedBytesOf(before);
  if (bytes === 0) return;
  const { artifact_id } = after;
  const earlier = await unit.get(storedBytesChange, artifact_id);
  unit.put(storedBytesChange, artifact_id, { artifact_id, bytes: (earlier?.bytes ?? 0) + bytes });
}
