import { type JsonObject, toJson } from "../json.ts";
import type { SubjectBox } from "../state/subject-box.ts";
import { openedBy, sealedIn } from "../state/subjects.ts";
import type { ArtifactUpdate } from "./artifact-changes.ts";
import type { Artifact } from "./artifact.ts";

type Sealable = Pick<ArtifactUpdate, "metadata" | "semantic_descriptor" | "failure">;

/** What of a subject's artifact may tell of the subject, sealed: its metadata, its columns, and the words of a failure. */
export function sealParts<Parts extends Sealable>(box: SubjectBox, parts: Parts): Parts {
  const { metadata, semantic_descriptor: descriptor, failure } = parts;
  const columns = descriptor?.columns;
  return {
    ...parts,
    ...(metadata === undefined ? {} : { metadata: sealedIn(box, metadata) }),
    ...(columns === undefined
      ? {}
      : { semantic_descriptor: { ...descriptor, columns: [sealedIn(box, toJson(columns))] } }),
    ...(failure === undefined ? {} : { failure: { code: failure.code, message: "its words are not kept" } }),
  };
}

/** The artifact as it was before `sealParts`. */
export function openParts(box: SubjectBox, artifact: Artifact): Artifact {
  const { semantic_descriptor: descriptor } = artifact;
  const [columns] = descriptor.columns ?? [];
  return {
    ...artifact,
    metadata: openedBy(box, artifact.metadata) as JsonObject,
    ...(columns === undefined
      ? {}
      : {
          semantic_descriptor: {
            ...descriptor,
            columns: openedBy(box, columns) as JsonObject[],
          },
        }),
  };
}
