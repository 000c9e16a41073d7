import { mkdirSync } from "node:fs";
import { dirname } from "node:path";
import { DatabaseSync } from "node:sqlite";

import {
  GRAPH_COLLECTIONS,
  type GraphCollection,
  indexedFields,
  isEdgeCollection,
} from "../../../shared/ports/graph-schema.ts";
import { graphUnavailable } from "../../../shared/ports/graph-states.ts";
import { storeError } from "./group-commit.ts";

/**
 * A table for each collection; `place` is the scope that a document is found in and begins each key and index, so that no
 * statement can leave it out. Vectors lie by themselves: a search reads them all and nothing else.
 */
const OWN_TABLES: readonly (readonly [string, string])[] = [
  [
    "effects",
    `CREATE TABLE effects (
       tenant_id TEXT NOT NULL, effect TEXT NOT NULL, part TEXT NOT NULL, state TEXT NOT NULL, touched TEXT NOT NULL,
       PRIMARY KEY (tenant_id, effect, part)
     ) STRICT, WITHOUT ROWID`,
  ],
  [
    "tombstones",
    `CREATE TABLE tombstones (
       tenant_id TEXT NOT NULL, at_ms INTEGER NOT NULL, effect TEXT NOT NULL, PRIMARY KEY (tenant_id, at_ms, effect)
     ) STRICT, WITHOUT ROWID`,
  ],
  ["revisions", "CREATE TABLE revisions (only INTEGER PRIMARY KEY CHECK (only = 1), latest INTEGER NOT NULL) STRICT"],
  [
    "vectors",
    `CREATE TABLE vectors (
       place TEXT NOT NULL, key TEXT NOT NULL, model TEXT NOT NULL, kind TEXT NOT NULL, file_id TEXT NOT NULL,
       vector BLOB NOT NULL
     ) STRICT`,
  ],
  ["vectors_by_key", "CREATE UNIQUE INDEX vectors_by_key ON vectors (place, key)"],
  ["vectors_of_model", "CREATE INDEX vectors_of_model ON vectors (place, model, key)"],
  ["vectors_by_file", "CREATE INDEX vectors_by_file ON vectors (place, file_id)"],
];

/** Opens the file, or a private database in memory for `:memory:`; its tables are made by `setUpTables`. */
export function openGraphDatabase(path: string): DatabaseSync {
  if (path !== ":memory:") mkdirSync(dirname(path), { recursive: true });
  const db = new DatabaseSync(path);
  db.exec("PRAGMA busy_timeout = 5000; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;");
  return db;
}

/** Makes what is missing, and returns its names. */
export function setUpTables(db: DatabaseSync): readonly string[] {
  return inTransaction(db, () => {
    const there = new Set(
      db
        .prepare("SELECT name FROM sqlite_schema")
        .all()
        .map(({ name }) => String(name)),
    );
    const missing = [...OWN_TABLES, ...GRAPH_COLLECTIONS.flatMap(tablesOf)].filter(([name]) => !there.has(name));
    for (const [, sql] of missing) db.exec(sql);
    db.exec("INSERT OR IGNORE INTO revisions (only, latest) VALUES (1, 0)");
    return missing.map(([name]) => name);
  });
}

/** How a listing by an indexed field finds it; the indexes are on the same words. */
export function fieldExpression(field: string): string {
  return `json_extract(fields, '$.${field}')`;
}

function tablesOf(collection: GraphCollection): (readonly [string, string])[] {
  const ends = isEdgeCollection(collection) ? "from_vertex TEXT NOT NULL, to_vertex TEXT NOT NULL," : "";
  const table = `CREATE TABLE ${collection} (
    place TEXT NOT NULL, key TEXT NOT NULL, tenant_id TEXT NOT NULL,
    data_classification TEXT NOT NULL CHECK (data_classification IN ('platform', 'client')),
    revision INTEGER NOT NULL, effect TEXT NOT NULL, ${ends} fields TEXT NOT NULL, replaced TEXT NOT NULL,
    PRIMARY KEY (place, key),
    CHECK (place = CASE data_classification WHEN 'client' THEN 'client/' || tenant_id ELSE 'platform' END)
  ) STRICT, WITHOUT ROWID`;
  const index = (name: string, columns: string) =>
    [
      `${collection}_by_${name}`,
      `CREATE INDEX ${collection}_by_${name} ON ${collection} (place, ${columns}, key)`,
    ] as const;
  return [
    [collection, table],
    ...indexedFields(collection).map((field) => index(field, fieldExpression(field))),
    ...(ends === "" ? [] : [index("from_vertex", "from_vertex"), index("to_vertex", "to_vertex")]),
  ];
}

/** One transaction, on the disk when this returns. Throws `graph_store.unavailable` when the file cannot be used. */
export function inTransaction<Result>(db: DatabaseSync, work: () => Result): Result {
  return onDatabase(() => {
    db.exec("BEGIN IMMEDIATE");
    try {
      const result = work();
      db.exec("COMMIT");
      return result;
    } catch (error) {
      if (db.isOpen && db.isTransaction) db.exec("ROLLBACK");
      throw error;
    }
  });
}

export function onDatabase<Result>(work: () => Result): Result {
  try {
    return work();
  } catch (error) {
    const told = storeError(error);
    throw told === error ? error : graphUnavailable(error);
  }
}
