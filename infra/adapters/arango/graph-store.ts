import type { Database } from "arangojs";

import type { DataScope } from "../../../shared/data-classification.ts";
import { EDGE_COLLECTIONS, GRAPH_COLLECTIONS, indexedFields } from "../../../shared/ports/graph-schema.ts";
import { graphUnavailable } from "../../../shared/ports/graph-states.ts";
import { type GraphDocument, type GraphStore, MAX_COMPARED, type Vertex } from "../../../shared/ports/graph-store.ts";
import { pageOf, readPosition } from "../../../shared/ports/page-cursor.ts";
import type { Page, PageRequest } from "../../../shared/ports/paging.ts";
import { answered, ARANGO, type ArangoOptions, errorNumber, openArango } from "./connection.ts";
import { createArangoEffects } from "./effects.ts";
import { type ArangoDocument, arangoKey, documentOf, EFFECTS, prefixOf, vertexId, vertexOf } from "./places.ts";
import { QUERIES, queryFor, type QueryName } from "./queries.ts";
import { setUpArango } from "./set-up.ts";
import { type Step, transact, type TransactDeps } from "./transact.ts";

const EDGES = Object.keys(EDGE_COLLECTIONS);
/** Above every character of a key. */
const AFTER_ALL_KEYS = "~";
/** Results come in one answer: the largest listing is a page. */
const BATCH = 10_000;
const DOCUMENT_KEY = /^[\w.:-]{1,200}$/;

/** Documents and edges in ArangoDB, over its HTTP API. */
export function createArangoGraphStore(options: ArangoOptions, deps: TransactDeps): GraphStore {
  const database = openArango(options, options.database);
  let closed = false;
  const ask = async <Result>(call: () => Promise<Result>): Promise<Result> => {
    if (closed) throw graphUnavailable(new Error("The store is closed."));
    return answered(call());
  };
  const run = async <Row>(name: QueryName, scope: DataScope, bind: object, step?: Step): Promise<Row[]> => {
    const { query, bind: scoped } = queryFor(name, scope);
    const send = () => database.query<Row>(query, { ...bind, ...scoped }, { batchSize: BATCH });
    return (await (step === undefined ? send() : step(send))).all();
  };

  const page = async (
    name: QueryName,
    scope: DataScope,
    bind: object,
    request: PageRequest,
  ): Promise<Page<GraphDocument>> => {
    const [after = ""] = readPosition(request.cursor, ["string"]) ?? [];
    const position = { after: arangoKey(scope, String(after)), limit: request.limit + 1 };
    const rows = await ask(() => run<ArangoDocument>(name, scope, { ...bind, ...position }));
    return pageOf(rows, request, documentOf, (row) => [documentOf(row).key]);
  };
  const end = (scope: DataScope) => ({ end: `${prefixOf(scope)}${AFTER_ALL_KEYS}` });

  const effects = createArangoEffects(database, deps);
  return {
    write: async (...write) => ask(() => effects.write(...write)),
    undo: async (...undo) => ask(() => effects.undo(...undo)),
    dropTombstones: async (tenantId, { beforeMs, limit }) =>
      ask(async () => {
        const bind = { "@collection": EFFECTS, owner: tenantId, before: beforeMs, limit };
        return (await (await database.query(QUERIES.drop_tombstones, bind, { batchSize: BATCH })).all()).length;
      }),
    setUp: async () => ask(() => setUpArango(openArango(options, "_system"), database)),

    get: async (scope, collection, key) => {
      if (!DOCUMENT_KEY.test(key)) return undefined;
      return ask(async () => {
        try {
          return documentOf(await database.collection<ArangoDocument>(collection).document(arangoKey(scope, key)));
        } catch (error) {
          if (errorNumber(error) === ARANGO.documentNotFound) return undefined;
          throw error;
        }
      });
    },

    list: async (scope, collection, filter, request) => {
      const bind = { "@collection": collection, ...end(scope) };
      return filter === undefined
        ? page("list", scope, bind, request)
        : page("list_by_field", scope, { ...bind, ...filter }, request);
    },

    edges: async (scope, collection, vertex, direction, request) =>
      page(`edges_${direction}`, scope, { "@collection": collection, vertex: vertexId(scope, vertex) }, request),

    traverse: async (scope, collection, start, { direction, depth, limit }) => {
      const from = vertexId(scope, start);
      const walked = { "@collection": collection, start: from, depth, limit };
      const rows = await ask(() => run<Walked>(`walk_${direction}`, scope, walked));
      const vertices = reachedBy(rows, from);
      const bind = { "@collection": collection, vertices: [from, ...vertices.keys()], limit };
      const edges = await ask(() => run<ArangoDocument>("edges_between", scope, bind));
      return {
        vertices: [...vertices].map(([id, at]): Vertex & { depth: number } => ({ ...vertexOf(id), depth: at })),
        edges: edges.map(documentOf),
      };
    },

    nearest: async (scope, { vector, embeddingModel, embeddingKind = null, fileId = null, limit }) => {
      const filter = { model: embeddingModel, kind: embeddingKind, file: fileId };
      const bind = { ...filter, vector: [...vector], most: MAX_COMPARED, limit };
      const [found] = await ask(() => run<Scored>("nearest", scope, bind));
      const { compared = 0, best = [] } = found ?? {};
      return {
        matches: best.map(({ score, document }) => ({ score: score ?? 0, document: documentOf(document) })),
        compared,
        complete: compared < MAX_COMPARED,
      };
    },

    forgetFile: async (scope, fileId) => ask(() => forgetFile(database, deps, { scope, fileId, run })),

    ping: async () => void (await ask(() => database.get())),
    close: () => {
      closed = true;
      database.close();
      return Promise.resolve();
    },
  };
}

interface Walked {
  readonly from: string;
  readonly to: string;
  readonly depth: number;
}
interface Scored {
  readonly compared: number;
  readonly best: readonly { readonly score: number | null; readonly document: ArangoDocument }[];
}

/** The vertices that each edge of a walk leads to: of its two ends the one that was not seen before. */
function reachedBy(rows: readonly Walked[], start: string): ReadonlyMap<string, number> {
  const reached = new Map<string, number>();
  for (const { from, to, depth } of rows) {
    const isKnown = (id: string): boolean => id === start || reached.has(id);
    const fresh = isKnown(from) ? to : from;
    if (!isKnown(fresh)) reached.set(fresh, depth);
  }
  return new Map([...reached].toSorted(([a, m], [b, n]) => m - n || (a < b ? -1 : 1)));
}

interface Forgetting {
  readonly scope: DataScope;
  readonly fileId: string;
  readonly run: <Row>(name: QueryName, scope: DataScope, bind: object, step: Step) => Promise<Row[]>;
}

async function forgetFile(database: Database, deps: TransactDeps, { scope, fileId, run }: Forgetting): Promise<number> {
  return transact(database, deps, GRAPH_COLLECTIONS, async (step) => {
    const gone = new Set<string>();
    for (const collection of GRAPH_COLLECTIONS.filter((each) => indexedFields(each).includes("file_id"))) {
      const bind = { "@collection": collection, file: fileId };
      for (const id of await run<string>("forget_by_file", scope, bind, step)) gone.add(id);
    }
    const vertices = [...gone];
    for (const collection of EDGES) {
      const bind = { "@collection": collection, vertices };
      for (const id of await run<string>("forget_edges_of", scope, bind, step)) gone.add(id);
    }
    return gone.size;
  });
}
