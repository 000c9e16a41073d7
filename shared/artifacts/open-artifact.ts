import { trustedTenantId } from "../ids.ts";
import type { Subjects } from "../state/subjects.ts";
import type { ArtifactBytes } from "./artifact-bytes.ts";
import type { Artifact, Materialization } from "./artifact.ts";
import { openParts } from "./sealed-artifact.ts";

/** The artifact for a reader of its tenant. Throws `subject.erased` (410). */
export async function openArtifact(subjects: Subjects, artifact: Artifact): Promise<Artifact> {
  const { subject_id: subjectId } = artifact;
  if (subjectId === undefined) return artifact;
  return openParts(await subjects.open(trustedTenantId(artifact.tenant_id), subjectId), artifact);
}

/** Its bytes, as they were before they were kept. Throws also what `ArtifactBytes.read` throws. */
export async function readArtifact(
  { subjects, artifactBytes }: { readonly subjects: Subjects; readonly artifactBytes: ArtifactBytes },
  { subject_id: subjectId, tenant_id }: Artifact,
  materialization: Materialization,
): Promise<AsyncIterable<Uint8Array>> {
  if (subjectId === undefined) return artifactBytes.read(materialization);
  const box = await subjects.open(trustedTenantId(tenant_id), subjectId);
  return box.decrypt(await artifactBytes.read(materialization));
}
