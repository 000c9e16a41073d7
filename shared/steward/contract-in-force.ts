import type { DataClassification } from "../data-classification.ts";
import { RuntimeError } from "../errors.ts";
import type { StewardScope } from "./steward-scope.ts";

/**
 * Lets nothing be made of a file that no boundary contract covers: none was authorized, or it was revoked, is fulfilled or has expired.
 * Throws `boundary_contract.not_in_force` (409) and `file.not_found` (404).
 */
export async function expectContract(
  { files, contracts }: Pick<StewardScope, "files" | "contracts">,
  kind: DataClassification,
  fileId: string,
): Promise<void> {
  const { sha256 } = await files.get(kind, fileId);
  if (!(await contracts.isInForce(kind, sha256))) throw notInForce(fileId, sha256);
}

export function notInForce(fileId: string, sha256: string): RuntimeError {
  return new RuntimeError(
    "boundary_contract.not_in_force",
    `No boundary contract in force covers the file ${fileId}; ask for one (steward.request_data_access with its sha256) and have it authorized.`,
    { status: 409, details: { file_id: fileId, source_sha256: sha256 } },
  );
}
