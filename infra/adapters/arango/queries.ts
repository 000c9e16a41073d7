import type { DataScope } from "../../../shared/data-classification.ts";

/**
 * Every AQL text that is ever sent, by name; values are bound, never written in. Each is asked for one class: a client's also by
 * its tenant, although no key of another scope could be met.
 */
const SCOPED = {
  list: `FOR d IN @@collection
    FILTER d._key > @after AND d._key < @end AND {SCOPE}
    SORT d._key LIMIT @limit RETURN UNSET(d, "vector", "replaced")`,
  list_by_field: `FOR d IN @@collection
    FILTER d.@field == @value AND d._key > @after AND d._key < @end AND {SCOPE}
    SORT d._key LIMIT @limit RETURN UNSET(d, "vector", "replaced")`,
  edges_out: `FOR d IN @@collection FILTER d._from == @vertex AND d._key > @after AND {SCOPE}
    SORT d._key LIMIT @limit RETURN UNSET(d, "replaced")`,
  edges_in: `FOR d IN @@collection FILTER d._to == @vertex AND d._key > @after AND {SCOPE}
    SORT d._key LIMIT @limit RETURN UNSET(d, "replaced")`,
  edges_both: `FOR d IN @@collection FILTER (d._from == @vertex OR d._to == @vertex) AND d._key > @after AND {SCOPE}
    SORT d._key LIMIT @limit RETURN UNSET(d, "replaced")`,
  edges_between: `FOR d IN @@collection FILTER d._from IN @vertices AND d._to IN @vertices AND {SCOPE}
    SORT d._key LIMIT @limit RETURN UNSET(d, "replaced")`,
  nearest: `LET scored = (
      FOR d IN structured_embeddings
        FILTER d.embedding_model == @model AND {SCOPE}
        FILTER @kind == null OR d.embedding_kind == @kind
        FILTER @file == null OR d.file_id == @file
        LIMIT @most
        RETURN { key: d._key, score: COSINE_SIMILARITY(d.vector, @vector) || 0 })
    LET best = (FOR s IN scored SORT s.score DESC, s.key LIMIT @limit
      RETURN { score: s.score, document: UNSET(DOCUMENT("structured_embeddings", s.key), "vector", "replaced") })
    RETURN { compared: LENGTH(scored), best }`,
  forget_by_file: `FOR d IN @@collection FILTER d.file_id == @file AND {SCOPE} REMOVE d IN @@collection RETURN OLD._id`,
  forget_edges_of: `FOR d IN @@collection FILTER (d._from IN @vertices OR d._to IN @vertices) AND {SCOPE}
    REMOVE d IN @@collection RETURN OLD._id`,
} as const;

/** Effects are of a tenant, whatever the class of what they wrote. */
const OF_TENANT = {
  drop_tombstones: `FOR d IN @@collection FILTER d.tenant_id == @owner AND d.ended_ms != null AND d.ended_ms < @before
    LIMIT @limit REMOVE d IN @@collection RETURN OLD._id`,
} as const;

/** A walk names its direction, which cannot be bound. Both ends of each edge come back: one of them is new. */
const walk = (direction: string): string => `FOR v, d, p IN 1..@depth ${direction} @start @@collection
    OPTIONS { order: "bfs", uniqueVertices: "global" }
    FILTER {SCOPE}
    LIMIT @limit RETURN { from: d._from, to: d._to, depth: LENGTH(p.edges) }`;

export const QUERIES = {
  ...SCOPED,
  ...OF_TENANT,
  walk_out: walk("OUTBOUND"),
  walk_in: walk("INBOUND"),
  walk_both: walk("ANY"),
} as const;
export type QueryName = keyof typeof QUERIES;

const CLIENT = `d.data_classification == "client" AND d.tenant_id == @tenant`;
const PLATFORM = `d.data_classification == "platform"`;

/** The text of a query for a scope, and what the scope binds. */
export function queryFor(name: QueryName, scope: DataScope): { readonly query: string; readonly bind: object } {
  const client = scope.dataClassification === "client";
  return {
    query: QUERIES[name].replaceAll("{SCOPE}", client ? CLIENT : PLATFORM),
    bind: client ? { tenant: scope.tenantId } : {},
  };
}
