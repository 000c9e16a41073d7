import * as z from "zod";

import { rfc3339 } from "../../shared/clock.ts";
import { RuntimeError } from "../../shared/errors.ts";
import { intent } from "../../shared/sagas/intent.ts";
import { operationKind, operationSchema } from "../../shared/state/operation.ts";
import { type Batch, batchesLeft, expectOwn, newOperation, operationIdOf, withBatch } from "./bulk-operation.ts";
import { fileToIngest } from "./file-to-ingest.ts";

const MAX_FILES = 1_000;

const input = z.strictObject({
  files: z
    .array(fileToIngest)
    .min(1)
    .max(MAX_FILES)
    .superRefine((files, check) => {
      const first = new Map<string, number>();
      for (const [index, { upload_id: id }] of files.entries()) {
        if (id === undefined) continue;
        const message = `is that of files.${first.get(id)}: an upload becomes one file`;
        if (first.has(id)) check.addIssue({ code: "custom", path: [index, "upload_id"], message });
        else first.set(id, index);
      }
    })
    .describe("each as content.ingest_file takes it"),
  batch_size: z.int().min(1).max(100).default(10).describe("how many files one commit takes in"),
  max_parallel: z.int().min(1).max(20).default(5).describe("how many files of a batch are at work at a time"),
  resume_from_batch: z
    .int()
    .min(1)
    .optional()
    .describe("go on from this batch, also when another execution works on the same files or files of it failed"),
});

/**
 * Takes many files in, a batch at a time. The same files are the same operation: who asks again gets its id and its progress, and
 * nothing is taken in twice. A file that is refused is told of and does not hold up the others.
 */
export const bulkIngestFiles = intent("content.bulk_ingest_files", {
  version: 1,
  description: "Take many files in; the progress is read by content.get_operation_status.",
  input,
  output: operationSchema,
  events: {
    files_ingested: z.object({ operation_id: z.string(), total: z.int(), succeeded: z.int(), failed: z.int() }),
  },
})
  .step("plan", {
    run: async (ctx) => {
      const { files, batch_size: batchSize, resume_from_batch: resume } = ctx.input;
      const id = operationIdOf(files);
      const known = await ctx.state.get(operationKind, id);
      if (known !== undefined && resume === undefined) {
        // Begun by this execution, in an attempt whose answer was lost: the ids that it chose are in nobody's hands.
        if (known.execution_id !== ctx.executionId) return { operation_id: id, own: false, batches: [] as Batch[] };
      }
      const operation = known ?? newOperation(id, files.length, batchSize, ctx.now());
      const from = resume ?? 1;
      if (from > Math.ceil(files.length / batchSize)) throw noSuchBatch(from);
      const batches = await batchesLeft(ctx.state, operation, { batchSize, from, ids: ctx.ids });
      ctx.state.put(operationKind, id, {
        ...operation,
        status: "running",
        execution_id: ctx.executionId,
        batch_count: Math.ceil(files.length / batchSize),
        updated_at: rfc3339(ctx.now()),
      });
      return { operation_id: id, own: true, batches: [...batches] };
    },
    // Who turns back does not go on: the progress must not say so for ever.
    undo: async (ctx) => {
      const id = operationIdOf(ctx.input.files);
      const operation = await ctx.state.get(operationKind, id);
      if (operation?.execution_id !== ctx.executionId || operation.status !== "running") return;
      ctx.state.put(operationKind, id, { ...operation, status: "failed" as const, updated_at: rfc3339(ctx.now()) });
    },
  })
  .map("batches", {
    over: ({ outputs }) => outputs.plan.batches,
    // One commit after the other changes the operation; the files of a batch are at work side by side.
    concurrency: 1,
    onFailure: "collect",
    timeout: "5m",
    run: async (ctx, batch) => {
      const before = await ctx.state.get(operationKind, ctx.outputs.plan.operation_id);
      expectOwn(before, ctx.executionId);
      const { takeIn } = await import("./take-in.ts");
      const results = await takeIn(ctx, batch, ctx.input);
      const operation = await ctx.state.get(operationKind, ctx.outputs.plan.operation_id);
      if (operation === undefined) throw operationGone();
      const next = withBatch(operation, { executionId: ctx.executionId, batch, results }, ctx.now());
      ctx.state.put(operationKind, operation.operation_id, next);
      return { batch: batch.number };
    },
    undo: (ctx) => ctx.steward.undo(),
  })
  .step("finish", {
    run: async (ctx) => {
      const { operation_id: id, own } = ctx.outputs.plan;
      const operation = await ctx.state.get(operationKind, id);
      if (operation === undefined) throw operationGone();
      if (!own || operation.execution_id !== ctx.executionId) return operation;
      const status = operation.processed === operation.total ? ("completed" as const) : ("failed" as const);
      const ended = { ...operation, status, updated_at: rfc3339(ctx.now()) };
      ctx.state.put(operationKind, id, ended);
      const { discardTaken } = await import("./take-in.ts");
      await discardTaken(ctx, ctx.input.files, ended);
      const { total, succeeded, failed } = ended;
      ctx.emit("files_ingested", { operation_id: id, total, succeeded, failed });
      return ended;
    },
  })
  .returns(({ outputs }) => outputs.finish);

function operationGone(): RuntimeError {
  return new RuntimeError("operation.not_found", "The operation is gone.", { status: 404 });
}

function noSuchBatch(number: number): RuntimeError {
  return new RuntimeError("operation.no_such_batch", `There is no batch ${number}.`, {
    status: 422,
    details: { batch: number },
  });
}
