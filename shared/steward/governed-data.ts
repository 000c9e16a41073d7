import type { DataClassification } from "../data-classification.ts";
import type { GovernedData, GovernedField } from "./governance-policy.ts";
import type { StewardScope } from "./steward-scope.ts";

type Sources = Pick<StewardScope, "files" | "contracts" | "parsed">;

/** What policies are evaluated against, of a file. Throws `file.not_found` (404). */
export async function describeFile(
  { files, contracts }: Sources,
  kind: DataClassification,
  fileId: string,
): Promise<GovernedData> {
  const file = await files.get(kind, fileId);
  return {
    dataId: fileId,
    dataType: "file",
    dataClassification: kind,
    createdAt: file.created_at,
    hasContract: await contracts.isInForce(kind, file.sha256),
    subjectId: file.subject_id ?? undefined,
  };
}

/** The same of parsed data; how sensitive its fields are, whoever asks knows. Throws `parsed_data.not_found` (404). */
export async function describeParsed(
  { files, contracts, parsed: parsedData }: Sources,
  kind: DataClassification,
  parsedFileId: string,
  sensitivity: Readonly<Record<string, GovernedField["sensitivity"]>>,
): Promise<GovernedData> {
  const parsed = await parsedData.get(kind, parsedFileId);
  const names = Array.isArray(parsed.column_names) ? (parsed.column_names as readonly string[]) : [];
  const nulls = parsed.metadata as { readonly null_counts?: readonly number[] };
  const rows = parsed.row_count ?? 0;
  const fields = names.map((name, index) => {
    const count = nulls.null_counts?.[index];
    const nullRatio = count === undefined || rows === 0 ? undefined : count / rows;
    return { name, nullRatio, sensitivity: Object.hasOwn(sensitivity, name) ? sensitivity[name] : undefined };
  });
  const source = await files.get(kind, parsed.file_id);
  return {
    dataId: parsedFileId,
    dataType: "parsed",
    dataClassification: kind,
    createdAt: parsed.created_at,
    rowCount: parsed.row_count ?? undefined,
    fields,
    hasContract: await contracts.isInForce(kind, source.sha256),
    subjectId: parsed.subject_id ?? undefined,
  };
}
