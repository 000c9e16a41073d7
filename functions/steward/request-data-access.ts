import * as z from "zod";

import { intent } from "../../shared/sagas/intent.ts";
import { contractScope } from "../../shared/steward/boundary-contract.ts";
import { dataClassification, id } from "./classification.ts";

const input = z
  .strictObject({
    data_classification: dataClassification,
    source_sha256: z
      .string()
      .regex(/^[0-9a-f]{64}$/, "must be 64 lower-case hex digits")
      .optional(),
    source_external_id: id.optional().describe("what another system calls the source"),
  })
  .refine((source) => source.source_sha256 !== undefined || source.source_external_id !== undefined, {
    path: ["source_sha256"],
    message: "is required (or else source_external_id)",
  });

/** Asks for the use of a source: the active contract that covers it already, or a pending one. */
export const requestDataAccess = intent("steward.request_data_access", {
  version: 1,
  description: "Ask for the use of a data source; an active contract for it is reused.",
  input,
  output: z.object({ contract_id: z.string(), status: z.string(), reused: z.boolean() }),
})
  .step("request", {
    run: (ctx) =>
      ctx.steward.contracts.requestDataAccess({
        dataClassification: ctx.input.data_classification,
        source: { sha256: ctx.input.source_sha256, externalId: ctx.input.source_external_id },
        scope: contractScope(ctx),
      }),
    undo: (ctx) => ctx.steward.undo(),
  })
  .returns(({ outputs }) => outputs.request);
