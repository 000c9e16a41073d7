import * as z from "zod";

import { jsonObject } from "../../shared/json.ts";
import { intent } from "../../shared/sagas/intent.ts";
import { dataClassification, id } from "./classification.ts";

const input = z.strictObject({
  contract_id: id,
  data_classification: dataClassification,
  fact_type: z.string().min(1).max(255),
  fact: jsonObject.describe("what is to be kept, whatever becomes of the source"),
});

/** Keeps a fact for good: it outlives its source, and fulfils the contract under which it was found. */
export const promoteToRecordOfFact = intent("steward.promote_to_record_of_fact", {
  version: 1,
  description: "Keep a fact of a source for good, beyond the source's own life.",
  role: "operator",
  input,
  output: z.object({ record_id: z.string() }),
})
  .step("promote", {
    run: async ({ input: asked, intent: { user_id }, steward: { contracts }, state }) => {
      const { data_classification: kind, contract_id } = asked;
      const { refuseWordsOfSubject } = await import("../../shared/steward/subject-words.ts");
      await refuseWordsOfSubject(state, [(await contracts.get(kind, contract_id)).source_artifact_id]);
      return contracts.promoteToRecordOfFact(kind, contract_id, {
        type: asked.fact_type,
        body: asked.fact,
        by: user_id,
      });
    },
    undo: (ctx) => ctx.steward.undo(),
  })
  .returns(({ outputs }) => outputs.promote);
