import type { DataOwner } from "../../../shared/data-classification.ts";
import { trustedTenantId } from "../../../shared/ids.ts";
import type { JsonObject } from "../../../shared/json.ts";
import type { DocumentCollection, GraphCollection } from "../../../shared/ports/graph-schema.ts";
import { isEdgeCollection } from "../../../shared/ports/graph-schema.ts";
import type { GraphState, GraphStates } from "../../../shared/ports/graph-states.ts";
import type { EmbeddingFields, GraphDocument, Vertex } from "../../../shared/ports/graph-store.ts";
import type { Statements } from "./statements.ts";

interface GraphRow {
  readonly key: string;
  readonly tenant_id: string;
  readonly data_classification: DataOwner["dataClassification"];
  readonly revision: number;
  readonly effect: string;
  readonly from_vertex?: string;
  readonly to_vertex?: string;
  readonly fields: string;
  readonly replaced: string;
}

/** The columns of a document that readers want; `replaced` is for writers. */
export function columnsOf(collection: GraphCollection): string {
  const ends = isEdgeCollection(collection) ? ", from_vertex, to_vertex" : "";
  return `key, tenant_id, data_classification, revision, effect, fields${ends}`;
}

export function documentOf(row: unknown): GraphDocument {
  const { key, tenant_id, data_classification, revision, fields, from_vertex, to_vertex } = row as GraphRow;
  return {
    key,
    revision: String(revision),
    dataClassification: data_classification,
    tenantId: trustedTenantId(tenant_id),
    fields: JSON.parse(fields) as JsonObject,
    ...(from_vertex === undefined ? {} : { from: vertexOf(from_vertex) }),
    ...(to_vertex === undefined ? {} : { to: vertexOf(to_vertex) }),
  };
}

export function vertexText({ collection, key }: Vertex): string {
  return `${collection}/${key}`;
}

export function vertexOf(text: string): Vertex {
  const slash = text.indexOf("/");
  return { collection: text.slice(0, slash) as DocumentCollection, key: text.slice(slash + 1) };
}

/** Where a document is. */
export interface Spot {
  readonly collection: GraphCollection;
  readonly place: string;
  readonly key: string;
}

/** Reading and writing of one document with all that is kept of it; inside the caller's transaction. */
export function createGraphRows(sql: Statements) {
  const vector = (place: string, key: string): string | undefined => {
    const row = sql("SELECT vector FROM vectors WHERE place = ? AND key = ?").get(place, key);
    return row === undefined ? undefined : Buffer.from(row["vector"] as Uint8Array).toString("base64");
  };

  const putVector = (place: string, key: string, { fields, vector: text }: GraphState): void => {
    if (text === undefined) return;
    const { embedding_model, embedding_kind, file_id } = fields as EmbeddingFields;
    sql("INSERT INTO vectors (place, key, model, kind, file_id, vector) VALUES (?, ?, ?, ?, ?, ?)").run(
      place,
      key,
      embedding_model,
      embedding_kind,
      file_id,
      Buffer.from(text, "base64"),
    );
  };

  const remove = ({ collection, place, key }: Spot): void => {
    if (collection === "structured_embeddings") {
      sql("DELETE FROM vectors WHERE place = ? AND key = ?").run(place, key);
    }
    sql(`DELETE FROM ${collection} WHERE place = ? AND key = ?`).run(place, key);
  };

  return {
    remove,

    read: ({
      collection,
      place,
      key,
    }: Spot): { readonly revision: string; readonly states: GraphStates; readonly owner: DataOwner } | undefined => {
      const found = sql(`SELECT ${columnsOf(collection)}, replaced FROM ${collection} WHERE place = ? AND key = ?`);
      const row = found.get(place, key) as GraphRow | undefined;
      if (row === undefined) return undefined;
      const { fields, from, to, tenantId, dataClassification } = documentOf(row);
      const now: GraphState = {
        effect: row.effect,
        fields,
        from,
        to,
        vector: collection === "structured_embeddings" ? vector(place, key) : undefined,
      };
      const replaced = JSON.parse(row.replaced) as GraphState[];
      return {
        revision: String(row.revision),
        states: [now, ...replaced],
        owner: { tenantId, dataClassification },
      };
    },

    write: (spot: Spot, [now, ...replaced]: GraphStates, owner: DataOwner, revision: number): void => {
      const { collection, place, key } = spot;
      remove(spot);
      const ends =
        now.from === undefined || now.to === undefined ? [] : ([vertexText(now.from), vertexText(now.to)] as const);
      sql(
        `INSERT INTO ${collection} (place, ${columnsOf(collection)}, replaced) VALUES (?, ?, ?, ?, ?, ?, ?, ${ends.map(() => "?, ").join("")}?)`,
      ).run(
        place,
        key,
        owner.tenantId,
        owner.dataClassification,
        revision,
        now.effect,
        JSON.stringify(now.fields),
        ...ends,
        JSON.stringify(replaced),
      );
      putVector(place, key, now);
    },
  };
}
