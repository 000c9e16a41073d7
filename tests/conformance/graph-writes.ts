import type { GraphWrite } from "../../shared/ports/graph-store.ts";

export const put = (key: string, fields = {}): GraphWrite => ({
  kind: "put",
  collection: "content_metadata",
  key,
  fields,
});
export const node = (key: string, fileId = "file_1"): GraphWrite => ({
  kind: "put",
  collection: "semantic_graph_nodes",
  key,
  fields: { file_id: fileId, entity_id: key },
});
export const link = (key: string, from: string, to: string, fields = {}): GraphWrite => ({
  kind: "link",
  collection: "semantic_graph_edges",
  key,
  from: { collection: "semantic_graph_nodes", key: from },
  to: { collection: "semantic_graph_nodes", key: to },
  fields,
});
export const embed = (key: string, vector: readonly number[], more: object = {}): GraphWrite => ({
  kind: "embed",
  key,
  fields: { embedding_model: "m1", embedding_kind: "meaning", file_id: "file_1", ...more },
  vector: Float32Array.from(vector),
});
