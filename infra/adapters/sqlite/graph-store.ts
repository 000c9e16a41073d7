import {
  EDGE_COLLECTIONS,
  type EdgeCollection,
  GRAPH_COLLECTIONS,
  type GraphCollection,
  indexedFields,
} from "../../../shared/ports/graph-schema.ts";
import { placeOf } from "../../../shared/ports/graph-states.ts";
import type { Direction, GraphStore, Vertex } from "../../../shared/ports/graph-store.ts";
import { pageOf, readPosition } from "../../../shared/ports/page-cursor.ts";
import type { Page, PageRequest } from "../../../shared/ports/paging.ts";
import { fieldExpression, inTransaction, onDatabase, openGraphDatabase, setUpTables } from "./graph-database.ts";
import { createGraphEffects } from "./graph-effects.ts";
import { columnsOf, documentOf, vertexOf, vertexText } from "./graph-rows.ts";
import { createGraphSearch } from "./graph-search.ts";
import { createStatements } from "./statements.ts";

/** The most rows that a traversal looks at: vertices that are reached by several depths count several times. */
const MAX_WALKED = 10_000;

/** Documents and edges in a SQLite file, which several processes may share, or in `:memory:`. */
export function createSqliteGraphStore(path: string): GraphStore {
  const db = openGraphDatabase(path);
  // A file that is opened is ready for use; whoever sets it up hears what opening it made.
  let made = setUpTables(db);
  const sql = createStatements(db);

  const page = <Item>(
    collection: GraphCollection,
    where: string,
    values: readonly string[],
    request: PageRequest,
  ): Page<Item> => {
    const [after = ""] = readPosition(request.cursor, ["string"]) ?? [];
    const select = `SELECT ${columnsOf(collection)} FROM ${collection} WHERE ${where} AND key > ? ORDER BY key LIMIT ?`;
    const rows = sql(select).all(...values, after, request.limit + 1);
    return pageOf(rows, request, documentOf as (row: unknown) => Item, (row) => [String(row["key"])]);
  };

  const walk = (place: string, collection: EdgeCollection, start: Vertex, direction: Direction, depth: number) => {
    const step = (from: string, to: string) =>
      `SELECT e.${to}, walk.depth + 1 FROM walk JOIN ${collection} e ON e.place = ? AND e.${from} = walk.vertex WHERE walk.depth < ?`;
    const steps = {
      out: [step("from_vertex", "to_vertex")],
      in: [step("to_vertex", "from_vertex")],
      both: [step("from_vertex", "to_vertex"), step("to_vertex", "from_vertex")],
    }[direction];
    const select = `WITH RECURSIVE walk (vertex, depth) AS (VALUES (?, 0) UNION ${steps.join(" UNION ")} LIMIT ${MAX_WALKED})
      SELECT vertex, min(depth) AS depth FROM walk WHERE vertex <> ? GROUP BY vertex ORDER BY 2, 1 LIMIT ?`;
    const from = vertexText(start);
    return (limit: number) => sql(select).all(from, ...steps.flatMap(() => [place, depth]), from, limit);
  };

  return {
    setUp: async () => {
      const told = [...made, ...setUpTables(db)];
      made = [];
      return Promise.resolve(told);
    },
    ...createGraphEffects(db, sql),
    ...createGraphSearch(sql),

    get: async (scope, collection, key) =>
      Promise.resolve(
        onDatabase(() => {
          const select = sql(`SELECT ${columnsOf(collection)} FROM ${collection} WHERE place = ? AND key = ?`);
          const row = select.get(placeOf(scope), key);
          return row === undefined ? undefined : documentOf(row);
        }),
      ),

    list: async (scope, collection, filter, request) =>
      Promise.resolve(
        onDatabase(() => {
          const where = filter === undefined ? "" : ` AND ${fieldExpression(filter.field)} = ?`;
          const values = [placeOf(scope), ...(filter === undefined ? [] : [filter.value])];
          return page(collection, `place = ?${where}`, values, request);
        }),
      ),

    edges: async (scope, collection, vertex, direction, request) =>
      Promise.resolve(
        onDatabase(() => {
          const ends = { out: ["from_vertex"], in: ["to_vertex"], both: ["from_vertex", "to_vertex"] }[direction];
          const where = `place = ? AND (${ends.map((end) => `${end} = ?`).join(" OR ")})`;
          return page(collection, where, [placeOf(scope), ...ends.map(() => vertexText(vertex))], request);
        }),
      ),

    traverse: async (scope, collection, start, { direction, depth, limit }) =>
      Promise.resolve(
        onDatabase(() => {
          const place = placeOf(scope);
          const reached = walk(place, collection, start, direction, depth)(limit);
          const vertices = reached.map((row) => ({ ...vertexOf(String(row["vertex"])), depth: Number(row["depth"]) }));
          const among = JSON.stringify([start, ...vertices].map(vertexText));
          const between = `place = ? AND from_vertex IN (SELECT value FROM json_each(?)) AND to_vertex IN (SELECT value FROM json_each(?))`;
          const { items } = page<ReturnType<typeof documentOf>>(collection, between, [place, among, among], { limit });
          return { vertices, edges: items };
        }),
      ),

    forgetFile: async (scope, fileId) => {
      const place = placeOf(scope);
      const forgotten = inTransaction(db, () => {
        let removed = 0;
        sql("DELETE FROM vectors WHERE place = ? AND file_id = ?").run(place, fileId);
        for (const collection of GRAPH_COLLECTIONS.filter((each) => indexedFields(each).includes("file_id"))) {
          const gone = sql(
            `DELETE FROM ${collection} WHERE place = ? AND ${fieldExpression("file_id")} = ? RETURNING key`,
          ).all(place, fileId);
          removed += gone.length;
          const ends = JSON.stringify(gone.map(({ key }) => `${collection}/${String(key)}`));
          for (const edges of Object.keys(EDGE_COLLECTIONS)) {
            for (const end of ["from_vertex", "to_vertex"]) {
              removed += Number(
                sql(`DELETE FROM ${edges} WHERE place = ? AND ${end} IN (SELECT value FROM json_each(?))`).run(
                  place,
                  ends,
                ).changes,
              );
            }
          }
        }
        return removed;
      });
      return Promise.resolve(forgotten);
    },

    ping: async () => {
      onDatabase(() => db.prepare("SELECT 1").get());
      return Promise.resolve();
    },
    close: async () => {
      if (db.isOpen) db.close();
      return Promise.resolve();
    },
  };
}
