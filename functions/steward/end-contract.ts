import * as z from "zod";

import { intent } from "../../shared/sagas/intent.ts";
import { dataClassification, id } from "./classification.ts";

const input = z.strictObject({
  contract_id: id,
  data_classification: dataClassification,
  outcome: z.enum(["fulfilled", "revoked"]),
});

/** Ends a contract before its time: what it was for is done, or it is taken back. */
export const endContract = intent("steward.end_contract", {
  version: 1,
  description: "End a boundary contract: fulfilled, or revoked.",
  role: "operator",
  input,
  output: z.object({ contract_id: z.string(), status: z.string() }),
})
  .step("end", {
    run: ({ input: asked, steward }) =>
      steward.contracts.end(asked.data_classification, asked.contract_id, asked.outcome),
    undo: (ctx) => ctx.steward.undo(),
  })
  .returns(({ input: { contract_id }, outputs }) => ({ contract_id, status: outputs.end.status }));
