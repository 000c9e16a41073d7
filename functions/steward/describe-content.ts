import * as z from "zod";

import { jsonObject } from "../../shared/json.ts";
import { intent } from "../../shared/sagas/intent.ts";
import { contentId, dataClassification, id } from "./classification.ts";

const words = {
  title: z.string().min(1).max(255).optional(),
  description: z.string().max(4_000).optional(),
  tags: z.array(z.string().min(1).max(64)).max(100).optional(),
  attributes: jsonObject.optional(),
};

const change = z.discriminatedUnion("operation", [
  z.strictObject({ operation: z.literal("create"), content_id: contentId, file_id: id, ...words }),
  z.strictObject({ operation: z.literal("update"), content_id: contentId, ...words }),
  z.strictObject({ operation: z.literal("delete"), content_id: contentId }),
  z.strictObject({
    operation: z.literal("relate"),
    content_id: contentId,
    to: contentId,
    relation: z.string().regex(/^[a-z][a-z_]{0,63}$/, "must be 1 to 64 lower-case letters and _"),
  }),
]);

/** Says something of a file, of parsed or of semantic data, changes it, takes it back, or relates it to another's. */
export const describeContent = intent("steward.describe_content", {
  version: 1,
  description: "Create, update or delete what is said of content, or relate one content to another.",
  input: z.strictObject({ data_classification: dataClassification, change }),
  output: z.object({ content_id: z.string() }),
})
  .step("change", {
    run: async ({ input: { data_classification: kind, change: asked }, steward, state }) => {
      const content = await steward.content();
      const { refuseWordsOfSubject } = await import("../../shared/steward/subject-words.ts");
      await refuseWordsOfSubject(state, [asked.content_id, "file_id" in asked ? asked.file_id : null]);
      switch (asked.operation) {
        case "create": {
          const { operation: _, content_id, tags = [], attributes = {}, ...said } = asked;
          return content.create(kind, content_id, { ...said, tags, attributes });
        }
        case "update": {
          const { operation: _, content_id, ...said } = asked;
          return content.update(kind, content_id, said);
        }
        case "delete":
          return content.delete(kind, asked.content_id);
        case "relate":
          return content.relate(kind, { from: asked.content_id, to: asked.to, relation: asked.relation });
      }
    },
    undo: (ctx) => ctx.steward.undo(),
  })
  .returns(({ outputs }) => outputs.change);
