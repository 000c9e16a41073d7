import type { Artifact, Materialization } from "../artifacts/artifact.ts";
import { RuntimeError } from "../errors.ts";
import { asId } from "../ids.ts";
import type { StepContext } from "../sagas/step-context.ts";
import { notInForce } from "../steward/contract-in-force.ts";
import { describeFile } from "../steward/governed-data.ts";

export interface ValidFile {
  readonly file: Artifact;
  readonly bytes: Materialization;
  /** The governance policies that it complies with. */
  readonly policiesApplied: readonly string[];
}

/**
 * The file, if the data steward lets it be used: READY, known under its class, covered by a boundary contract in force, and within
 * every governance policy. The decisions are logged with the step, whether it goes on or fails of them. Throws `artifact.not_found` and `file.not_found` (404),
 * `classification.refused` (403), `artifact.not_ready` and `boundary_contract.not_in_force` (409), and `governance.refused` (403)
 * with the violations.
 */
export async function validateFile(
  { artifacts, steward }: Pick<StepContext<never, never>, "artifacts" | "steward">,
  fileId: string,
): Promise<ValidFile> {
  const file = await artifacts.get(asId.artifact(fileId), "file");
  const [bytes] = file.materializations;
  if (file.lifecycle_state !== "READY" || bytes === undefined) {
    throw new RuntimeError(
      "artifact.not_ready",
      `The file ${fileId} is ${file.lifecycle_state}; it must be READY (content.save_materialization).`,
      { status: 409, details: { lifecycle_state: file.lifecycle_state } },
    );
  }
  const described = await describeFile(steward, file.data_classification, fileId);
  if (!described.hasContract) throw notInForce(fileId, bytes.sha256);
  const { compliance_status, policies_applied, violations } = await steward.governance.govern(described);
  if (compliance_status === "non_compliant") {
    throw new RuntimeError("governance.refused", `The file ${fileId} breaks a governance policy.`, {
      status: 403,
      details: { policies_applied, violations },
    });
  }
  return { file, bytes, policiesApplied: policies_applied };
}
