import * as z from "zod";

import type { GraphWrite } from "../ports/graph-store.ts";

const evidence = z.object({ record: z.int(), start: z.int(), end: z.int() });

const embeddingItem = z.object({
  kind: z.literal("embedding"),
  key: z.string(),
  embedding_kind: z.enum(["metadata", "meaning", "samples", "text"]),
  embedding_model: z.string(),
  text: z.string(),
  column_name: z.string().optional(),
  column_type: z.string().optional(),
  column_position: z.int().optional(),
  record: z.int().optional(),
  /** 32-bit floats, little-endian, in base64. */
  vector: z.base64(),
});
const entityItem = z.object({
  kind: z.literal("entity"),
  key: z.string(),
  entity_id: z.string(),
  entity_type: z.string(),
  name: z.string(),
  /** How sure the rule is that found it; nobody has measured it. */
  confidence: z.number(),
  count: z.int(),
  evidence: z.array(evidence),
});
const relationItem = z.object({
  kind: z.literal("relation"),
  key: z.string(),
  relation: z.literal("co_occurs"),
  source_key: z.string(),
  target_key: z.string(),
  source_entity_id: z.string(),
  target_entity_id: z.string(),
  count: z.int(),
  evidence: z.array(evidence),
});

/** A line of an embeddings artifact: all that semantic processing found, before and beside the graph store. */
export const semanticItem = z.discriminatedUnion("kind", [embeddingItem, entityItem, relationItem]);
export type SemanticItem = z.infer<typeof semanticItem>;
export type Evidence = z.infer<typeof evidence>;

/** What every document of a source says. */
export interface SourceFields {
  readonly semantic_id: string;
  readonly content_id: string;
  readonly file_id: string;
  readonly trace_id: string;
}

/** How an item rests in the graph store. */
export function graphWriteOf(item: SemanticItem, source: SourceFields): GraphWrite {
  switch (item.kind) {
    case "embedding": {
      const { kind: _, key, vector, ...fields } = item;
      const bytes = Buffer.from(vector, "base64");
      const floats = new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength));
      return { kind: "embed", key, fields: { ...fields, ...source }, vector: floats };
    }
    case "entity": {
      const { kind: _, key, ...fields } = item;
      return { kind: "put", collection: "semantic_graph_nodes", key, fields: { ...fields, ...source } };
    }
    case "relation": {
      const { kind: _, key, source_key, target_key, ...fields } = item;
      return {
        kind: "link",
        collection: "semantic_graph_edges",
        key,
        from: { collection: "semantic_graph_nodes", key: source_key },
        to: { collection: "semantic_graph_nodes", key: target_key },
        fields: { ...fields, ...source },
      };
    }
  }
}
