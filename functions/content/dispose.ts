import type { Artifact } from "../../shared/artifacts/artifact.ts";
import type { ArtifactScope } from "../../shared/artifacts/artifact-scope.ts";

/** Brings what was made of a purged file to the end of its life cycle, from wherever it is, and gives its bytes up. */
export async function dispose(
  artifacts: ArtifactScope,
  { artifact_id: id, lifecycle_state: state }: Artifact,
): Promise<void> {
  if (state === "PENDING") {
    const failure = { code: "artifact.purged", message: "The file that it was made of was purged." };
    await artifacts.move(id, "FAILED", { failure });
    return;
  }
  if (state === "FAILED") return;
  if (state === "READY") await artifacts.move(id, "ARCHIVED");
  if (state !== "DELETED") await artifacts.move(id, "DELETED");
  await artifacts.giveUpBytes(id);
}
