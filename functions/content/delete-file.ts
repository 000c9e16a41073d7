import * as z from "zod";

import { isNotConfigured, RuntimeError } from "../../shared/errors.ts";
import { asId } from "../../shared/ids.ts";
import { intent } from "../../shared/sagas/intent.ts";
import { platformOnly } from "../../shared/steward/record-scope.ts";

/** One commit changes at most so many artifacts. */
const DERIVED_AT_ONCE = 100;

const input = z
  .strictObject({
    file_id: z.string().min(1).describe("a READY or ARCHIVED file; with purge also one that was deleted before"),
    purge: z
      .boolean()
      .default(false)
      .describe(
        "also remove, for good: its bytes, all that was made of it, what is known of it, and end its contracts",
      ),
    confirm: z.boolean().default(false).describe("purge: that this is meant"),
  })
  .superRefine(({ purge, confirm }, check) => {
    if (purge && !confirm) check.addIssue({ code: "custom", path: ["confirm"], message: "must be true to purge" });
  });

const output = z.object({
  file_id: z.string(),
  lifecycle_state: z.literal("DELETED"),
  purged: z.boolean(),
  derived: z.int().describe("purge: how many artifacts that were made of it went with it"),
  more: z.boolean().describe("purge: whether there are others; purge again"),
});

/**
 * Deletes a file: nothing can be made of it any more, and what was made of it keeps its lineage. A purge removes its bytes and all
 * that was made of it, after the records have stopped pointing at the bytes: no record ever points at bytes that are gone.
 */
export const deleteFile = intent("content.delete_file", {
  version: 2,
  sealable: true,
  description: "Delete a file; with purge and confirm its bytes too, and all that was made of it.",
  input,
  output,
  events: {
    artifact_deleted: z.object({ artifact_id: z.string(), artifact_type: z.literal("file"), purged: z.boolean() }),
  },
  target: { input: "file_id", artifactType: "file" },
})
  .pivot("mark", {
    run: async (ctx) => {
      const { purge } = ctx.input;
      const file = await ctx.artifacts.get(asId.artifact(ctx.input.file_id), "file");
      const { artifact_id, data_classification } = file;
      if (data_classification === "platform" && !ctx.intent.roles?.includes("platform")) throw platformOnly();
      if (file.lifecycle_state === "DELETED" && !purge) throw alreadyDeleted(artifact_id);
      if (file.lifecycle_state === "READY") await ctx.artifacts.move(artifact_id, "ARCHIVED");
      if (file.lifecycle_state !== "DELETED") await ctx.artifacts.move(artifact_id, "DELETED");
      if (purge) await ctx.artifacts.giveUpBytes(artifact_id);
      ctx.emit("artifact_deleted", { artifact_id, artifact_type: "file", purged: purge });
      return { artifact_id, artifact_type: "file", data_classification };
    },
  })
  // After the file is marked: nothing new is made of it from here on.
  .step("derived", {
    when: ({ input: { purge } }) => purge,
    run: async (ctx) => {
      const found = await ctx.artifacts.derivedFrom(ctx.outputs.mark.artifact_id, DERIVED_AT_ONCE + 1);
      const some = found.slice(0, DERIVED_AT_ONCE);
      const { dispose } = await import("./dispose.ts");
      for (const each of some) await dispose(ctx.artifacts, each);
      const artifacts = some.map(({ artifact_id, artifact_type }) => ({ artifact_id, artifact_type }));
      return { artifacts, more: found.length > some.length };
    },
  })
  .step("erase", {
    when: ({ input: { purge } }) => purge,
    timeout: "5m",
    run: async (ctx) => {
      const { mark, derived } = ctx.outputs;
      for (const each of [mark, ...(derived?.artifacts ?? [])]) await ctx.artifacts.erase(each);
      return {};
    },
  })
  .step("forget", {
    when: ({ input: { purge } }) => purge,
    timeout: "5m",
    run: async (ctx) => {
      const { data_classification: kind, artifact_id: fileId } = ctx.outputs.mark;
      const ifThere = async <Result>(work: Promise<Result>): Promise<Result | undefined> =>
        work.catch((error: unknown) => {
          // Where a store is not configured it holds nothing to forget.
          if (isNotConfigured(error)) return undefined;
          throw error;
        });
      await ifThere(ctx.semantic.forgetFile(kind, fileId));
      const rows = await ifThere(ctx.steward.forgetFile(kind, fileId));
      return { more: rows?.more ?? false };
    },
  })
  .returns(({ input: { file_id, purge }, outputs: { derived, forget } }) => ({
    file_id,
    lifecycle_state: "DELETED" as const,
    purged: purge,
    derived: derived?.artifacts.length ?? 0,
    more: (derived?.more ?? false) || (forget?.more ?? false),
  }));

function alreadyDeleted(fileId: string): RuntimeError {
  return new RuntimeError("artifact.lifecycle", `The file ${fileId} is DELETED already.`, {
    status: 409,
    details: { from: "DELETED", to: "DELETED" },
  });
}
