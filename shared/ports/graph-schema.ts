/**
 * The collections of the graph store and what each is indexed by, besides data_classification, tenant_id and both together.
 * Adapters make them as they are listed here; a listing by another field is refused.
 */
export const DOCUMENT_COLLECTIONS = {
  content_metadata: ["file_id"],
  structured_embeddings: ["content_id", "file_id", "semantic_id"],
  semantic_graph_nodes: ["content_id", "file_id", "entity_id"],
  governance_policies: [],
} as const satisfies Readonly<Record<string, readonly string[]>>;

export const EDGE_COLLECTIONS = {
  semantic_graph_edges: ["content_id", "file_id", "source_entity_id", "target_entity_id"],
  lineage: [],
} as const satisfies Readonly<Record<string, readonly string[]>>;

export type DocumentCollection = keyof typeof DOCUMENT_COLLECTIONS;
export type EdgeCollection = keyof typeof EDGE_COLLECTIONS;
export type GraphCollection = DocumentCollection | EdgeCollection;

/** The fields by which a collection can be listed. */
export type IndexedField<Collection extends GraphCollection> = Collection extends DocumentCollection
  ? (typeof DOCUMENT_COLLECTIONS)[Collection][number]
  : Collection extends EdgeCollection
    ? (typeof EDGE_COLLECTIONS)[Collection][number]
    : never;

const INDEXED: Readonly<Record<GraphCollection, readonly string[]>> = { ...DOCUMENT_COLLECTIONS, ...EDGE_COLLECTIONS };

export const GRAPH_COLLECTIONS: readonly GraphCollection[] = Object.keys(INDEXED) as GraphCollection[];

export function indexedFields(collection: GraphCollection): readonly string[] {
  return INDEXED[collection];
}

export function isEdgeCollection(collection: GraphCollection): collection is EdgeCollection {
  return Object.hasOwn(EDGE_COLLECTIONS, collection);
}
