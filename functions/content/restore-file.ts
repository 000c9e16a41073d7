import * as z from "zod";

import { asId } from "../../shared/ids.ts";
import { intent } from "../../shared/sagas/intent.ts";

const input = z.strictObject({ file_id: z.string().min(1).describe("an ARCHIVED file") });

/** Brings back a file that was put away: it can be parsed again. */
export const restoreFile = intent("content.restore_file", {
  version: 1,
  sealable: true,
  description: "Bring an ARCHIVED file back.",
  input,
  output: z.object({ file_id: z.string(), lifecycle_state: z.literal("READY") }),
  events: { artifact_restored: z.object({ artifact_id: z.string(), artifact_type: z.literal("file") }) },
  target: { input: "file_id", artifactType: "file" },
})
  .step("restore", {
    run: async (ctx) => {
      const { artifact_id } = await ctx.artifacts.get(asId.artifact(ctx.input.file_id), "file");
      await ctx.artifacts.move(artifact_id, "READY");
      ctx.emit("artifact_restored", { artifact_id, artifact_type: "file" });
      return {};
    },
  })
  .returns(({ input: { file_id } }) => ({ file_id, lifecycle_state: "READY" as const }));
