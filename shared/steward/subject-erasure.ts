import { giveUpBytes, moveArtifact } from "../artifacts/artifact-changes.ts";
import { type Artifact, artifactKind, hasNoBytes, subjectFacet } from "../artifacts/artifact.ts";
import { rfc3339 } from "../clock.ts";
import { RuntimeError } from "../errors.ts";
import { sha256 } from "../json.ts";
import { everyPage } from "../ports/paging.ts";
import type { SubjectKeys } from "../ports/record-store.ts";
import type { StateSurface } from "../state/state-surface.ts";
import type { UnitOfWork } from "../state/unit-of-work.ts";

/** One commit changes at most so many artifacts. */
const ARTIFACTS_AT_ONCE = 100;

/** What is left of a subject. */
export interface ErasureCertificate {
  readonly subject_id: string;
  /** SHA-256 of the id of the key that is gone. */
  readonly key_id_sha256: string;
  readonly erased_at: string;
  readonly erased_by: string | null;
  /** How many artifacts cannot be read any more. */
  readonly artifacts: number;
}

export interface SubjectErasureDeps {
  readonly keys: SubjectKeys;
  readonly surface: StateSurface;
  readonly unit: UnitOfWork;
  readonly by: string | undefined;
  readonly nowMs: () => number;
}

/**
 * Deletes the subject's key, for good, with the certificate in the log; a repeat certifies the first deletion. Whoever works with
 * the key at that moment has it until the end of the step: what the step writes is as unreadable as the rest from then on.
 * Throws `subject.not_found` (404).
 */
export async function eraseSubject(deps: SubjectErasureDeps, subjectId: string): Promise<ErasureCertificate> {
  const { keys, surface, unit, by, nowMs } = deps;
  const { total } = await surface.list(unit.tenantId, artifactKind, subjectFacet(subjectId), { limit: 1 });
  const erased = await keys.erase(unit.tenantId, subjectId, nowMs());
  if (erased === undefined) {
    throw new RuntimeError("subject.not_found", `There is no subject ${subjectId}.`, { status: 404 });
  }
  const certificate = {
    subject_id: subjectId,
    key_id_sha256: sha256(erased.keyId),
    erased_at: rfc3339(erased.erasedMs),
    erased_by: by ?? null,
    artifacts: total,
  };
  unit.log({
    event_type: "policy_decided",
    payload: { policy: "subject_erasure", decision: "erased", ...certificate },
  });
  return certificate;
}

/**
 * Ends the life of an erased subject's artifacts and gives their bytes up, some at a time: nobody can read them, nobody can purge them,
 * and they would count against the tenant for ever. `more` says that there are others.
 */
export async function giveUpSubjectBytes(
  unit: UnitOfWork,
  subjectId: string,
  nowMs: number,
): Promise<{ readonly more: boolean }> {
  const now = rfc3339(nowMs);
  let givenUp = 0;
  const limit = ARTIFACTS_AT_ONCE;
  const pages = everyPage((cursor) => unit.list(artifactKind, subjectFacet(subjectId), { limit, cursor }));
  for await (const items of pages) {
    for (const { value } of items) {
      if (hasNoBytes(value)) continue;
      if (givenUp === ARTIFACTS_AT_ONCE) return { more: true };
      givenUp += 1;
      await end(unit, value, now);
    }
  }
  return { more: false };
}

async function end(
  unit: UnitOfWork,
  { artifact_id: id, lifecycle_state: state }: Artifact,
  now: string,
): Promise<void> {
  if (state === "PENDING") {
    const failure = { code: "subject.erased", message: "The subject whose data it was is erased." };
    await moveArtifact(unit, id, "FAILED", now, { failure });
    return;
  }
  if (state === "READY") await moveArtifact(unit, id, "ARCHIVED", now);
  if (state !== "DELETED") await moveArtifact(unit, id, "DELETED", now);
  await giveUpBytes(unit, id, now);
}
