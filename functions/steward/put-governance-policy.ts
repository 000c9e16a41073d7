import * as z from "zod";

import { intent } from "../../shared/sagas/intent.ts";
import { governancePolicySchema } from "../../shared/steward/governance-policy.ts";
import { dataClassification } from "./classification.ts";

const input = z.strictObject({
  policy_id: z.string().regex(/^[\w.:-]{1,128}$/, "must be 1 to 128 letters, digits, _ - . :"),
  data_classification: dataClassification,
  policy: governancePolicySchema,
});

/** Writes a governance policy, or replaces one. */
export const putGovernancePolicy = intent("steward.put_governance_policy", {
  version: 1,
  description: "Write a policy of access control, data quality, retention, classification or compliance.",
  role: "operator",
  input,
  output: z.object({ policy_id: z.string() }),
})
  .step("put", {
    run: ({ input: asked, steward }) =>
      steward.governance.putPolicy(asked.data_classification, asked.policy_id, asked.policy),
    undo: (ctx) => ctx.steward.undo(),
  })
  .returns(({ outputs }) => outputs.put);
