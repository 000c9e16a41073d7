import * as z from "zod";

import { intent } from "../../shared/sagas/intent.ts";
import { SENSITIVITIES } from "../../shared/steward/governance-policy.ts";
import { describeFile, describeParsed } from "../../shared/steward/governed-data.ts";
import { dataClassification, id } from "./classification.ts";

const input = z.strictObject({
  data_type: z.enum(["file", "parsed"]),
  data_id: id.describe("a file_id or a parsed_file_id"),
  data_classification: dataClassification,
  quality_policy_id: id.optional().describe("this policy of data quality alone, instead of all that are in force"),
  sensitivity: z
    .record(z.string().max(255), z.enum(SENSITIVITIES))
    .default({})
    .describe("how sensitive fields are, by their names"),
});

const violation = z.object({ policy_id: z.string(), rule: z.string(), message: z.string() });

/** Evaluates the policies in force over a file or parsed data; each decision is in the log. */
export const governData = intent("steward.govern_data", {
  version: 1,
  description: "Evaluate the governance policies over a file or parsed data.",
  role: "operator",
  input,
  output: z.object({
    compliance_status: z.enum(["compliant", "non_compliant"]),
    policies_applied: z.array(z.string()),
    violations: z.array(violation),
  }),
})
  .step("decide", {
    run: async ({ input: asked, steward }) => {
      const { data_type, data_id, data_classification: kind, quality_policy_id: policyId, sensitivity } = asked;
      const data = await (data_type === "file"
        ? describeFile(steward, kind, data_id)
        : describeParsed(steward, kind, data_id, sensitivity));
      const { governance } = steward;
      const decided = await (policyId === undefined
        ? governance.govern(data)
        : governance.applyQualityPolicy(data, policyId));
      const { compliance_status, policies_applied, violations } = decided;
      return { compliance_status, policies_applied: [...policies_applied], violations: [...violations] };
    },
  })
  .returns(({ outputs }) => outputs.decide);
