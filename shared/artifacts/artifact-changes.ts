import { notFound, RuntimeError } from "../errors.ts";
import type { ArtifactId } from "../ids.ts";
import type { UnitOfWork } from "../state/unit-of-work.ts";
import { abandonBytes } from "./abandoned-bytes.ts";
import { type Artifact, artifactKind, LIFECYCLE, type LifecycleState } from "./artifact.ts";
import { countChanged, countRegistered } from "./stored-bytes.ts";

/** Registers a new artifact in the unit of work, with its log entry. */
export function registerArtifact(unit: UnitOfWork, artifact: Artifact): void {
  unit.put(artifactKind, artifact.artifact_id, artifact);
  countRegistered(unit, artifact);
  unit.log({
    event_type: "artifact_registered",
    payload: {
      artifact_id: artifact.artifact_id,
      artifact_type: artifact.artifact_type,
      lifecycle_state: artifact.lifecycle_state,
      parent_artifacts: artifact.parent_artifacts,
      data_classification: artifact.data_classification,
    },
  });
}

/** What may change of an artifact after it was registered. */
export type ArtifactUpdate = Partial<
  Pick<Artifact, "semantic_descriptor" | "materializations" | "visuals" | "failure" | "metadata">
>;

/**
 * Moves an artifact along its life cycle in the unit of work, with its log entry.
 * Throws `artifact.not_found`, or `artifact.lifecycle` (409) for a move that the life cycle does not have.
 */
export async function moveArtifact(
  unit: UnitOfWork,
  artifactId: ArtifactId,
  to: LifecycleState,
  now: string,
  update: ArtifactUpdate = {},
): Promise<Artifact> {
  const current = await unit.get(artifactKind, artifactId);
  if (current === undefined) throw notFound("artifact", artifactId);
  const from = current.lifecycle_state;
  if (!LIFECYCLE[from].includes(to)) {
    throw new RuntimeError("artifact.lifecycle", `The artifact ${artifactId} is ${from}; it cannot become ${to}.`, {
      status: 409,
      details: { from, to },
    });
  }
  // Nothing is made of one that failed: it gives its bytes up, whatever they were.
  const given = to === "FAILED" ? { materializations: [], visuals: [] } : {};
  const moved: Artifact = { ...current, ...update, ...given, lifecycle_state: to, updated_at: now };
  unit.put(artifactKind, artifactId, moved);
  if (to === "FAILED") await abandonBytes(unit, moved, now);
  await countChanged(unit, current, moved);
  unit.log({
    event_type: "artifact_lifecycle_changed",
    payload: {
      artifact_id: artifactId,
      artifact_type: current.artifact_type,
      from,
      to,
      ...(update.failure === undefined ? {} : { failure: update.failure }),
    },
  });
  return moved;
}

/** Completes an artifact that is still PENDING, such as with where its bytes are. Throws `artifact.lifecycle` (409) later on. */
export async function amendArtifact(
  unit: UnitOfWork,
  artifactId: ArtifactId,
  now: string,
  update: ArtifactUpdate,
): Promise<Artifact> {
  const current = await unit.get(artifactKind, artifactId);
  if (current === undefined) throw notFound("artifact", artifactId);
  if (current.lifecycle_state !== "PENDING") {
    throw new RuntimeError(
      "artifact.lifecycle",
      `The artifact ${artifactId} is ${current.lifecycle_state}; it cannot be amended.`,
      {
        status: 409,
      },
    );
  }
  const amended: Artifact = { ...current, ...update, updated_at: now };
  unit.put(artifactKind, artifactId, amended);
  await countChanged(unit, current, amended);
  return amended;
}

/** Lets a DELETED artifact point at no bytes any more. Throws `artifact.lifecycle` (409) for one that is not deleted. */
export async function giveUpBytes(unit: UnitOfWork, artifactId: ArtifactId, now: string): Promise<void> {
  const current = await unit.get(artifactKind, artifactId);
  if (current === undefined) throw notFound("artifact", artifactId);
  const { lifecycle_state: from } = current;
  if (from !== "DELETED") {
    throw new RuntimeError("artifact.lifecycle", `The artifact ${artifactId} is ${from}; its bytes are still needed.`, {
      status: 409,
      details: { from },
    });
  }
  const bare: Artifact = { ...current, materializations: [], visuals: [], updated_at: now };
  unit.put(artifactKind, artifactId, bare);
  await abandonBytes(unit, bare, now);
  await countChanged(unit, current, bare);
}
