import * as z from "zod";

import { notFound } from "../../shared/errors.ts";
import { intent } from "../../shared/sagas/intent.ts";
import { operationKind, operationSchema } from "../../shared/state/operation.ts";

/** Tells how far an operation over many files has come, while it runs and after. */
export const getOperationStatus = intent("content.get_operation_status", {
  version: 1,
  description: "Read the progress and the results of content.bulk_ingest_files.",
  input: z.strictObject({ operation_id: z.string().min(1).max(128) }),
  output: operationSchema,
  checkpoint: "ends",
})
  .step("read", {
    run: async (ctx) => {
      const operation = await ctx.state.get(operationKind, ctx.input.operation_id);
      if (operation === undefined) throw notFound("operation", ctx.input.operation_id);
      return operation;
    },
  })
  .returns(({ outputs }) => outputs.read);
