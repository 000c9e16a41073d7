import { RuntimeError } from "../errors.ts";
import { asId } from "../ids.ts";
import type { Artifact } from "./artifact.ts";
import type { ArtifactScope } from "./artifact-scope.ts";

/** Parsed data of which something can be made. Throws `artifact.not_found` (404) or `artifact.not_ready` (409). */
export async function readyParsed(artifacts: Pick<ArtifactScope, "get">, parsedFileId: string): Promise<Artifact> {
  const parsed = await artifacts.get(asId.artifact(parsedFileId), "parsed_content");
  if (parsed.lifecycle_state === "READY") return parsed;
  throw new RuntimeError(
    "artifact.not_ready",
    `The parsed data ${parsedFileId} is ${parsed.lifecycle_state}; it must be READY.`,
    { status: 409, details: { lifecycle_state: parsed.lifecycle_state } },
  );
}
