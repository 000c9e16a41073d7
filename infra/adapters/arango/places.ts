import type { DataOwner, DataScope } from "../../../shared/data-classification.ts";
import { trustedTenantId } from "../../../shared/ids.ts";
import { type JsonObject, type JsonValue, sha256 } from "../../../shared/json.ts";
import type { DocumentCollection } from "../../../shared/ports/graph-schema.ts";
import { type GraphState, type GraphStates, placeOf, vectorText } from "../../../shared/ports/graph-states.ts";
import type { GraphDocument, Vertex } from "../../../shared/ports/graph-store.ts";

/** Effects and tombstones: besides the collections of the port, as every store of effects needs. */
export const EFFECTS = "effects";

const PREFIX_CHARS = 16;
const OWN_FIELDS = new Set([
  "_key",
  "_id",
  "_rev",
  "_from",
  "_to",
  "tenant_id",
  "data_classification",
  "effect",
  "replaced",
  "vector",
]);

/** A document as ArangoDB has it: its fields at the top, where the indexes are on them. */
export interface ArangoDocument {
  readonly _key: string;
  readonly _rev?: string;
  readonly _from?: string;
  readonly _to?: string;
  readonly tenant_id: string;
  readonly data_classification: DataOwner["dataClassification"];
  /** The step that wrote it. */
  readonly effect: string;
  /** Earlier states, for undo. */
  readonly replaced?: readonly GraphState[];
  readonly vector?: readonly number[];
  readonly [field: string]: unknown;
}

/** Every key begins with its scope's digest, so that a key of one scope names nothing in another. */
export function prefixOf(scope: DataScope): string {
  return `${sha256(placeOf(scope)).slice(0, PREFIX_CHARS)}:`;
}

export function arangoKey(scope: DataScope, key: string): string {
  return `${prefixOf(scope)}${key}`;
}

export function vertexId(scope: DataScope, { collection, key }: Vertex): string {
  return `${collection}/${arangoKey(scope, key)}`;
}

export function vertexOf(id: string): Vertex {
  const slash = id.indexOf("/");
  return { collection: id.slice(0, slash) as DocumentCollection, key: id.slice(slash + 1 + PREFIX_CHARS + 1) };
}

export function documentOf(document: ArangoDocument): GraphDocument {
  const { _key, _rev = "", _from, _to, tenant_id, data_classification } = document;
  return {
    key: _key.slice(PREFIX_CHARS + 1),
    revision: _rev,
    dataClassification: data_classification,
    tenantId: trustedTenantId(tenant_id),
    fields: fieldsOf(document),
    ...(_from === undefined ? {} : { from: vertexOf(_from) }),
    ...(_to === undefined ? {} : { to: vertexOf(_to) }),
  };
}

export function statesOf(document: ArangoDocument): GraphStates {
  const { effect, vector, replaced = [], _from, _to } = document;
  const now: GraphState = {
    effect,
    fields: fieldsOf(document),
    ...(vector === undefined ? {} : { vector: vectorText(Float32Array.from(vector)) }),
    ...(_from === undefined ? {} : { from: vertexOf(_from) }),
    ...(_to === undefined ? {} : { to: vertexOf(_to) }),
  };
  return [now, ...replaced];
}

/** What is written for the states of a document. */
export function arangoDocument(owner: DataOwner, scope: DataScope, key: string, states: GraphStates): ArangoDocument {
  const [{ effect, fields, vector, from, to }, ...replaced] = states;
  return {
    ...fields,
    _key: arangoKey(scope, key),
    tenant_id: owner.tenantId,
    data_classification: owner.dataClassification,
    effect,
    ...(replaced.length === 0 ? {} : { replaced }),
    ...(vector === undefined ? {} : { vector: [...floatsOf(vector)] }),
    ...(from === undefined ? {} : { _from: vertexId(scope, from) }),
    ...(to === undefined ? {} : { _to: vertexId(scope, to) }),
  };
}

function fieldsOf(document: ArangoDocument): JsonObject {
  const fields = Object.entries(document).filter(([name]) => !OWN_FIELDS.has(name));
  return Object.fromEntries(fields) as Readonly<Record<string, JsonValue>>;
}

function floatsOf(text: string): Float32Array {
  const bytes = Buffer.from(text, "base64");
  return new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength));
}
