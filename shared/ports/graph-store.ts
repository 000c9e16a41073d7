import type { DataOwner, DataScope } from "../data-classification.ts";
import type { TenantId } from "../ids.ts";
import type { JsonObject } from "../json.ts";
import type { DocumentCollection, EdgeCollection, GraphCollection, IndexedField } from "./graph-schema.ts";
import { writeCursor } from "./page-cursor.ts";
import type { Page, PageRequest } from "./paging.ts";

/**
 * Documents and edges between them, by tenant and classification.
 *
 *  GS1  What one write changes is changed together with the record of its effect, or not at all.
 *  GS2  An effect is applied once, however often it is written; after its undo it is refused, also when it comes late.
 *  GS3  Undo removes what the effect inserted and gives back what it replaced, unless somebody has written over it since.
 *  GS4  A scope shows its own data: another tenant's, or the other class's, is not there.
 *  GS5  A store that does not answer is `graph_store.unavailable` (503, retryable); nothing takes its place.
 */
export interface GraphStore {
  /** Makes the collections and indexes that are missing; returns the names of what it made, none when all was there. */
  setUp(): Promise<readonly string[]>;
  /**
   * Applies the writes as one effect, in their order. At most 10,000, or `graph.too_many_writes` (422).
   * `conflict`: a document is not at the revision that its writer saw, and nothing was written.
   * Throws `effect.refused` (409) when the effect's key was undone.
   */
  write(owner: DataOwner, effect: GraphEffect, writes: readonly GraphWrite[]): Promise<GraphOutcome>;
  /** Undoes all parts of the effects of a key, or buries it when there are none. Twice is once. */
  undo(tenantId: TenantId, effectKey: string, atMs: number): Promise<"undone" | "buried">;
  /** Drops tombstones of a tenant that undo left before a time, at most `limit`; returns how many. GS2 ends for their keys. */
  dropTombstones(tenantId: TenantId, old: { readonly beforeMs: number; readonly limit: number }): Promise<number>;
  get(scope: DataScope, collection: GraphCollection, key: string): Promise<GraphDocument | undefined>;
  /** By key, in the order of the keys; all, or those whose indexed field has the value. `afterKey` is a cursor too. */
  list<Collection extends GraphCollection>(
    scope: DataScope,
    collection: Collection,
    filter: { readonly field: IndexedField<Collection>; readonly value: string } | undefined,
    page: PageRequest,
  ): Promise<Page<GraphDocument>>;
  /** The edges of a vertex, by key; `both` tells a loop once. */
  edges(
    scope: DataScope,
    collection: EdgeCollection,
    vertex: Vertex,
    direction: Direction,
    page: PageRequest,
  ): Promise<Page<GraphDocument>>;
  /** What can be reached from a vertex, nearest first, and the edges between what was found. */
  traverse(scope: DataScope, collection: EdgeCollection, start: Vertex, reach: Reach): Promise<Surroundings>;
  /**
   * The embeddings of a model that are nearest by cosine, best first. Every embedding that the filter leaves is compared, up to
   * 100,000; `complete` says whether there were more. Equal scores are ordered by key.
   */
  nearest(scope: DataScope, query: NearestQuery): Promise<Nearest>;
  /** Removes all that was stored of a file, for good: documents, edges, vectors and what they replaced. Returns how many. */
  forgetFile(scope: DataScope, fileId: string): Promise<number>;
  ping(): Promise<void>;
  close(): Promise<void>;
}

/** The cursor of a listing that goes on after a key. */
export function afterKey(key: string): string {
  return writeCursor([key]);
}

/** Most writes of one effect. */
export const MAX_GRAPH_WRITES = 10_000;
/** Most embeddings that one search compares. */
export const MAX_COMPARED = 100_000;

/** Under which step's key a write happens; a step that writes several times names the parts. */
export interface GraphEffect {
  readonly key: string;
  readonly part: string;
}

/** A document by its collection and key, within the scope that it is looked at from. */
export interface Vertex {
  readonly collection: DocumentCollection;
  readonly key: string;
}

/** Keys are of 1 to 200 letters, digits, `_`, `-`, `.`, `:`; anything else is `graph.bad_key` (422). */
export type GraphWrite =
  | {
      readonly kind: "put";
      readonly collection: DocumentCollection;
      readonly key: string;
      readonly fields: JsonObject;
      readonly expected?: ExpectedRevision;
    }
  | {
      readonly kind: "embed";
      readonly key: string;
      readonly fields: EmbeddingFields;
      readonly vector: Float32Array;
    }
  | {
      readonly kind: "link";
      readonly collection: EdgeCollection;
      readonly key: string;
      readonly from: Vertex;
      readonly to: Vertex;
      readonly fields: JsonObject;
      readonly expected?: ExpectedRevision;
    }
  /** For good: no undo brings it back. */
  | { readonly kind: "remove"; readonly collection: GraphCollection; readonly key: string };

/** What the writer saw; without it the last writer wins. */
export type ExpectedRevision = "absent" | { readonly revision: string };

/** What embeddings are found by, and whatever else there is to say of them. */
export interface EmbeddingFields extends JsonObject {
  readonly embedding_model: string;
  readonly embedding_kind: string;
  readonly file_id: string;
}

export type GraphOutcome =
  | { readonly outcome: "applied" | "applied_before" }
  | { readonly outcome: "conflict"; readonly collection: GraphCollection; readonly key: string };

/** A document or an edge as it is stored; vectors stay in the store. */
export interface GraphDocument {
  readonly key: string;
  /** Changes with every write. */
  readonly revision: string;
  readonly dataClassification: DataOwner["dataClassification"];
  readonly tenantId: DataOwner["tenantId"];
  readonly fields: JsonObject;
  /** Of edges. */
  readonly from?: Vertex;
  readonly to?: Vertex;
}

export type Direction = "in" | "out" | "both";

export interface Reach {
  readonly direction: Direction;
  /** 1 to 10. */
  readonly depth: number;
  /** Most vertices, and most edges, that are returned; 1 to 1,000. */
  readonly limit: number;
}

export interface Surroundings {
  readonly vertices: readonly (Vertex & { readonly depth: number })[];
  readonly edges: readonly GraphDocument[];
}

export interface NearestQuery {
  readonly vector: Float32Array;
  readonly embeddingModel: string;
  readonly embeddingKind?: string | undefined;
  readonly fileId?: string | undefined;
  readonly limit: number;
}

export interface Nearest {
  readonly matches: readonly { readonly score: number; readonly document: GraphDocument }[];
  readonly compared: number;
  readonly complete: boolean;
}
