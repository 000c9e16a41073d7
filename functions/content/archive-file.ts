import * as z from "zod";

import { asId } from "../../shared/ids.ts";
import { intent } from "../../shared/sagas/intent.ts";

const input = z.strictObject({ file_id: z.string().min(1).describe("a READY file") });

/** Puts a file away: it stays as it is and is not parsed any more, until it is restored. */
export const archiveFile = intent("content.archive_file", {
  version: 1,
  sealable: true,
  description: "Archive a READY file; content.restore_file brings it back.",
  input,
  output: z.object({ file_id: z.string(), lifecycle_state: z.literal("ARCHIVED") }),
  events: { artifact_archived: z.object({ artifact_id: z.string(), artifact_type: z.literal("file") }) },
  target: { input: "file_id", artifactType: "file" },
})
  .step("archive", {
    run: async (ctx) => {
      const { artifact_id } = await ctx.artifacts.get(asId.artifact(ctx.input.file_id), "file");
      await ctx.artifacts.move(artifact_id, "ARCHIVED");
      ctx.emit("artifact_archived", { artifact_id, artifact_type: "file" });
      return {};
    },
  })
  .returns(({ input: { file_id } }) => ({ file_id, lifecycle_state: "ARCHIVED" as const }));
