import type { ArtifactId } from "../ids.ts";
import type { UnitOfWork } from "../state/unit-of-work.ts";
import { everyPage } from "../ports/paging.ts";
import { type Artifact, artifactKind, hasNoBytes, parentFacet } from "./artifact.ts";

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
    const pages = everyPage((cursor) => unit.list(artifactKind, parentFacet(parent), { limit: PAGE, cursor }));
    for await (const items of pages) {
      for (const { value } of items) {
        if (seen.has(value.artifact_id)) continue;
        seen.add(value.artifact_id);
        if (!hasNoBytes(value)) found.push(value);
        if (found.length === most) return found;
      }
    }
  }
  return found;
}
