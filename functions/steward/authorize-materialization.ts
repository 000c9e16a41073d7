import * as z from "zod";

import { durationMs } from "../../shared/duration.ts";
import { intent } from "../../shared/sagas/intent.ts";
import { BACKING_STORES, MATERIALIZATION_TYPES } from "../../shared/steward/boundary-contract.ts";
import { dataClassification, id } from "./classification.ts";

const DAY_MS = durationMs("1d");

const input = z.strictObject({
  contract_id: id,
  data_classification: dataClassification,
  materialization_type: z.enum(MATERIALIZATION_TYPES),
  backing_store: z.enum(BACKING_STORES),
  lifetime_days: z.int().min(1).max(3_650).default(30),
});

/** Lets a source be materialized, in what form, where, and for how long. */
export const authorizeMaterialization = intent("steward.authorize_materialization", {
  version: 1,
  description: "Authorize the materialization of a data source under its pending contract.",
  role: "operator",
  input,
  output: z.object({ contract_id: z.string(), expires_at: z.string() }),
})
  .step("authorize", {
    run: ({ input: asked, steward }) =>
      steward.contracts.authorizeMaterialization(asked.data_classification, asked.contract_id, {
        materializationType: asked.materialization_type,
        backingStore: asked.backing_store,
        lifetimeMs: asked.lifetime_days * DAY_MS,
      }),
    undo: (ctx) => ctx.steward.undo(),
  })
  .returns(({ outputs }) => outputs.authorize);
