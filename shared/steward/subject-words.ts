import { artifactKind } from "../artifacts/artifact.ts";
import { RuntimeError } from "../errors.ts";
import { asId } from "../ids.ts";
import type { UnitOfWork } from "../state/unit-of-work.ts";

/** Words are kept unencrypted in rows and graph: of a subject's artifact they are refused. Throws `subject.words_refused` (409). */
export async function refuseWordsOfSubject(unit: UnitOfWork, ids: readonly (string | null)[]): Promise<void> {
  for (const id of ids) {
    const artifact = id === null ? undefined : await unit.get(artifactKind, asId.artifact(id));
    if (artifact?.subject_id === undefined) continue;
    const message = `${id} is of a subject: what is said of it could not be erased with the subject.`;
    throw new RuntimeError("subject.words_refused", message, { status: 409 });
  }
}
