import * as z from "zod";

import { type Artifact, type Materialization, materializationSchema } from "../artifacts/artifact.ts";
import { readyParsed } from "../artifacts/ready-parsed.ts";
import { RuntimeError } from "../errors.ts";
import type { ArtifactId } from "../ids.ts";
import type { StepContext } from "../sagas/step-context.ts";
import type { ProcessingSummary, SemanticFocus } from "../semantic/process-content.ts";
import { readItems, writeItems } from "../semantic/item-lines.ts";
import { semanticSource } from "../semantic/semantic-source.ts";

/** The stages of semantic processing, for every intent whose steps they are. */
type Ctx = Pick<StepContext<never, never>, "artifacts" | "tables" | "semantic" | "steward" | "trace">;

export const processingSummary = z.object({
  embedding_model: z.string(),
  embeddings: z.int(),
  entities: z.int(),
  relations: z.int(),
  sampled_records: z.int(),
  truncated: z.boolean(),
});

/** Finds what parsed data means, and keeps it as the bytes of the embeddings artifact that is to be. */
export async function processParsed(
  ctx: Ctx,
  parsedFileId: string,
  semanticId: ArtifactId,
  focus: SemanticFocus = {},
): Promise<{ readonly materialization: Materialization; readonly summary: ProcessingSummary }> {
  const parsed = await readyParsed(ctx.artifacts, parsedFileId);
  const items = ctx.semantic.process(parsed, semanticId, ctx.tables.rows(parsed), focus);
  let summary: ProcessingSummary | undefined;
  const lines = writeItems(items, (found) => {
    summary = found;
  });
  const embeddings = { artifact_id: semanticId, artifact_type: "embeddings" };
  const form = { format: "jsonl", contentType: "application/x-ndjson" };
  const materialization = await ctx.artifacts.keep(embeddings, form, lines);
  if (summary === undefined) throw new RuntimeError("semantic.unread", "What was found was not written to its end.");
  return { materialization, summary };
}

/** Stores what was found in the semantic layer, and that it came of the parsed data; both are undone by `ctx.semantic.undo()`. */
export async function storeItems(
  ctx: Ctx,
  parsedFileId: string,
  semanticId: string,
  materialization: unknown,
): Promise<{ readonly documents: number }> {
  const parsed = await readyParsed(ctx.artifacts, parsedFileId);
  const bytes = await ctx.artifacts.read(materializationSchema.parse(materialization));
  const source = semanticSource(parsed, semanticId, ctx.trace.traceId);
  const stored = await ctx.semantic.store(source, readItems(bytes));
  await ctx.steward.governance.trackLineage(source.dataClassification, [
    { from: source.contentId, to: semanticId, relation: "understood_as", fileId: source.fileId },
  ]);
  return stored;
}

/** What is to be said of an embeddings artifact. */
export function embeddingsDraft(parsed: Artifact, semanticId: ArtifactId) {
  return {
    artifact_id: semanticId,
    artifact_type: "embeddings",
    parent_artifacts: [parsed.artifact_id],
    semantic_descriptor: { schema: "semantic_items" },
    data_classification: parsed.data_classification,
    metadata: { ui_name: parsed.metadata["ui_name"] ?? "", embedding_type: "semantic" },
  };
}
