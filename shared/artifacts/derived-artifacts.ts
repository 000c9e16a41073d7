import type { ArtifactId } from "../ids.ts";
import type { UnitOfWork } from "../state/unit-of-work.ts";
import { type Artifact, artifactKind, parentFacet } from "./artifact.ts";

const PAGE = 100;

/** What was made of an artifact, and of that, nearest first; those that have given their bytes up are passed over. */
export async function derivedFrom(
  unit: UnitOfWork,
  artifactId: ArtifactId,
  most: number,
): Promise<readonly Artifact[]> {
  const seen = new Set<string>([artifactId]);
  const found: Artifact[] = [];
  // Grows while it is walked.
  for (const parent of seen) {
    let cursor: string | undefined;
    do {
      const page = await unit.list(artifactKind, parentFacet(parent), { limit: PAGE, cursor });
      for (const { value } of page.items) {
        if (seen.has(value.artifact_id)) continue;
        seen.add(value.artifact_id);
        if (!hasEnded(value)) found.push(value);
        if (found.length === most) return found;
      }
      cursor = page.nextCursor;
    } while (cursor !== undefined);
  }
  return found;
}

function hasEnded({ lifecycle_state: state, materializations }: Artifact): boolean {
  return state === "FAILED" || (state === "DELETED" && materializations.length === 0);
}
