import * as z from "zod";

import type { Artifact } from "../../shared/artifacts/artifact.ts";
import { rfc3339 } from "../../shared/clock.ts";
import { RuntimeError } from "../../shared/errors.ts";
import { asId } from "../../shared/ids.ts";
import { newPendingIntent, pendingIntentKind } from "../../shared/intents/pending-intent.ts";
import { intent } from "../../shared/sagas/intent.ts";

const input = z.strictObject({
  file_id: z.string().min(1).describe("the file that content.ingest_file returned"),
  boundary_contract_id: z.string().min(1).describe("the contract that content.ingest_file returned"),
});

const output = z.object({
  file_id: z.string(),
  lifecycle_state: z.literal("READY"),
  boundary_contract_id: z.string(),
  pending_intent_id: z.string(),
});

/** Authorizes the use of an ingested file: READY, with a pending intent to parse it, now or next week. */
export const saveMaterialization = intent("content.save_materialization", {
  version: 2,
  description: "Authorize an ingested file for use: it becomes READY and waits to be parsed.",
  sealable: true,
  input,
  output,
  events: {
    artifact_materialized: z.object({
      artifact_id: z.string(),
      artifact_type: z.literal("file"),
      pending_intent_id: z.string(),
    }),
  },
  target: { input: "file_id", artifactType: "file" },
})
  .step("verify_bytes", {
    run: async (ctx) => {
      const file = await ctx.artifacts.get(asId.artifact(ctx.input.file_id), "file");
      const [materialization] = file.materializations;
      if (materialization === undefined) throw noBytes(file);
      // Reading to the end is what checks the digest: nothing becomes READY whose bytes are not there whole.
      for await (const chunk of await ctx.artifacts.read(materialization)) {
        if (chunk.length > 0) ctx.signal.throwIfAborted();
      }
      return { sha256: materialization.sha256 };
    },
  })
  .step("authorize", {
    run: async (ctx) => {
      const fileId = asId.artifact(ctx.input.file_id);
      const file = await ctx.artifacts.get(fileId, "file");
      const { contracts } = ctx.steward;
      const contract = await contracts.get(file.data_classification, ctx.input.boundary_contract_id);
      // By its bytes: a file that was taken in twice has one agreement.
      if (contract.source_sha256 !== ctx.outputs.verify_bytes.sha256) {
        throw new RuntimeError(
          "boundary_contract.other_source",
          `The boundary contract ${contract.id} is about another file.`,
          { status: 422 },
        );
      }
      await ctx.artifacts.move(fileId, "READY");
      await contracts.authorizeMaterialization(file.data_classification, contract.id, {
        materializationType: "full_artifact",
        backingStore: "gcs",
      });
      const pending = newPendingIntent(ctx.ids.intent(), rfc3339(ctx.now()), {
        tenantId: ctx.tenantId,
        intentType: "content.parse_content",
        targetArtifactId: fileId,
        context: {},
        sessionId: ctx.sessionId,
        userId: ctx.intent.user_id,
        subjectId: file.subject_id,
      });
      ctx.state.put(pendingIntentKind, pending.intent_id, pending);
      ctx.emit("artifact_materialized", {
        artifact_id: fileId,
        artifact_type: "file",
        pending_intent_id: pending.intent_id,
      });
      return { pending_intent_id: pending.intent_id };
    },
    undo: (ctx) => ctx.steward.undo(),
  })
  .returns(({ input: { file_id, boundary_contract_id }, outputs }) => ({
    file_id,
    boundary_contract_id,
    lifecycle_state: "READY" as const,
    pending_intent_id: outputs.authorize.pending_intent_id,
  }));

function noBytes(file: Artifact): RuntimeError {
  return new RuntimeError("artifact.no_bytes", `The file ${file.artifact_id} has no bytes; ingest it again.`, {
    status: 409,
  });
}
