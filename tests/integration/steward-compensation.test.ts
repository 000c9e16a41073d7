import * as z from "zod";
import { describe, expect, it } from "vitest";

import { RuntimeError } from "../../shared/errors.ts";
import { asId } from "../../shared/ids.ts";
import { intent } from "../../shared/sagas/intent.ts";
import { materializationSchema } from "../../shared/artifacts/artifact.ts";
import { toJson } from "../../shared/json.ts";
import { chaos } from "../kit/chaos.ts";
import { Stage } from "../kit/stage.ts";
import { testIds } from "../kit/runtime.ts";

async function* rows(): AsyncIterable<Uint8Array> {
  yield await Promise.resolve(Buffer.from('{"id":1}\n'));
}

/** Stores parsed data and its lineage as `content.parse_content` does, and fails after it when it is told to. */
const storeAndPerhapsFail = intent("test.store_parsed", {
  version: 1,
  description: "Stores parsed data and its lineage.",
  input: z.strictObject({ fails: z.boolean() }),
  output: z.object({ metadata_id: z.string() }),
})
  .step("reserve", {
    run: async (ctx) => {
      const parsed = await ctx.artifacts.register({
        artifact_id: ctx.ids.parsed(),
        artifact_type: "parsed_content",
        semantic_descriptor: { schema: "rows" },
        data_classification: "client",
      });
      return { id: parsed.artifact_id };
    },
  })
  .step("keep", {
    run: async (ctx) => {
      const parsed = { artifact_id: asId.artifact(ctx.outputs.reserve.id), artifact_type: "parsed_content" };
      const form = { format: "jsonl", contentType: "application/x-ndjson" };
      return { bytes: await ctx.artifacts.keep(parsed, form, rows()) };
    },
  })
  .step("store", {
    run: async (ctx) => {
      const { bytes } = ctx.outputs.keep;
      const { id } = ctx.outputs.reserve;
      const materialization = materializationSchema.parse(toJson(bytes));
      const stored = await ctx.steward.parsed.storeParsedData({
        fileId: "file_1",
        parsedFileId: id,
        dataClassification: "client",
        materialization,
        formatType: "json_chunks",
        contentType: "structured",
        parsedBy: "test",
      });
      await ctx.steward.governance.trackLineage("client", [
        { from: "file_1", to: id, relation: "parsed_into", fileId: "file_1" },
      ]);
      return { metadata_id: stored.metadata_id };
    },
    undo: (ctx) => ctx.steward.undo(),
  })
  .step("publish", {
    run: async (ctx) => {
      if (ctx.input.fails) throw new RuntimeError("test.refused", "It was told to fail.", { status: 422 });
      await ctx.artifacts.move(asId.artifact(ctx.outputs.reserve.id), "READY");
      return {};
    },
  })
  .returns(({ outputs: { store } }) => store);

describe("a saga that stores parsed data and lineage", () => {
  it.each([
    [false, "completed"],
    [true, "compensated"],
  ])(
    "that fails: %s, is %s, and leaves the same whatever call its worker dies before or after",
    async (fails, status) => {
      const { execution, calls } = await chaos(storeAndPerhapsFail, { fails });
      expect(execution.status).toBe(status);
      expect(calls).toBeGreaterThan(5);
    },
  );

  it("and fails, leaves no row and no edge, and its artifact is FAILED", async () => {
    await using stage = await Stage.open([storeAndPerhapsFail]);
    const sessionId = await stage.session();
    const submission = {
      tenantId: stage.tenantId,
      userId: undefined,
      intentType: storeAndPerhapsFail.type,
      sessionId,
      parameters: { fails: true },
      metadata: {},
      solutionId: undefined,
      intentId: undefined,
      idempotencyKey: undefined,
      traceId: testIds.trace(),
    };
    await stage.insist(({ services }) => services.lifecycle.submit(submission));
    await stage.settle();
    expect(await stage.rows()).toEqual([]);
    expect(await stage.graphDocuments()).toEqual([]);
    const artifacts = (await stage.records()).filter(({ kind }) => kind === "artifact");
    expect(artifacts.map(({ body }) => body["lifecycle_state"])).toEqual(["FAILED"]);
  });
});
