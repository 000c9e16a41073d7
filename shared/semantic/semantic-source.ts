import type { Artifact } from "../artifacts/artifact.ts";
import { notFound } from "../errors.ts";
import type { JsonValue } from "../json.ts";

/** What of the semantic layer is about: parsed data of a file, and the id under which all that is known of its meaning is found. */
export interface SemanticSource {
  readonly semanticId: string;
  /** The parsed data. */
  readonly contentId: string;
  readonly fileId: string;
  readonly dataClassification: Artifact["data_classification"];
  readonly traceId: string;
}

export interface ColumnOutline {
  readonly name: string;
  readonly type: string;
}

/** The source that parsed data is. Throws `file.not_found` for data that came from no file. */
export function semanticSource(parsed: Artifact, semanticId: string, traceId: string): SemanticSource {
  const [fileId] = parsed.parent_artifacts;
  if (fileId === undefined) throw notFound("file", parsed.artifact_id);
  return {
    semanticId,
    contentId: parsed.artifact_id,
    fileId,
    dataClassification: parsed.data_classification,
    traceId,
  };
}

/** The columns of parsed data, as its parser found them. */
export function columnsOf({ semantic_descriptor: descriptor }: Artifact): readonly ColumnOutline[] {
  const columns = "columns" in descriptor ? (descriptor.columns as JsonValue) : [];
  if (!Array.isArray(columns)) return [];
  return (columns as readonly JsonValue[]).flatMap((column) => {
    if (column === null || typeof column !== "object" || !("name" in column)) return [];
    const { name, type } = column as { readonly name?: JsonValue; readonly type?: JsonValue };
    return typeof name === "string" ? [{ name, type: typeof type === "string" ? type : "string" }] : [];
  });
}
