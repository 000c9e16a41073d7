import * as z from "zod";

import { intent } from "../../shared/sagas/intent.ts";
import { dataClassification } from "./classification.ts";

/** Marks contracts whose time is over as expired. They count as over before that too: this keeps the books. */
export const expireContracts = intent("steward.expire_contracts", {
  version: 1,
  description: "Mark the boundary contracts whose time is over as expired, at most 200 at a time.",
  role: "operator",
  input: z.strictObject({ data_classification: dataClassification }),
  output: z.object({ expired: z.int(), more: z.boolean() }),
})
  .step("expire", {
    run: ({ input, steward }) => steward.contracts.expire(input.data_classification),
    undo: (ctx) => ctx.steward.undo(),
  })
  .returns(({ outputs }) => outputs.expire);
