import * as z from "zod";

import { jsonValue } from "../../shared/json.ts";
import type { GraphDocument } from "../../shared/ports/graph-store.ts";
import type { Page } from "../../shared/ports/paging.ts";
import { intent } from "../../shared/sagas/intent.ts";
import { contentId, dataClassification, id, page, pageJson } from "./classification.ts";

const by = <const Field extends string>(...fields: readonly [Field, ...Field[]]) =>
  z
    .strictObject({ field: z.enum(fields), value: id })
    .optional()
    .describe("only what has this; all of the class without");

const target = z.discriminatedUnion("kind", [
  z.strictObject({ kind: z.literal("files") }),
  z.strictObject({ kind: z.literal("parsed"), file_id: id.optional() }),
  z.strictObject({ kind: z.literal("embeddings"), by: by("semantic_id", "file_id", "content_id") }),
  z.strictObject({ kind: z.literal("entities"), by: by("file_id", "content_id", "entity_id") }),
  z.strictObject({
    kind: z.literal("relations"),
    by: by("file_id", "content_id", "source_entity_id", "target_entity_id"),
  }),
  z.strictObject({
    kind: z.literal("content"),
    content_id: contentId.optional(),
    file_id: id.optional(),
    words: z.string().max(255).optional().describe("of its title, description or tags, whatever their case"),
  }),
  z.strictObject({
    kind: z.literal("relationships"),
    content_id: contentId,
    direction: z.enum(["in", "out", "both"]).default("both"),
  }),
]);

/** Answers what there is of one class: files, parsed data, what it means, and what is said of it. */
export const query = intent("steward.query", {
  version: 1,
  description: "Query files, parsed data, embeddings, the semantic graph, and content metadata with its relationships.",
  input: z.strictObject({ data_classification: dataClassification, target, ...page }),
  output: z.object({
    items: z.array(jsonValue),
    next_cursor: z.string().optional().describe("a page may be short, and others come after it"),
  }),
  checkpoint: "ends",
})
  .step("query", {
    run: async ({ input: { data_classification: kind, target: asked, limit, cursor }, steward }) => {
      const at = { limit, cursor };
      const [content, semantics] = await Promise.all([steward.content(), steward.semantics()]);
      const list = async (): Promise<Page<unknown>> => {
        switch (asked.kind) {
          case "files":
            return kind === "platform" ? steward.files.listPlatformFiles(at) : steward.files.listClientFiles(at);
          case "parsed":
            return steward.parsed.list(kind, at, asked.file_id);
          case "embeddings":
          case "entities":
          case "relations":
            return documents(await semantics.list(kind, asked, at));
          case "content": {
            const { content_id, file_id: fileId, words } = asked;
            if (content_id !== undefined) return { items: [await content.get(kind, content_id)] };
            return content.search(kind, { fileId, words }, at);
          }
          case "relationships":
            return content.relationships(kind, asked.content_id, asked.direction, at);
        }
      };
      return pageJson(await list());
    },
  })
  .returns(({ outputs }) => outputs.query);

function documents({ items, ...rest }: Page<GraphDocument>): Page<unknown> {
  const flat = items.map(({ key, from, to, fields }) => ({
    key,
    ...fields,
    ...(from === undefined ? {} : { from: from.key }),
    ...(to === undefined ? {} : { to: to.key }),
  }));
  return { ...rest, items: flat };
}
