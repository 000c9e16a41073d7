import { RuntimeError } from "../errors.ts";
import type { JsonObject } from "../json.ts";
import type { DataScope } from "../data-classification.ts";
import { type GraphEffect, type GraphWrite, MAX_GRAPH_WRITES, type Vertex } from "./graph-store.ts";

/** How many earlier states of a document are kept for undo. */
const MAX_REPLACED = 8;
const KEY = /^[\w.:-]{1,200}$/;
const MAX_PART_CHARS = 64;

/** A state of a document or an edge, and the effect that brought it about. */
export interface GraphState {
  readonly effect: string;
  readonly fields: JsonObject;
  /** Of an embedding: 32-bit floats, little-endian, in base64. */
  readonly vector?: string | undefined;
  readonly from?: Vertex | undefined;
  readonly to?: Vertex | undefined;
}

/** All that is kept of a document, the newest state first. */
export type GraphStates = readonly [GraphState, ...GraphState[]];

/** The states after a write: what was there before is kept for its undo. */
export function withState(before: GraphStates | undefined, next: GraphState): GraphStates {
  return [next, ...(before ?? []).slice(0, MAX_REPLACED)];
}

/** The states as if the effect had never been; undefined when nothing remains. */
export function withoutEffect(states: GraphStates, effect: string): GraphStates | undefined {
  const [first, ...rest] = states.filter((state) => state.effect !== effect);
  return first === undefined ? undefined : [first, ...rest];
}

/** The state that a write wants; undefined for a removal. */
export function stateOf(write: GraphWrite, effect: string): GraphState | undefined {
  switch (write.kind) {
    case "put":
      return { effect, fields: write.fields };
    case "embed":
      return { effect, fields: write.fields, vector: vectorText(write.vector) };
    case "link":
      return { effect, fields: write.fields, from: write.from, to: write.to };
    case "remove":
      return undefined;
  }
}

export function vectorText(vector: Float32Array): string {
  return Buffer.from(vector.buffer, vector.byteOffset, vector.byteLength).toString("base64");
}

/** Where in a store a scope's documents are: one text for each, no two alike. */
export function placeOf(scope: DataScope): string {
  return scope.dataClassification === "client" ? `client/${scope.tenantId}` : "platform";
}

/** Throws `graph.too_many_writes` or `graph.bad_key` (422) for writes that no store takes. */
export function checkWrites(effect: GraphEffect, writes: readonly GraphWrite[]): void {
  if (effect.part === "" || effect.part.length > MAX_PART_CHARS) throw badKey(effect.part);
  if (writes.length > MAX_GRAPH_WRITES) {
    throw new RuntimeError(
      "graph.too_many_writes",
      `One effect writes at most ${MAX_GRAPH_WRITES} documents and edges, not ${writes.length}.`,
      { status: 422, details: { writes: writes.length, most: MAX_GRAPH_WRITES } },
    );
  }
  for (const write of writes) {
    const keys = write.kind === "link" ? [write.key, write.from.key, write.to.key] : [write.key];
    const bad = keys.find((key) => !KEY.test(key));
    if (bad !== undefined) throw badKey(bad);
  }
}

export function graphUnavailable(cause: unknown): RuntimeError {
  return new RuntimeError("graph_store.unavailable", "The graph store cannot be used right now; try again.", {
    status: 503,
    retryable: true,
    cause,
  });
}

function badKey(key: string): RuntimeError {
  return new RuntimeError("graph.bad_key", `${JSON.stringify(key.slice(0, 80))} is no key of the graph store.`, {
    status: 422,
  });
}
