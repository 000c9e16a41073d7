import type { DatabaseSync, StatementSync } from "node:sqlite";

/** Prepares each text once. For texts that are put together from few pieces: never with a value in them. */
export type Statements = (sql: string) => StatementSync;

export function createStatements(db: DatabaseSync): Statements {
  const prepared = new Map<string, StatementSync>();
  return (sql) => {
    const statement = prepared.get(sql) ?? db.prepare(sql);
    prepared.set(sql, statement);
    return statement;
  };
}
