import type { DataClassification } from "../data-classification.ts";
import type { GraphCollection, IndexedField } from "../ports/graph-schema.ts";
import type { GraphDocument } from "../ports/graph-store.ts";
import type { Page, PageRequest } from "../ports/paging.ts";
import type { GraphScope } from "./graph-scope.ts";

/** Which part of what content means: embeddings of texts and columns, entities, or relations between entities. */
export const SEMANTIC_PARTS = {
  embeddings: "structured_embeddings",
  entities: "semantic_graph_nodes",
  relations: "semantic_graph_edges",
} as const satisfies Readonly<Record<string, GraphCollection>>;
export type SemanticPart = keyof typeof SEMANTIC_PARTS;
type Fields = { readonly [Part in SemanticPart]: IndexedField<(typeof SEMANTIC_PARTS)[Part]> };

/** Of what: all of the class, or what an indexed field says. */
export type SemanticFilter = {
  readonly [Part in SemanticPart]: {
    readonly kind: Part;
    readonly by?: { readonly field: Fields[Part]; readonly value: string } | undefined;
  };
}[SemanticPart];

/** What is known of the meaning of platform or client data; vectors stay in the store. */
export class SemanticData {
  readonly #scope: GraphScope;

  constructor(scope: GraphScope) {
    this.#scope = scope;
  }

  async list(kind: DataClassification, filter: SemanticFilter, page: PageRequest): Promise<Page<GraphDocument>> {
    const scope = this.#scope.of(kind);
    const { graph } = this.#scope;
    switch (filter.kind) {
      case "embeddings":
        return graph.list(scope, SEMANTIC_PARTS.embeddings, filter.by, page);
      case "entities":
        return graph.list(scope, SEMANTIC_PARTS.entities, filter.by, page);
      case "relations":
        return graph.list(scope, SEMANTIC_PARTS.relations, filter.by, page);
    }
  }
}
