import * as z from "zod";

import { MATERIALIZATIONS } from "../../shared/artifacts/materialization-policy.ts";
import { intent } from "../../shared/sagas/intent.ts";
import { dataClassification, id } from "./classification.ts";

const input = z.strictObject({
  data_classification: dataClassification,
  solution_id: id,
  artifact_type: z.string().min(1).max(128),
  decision: z.enum(MATERIALIZATIONS),
});

/** Says for a solution whether artifacts of a type are kept, over the default. */
export const setMaterializationPolicy = intent("steward.set_materialization_policy", {
  version: 1,
  description: "Set whether a solution's artifacts of a type are kept: PERSIST, CACHE or DISCARD.",
  role: "operator",
  input,
  output: z.object({ decision: z.enum(MATERIALIZATIONS) }),
})
  .step("set", {
    run: ({ input: asked, steward }) =>
      steward.materialization.set(asked.data_classification, {
        solutionId: asked.solution_id,
        artifactType: asked.artifact_type,
        decision: asked.decision,
      }),
    undo: (ctx) => ctx.steward.undo(),
  })
  .returns(({ outputs }) => outputs.set);
