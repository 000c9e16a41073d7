import * as z from "zod";

import { materializationSchema } from "../../shared/artifacts/artifact.ts";
import { RuntimeError } from "../../shared/errors.ts";
import { asId } from "../../shared/ids.ts";
import { toJson } from "../../shared/json.ts";
import { intent } from "../../shared/sagas/intent.ts";

const input = z
  .strictObject({
    file_id: z.string().min(1).describe("a READY or ARCHIVED file; with purge also one that was deleted before"),
    purge: z.boolean().default(false).describe("also remove the bytes, for good"),
    confirm: z.boolean().default(false).describe("purge: that this is meant"),
  })
  .superRefine(({ purge, confirm }, check) => {
    if (purge && !confirm) check.addIssue({ code: "custom", path: ["confirm"], message: "must be true to purge" });
  });

const output = z.object({ file_id: z.string(), lifecycle_state: z.literal("DELETED"), purged: z.boolean() });

/**
 * Deletes a file: nothing can be made of it any more, and what was made of it keeps its lineage. A purge removes its bytes, after the record
 * has stopped pointing at them: no record ever points at bytes that are gone. Bytes rest under their artifact, so no other shares them.
 */
export const deleteFile = intent("content.delete_file", {
  version: 1,
  sealable: true,
  description: "Delete a file; with purge and confirm its bytes too.",
  input,
  output,
  events: {
    artifact_deleted: z.object({ artifact_id: z.string(), artifact_type: z.literal("file"), purged: z.boolean() }),
  },
  target: "file_id",
})
  .pivot("mark", {
    run: async (ctx) => {
      const { purge } = ctx.input;
      const file = await ctx.artifacts.get(asId.artifact(ctx.input.file_id), "file");
      if (file.lifecycle_state === "READY") await ctx.artifacts.move(file.artifact_id, "ARCHIVED");
      if (file.lifecycle_state !== "DELETED") await ctx.artifacts.move(file.artifact_id, "DELETED");
      else if (!purge) throw alreadyDeleted(file.artifact_id);
      const given = purge ? await ctx.artifacts.giveUpBytes(file.artifact_id) : [];
      ctx.emit("artifact_deleted", { artifact_id: file.artifact_id, artifact_type: "file", purged: purge });
      return { bytes: given.map((each) => toJson(each)) };
    },
  })
  .step("erase", {
    when: ({ input: { purge } }) => purge,
    timeout: "5m",
    run: async (ctx) => {
      for (const each of ctx.outputs.mark.bytes) await ctx.artifacts.erase(materializationSchema.parse(each));
      return {};
    },
  })
  .returns(({ input: { file_id, purge } }) => ({ file_id, lifecycle_state: "DELETED" as const, purged: purge }));

function alreadyDeleted(fileId: string): RuntimeError {
  return new RuntimeError("artifact.lifecycle", `The file ${fileId} is DELETED already.`, {
    status: 409,
    details: { from: "DELETED", to: "DELETED" },
  });
}
