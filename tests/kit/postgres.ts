import { randomUUID } from "node:crypto";

import postgres from "postgres";

import { migratePostgres } from "../../infra/schema/migrate-postgres.ts";
import { sharedPostgres } from "./parts.ts";

export interface TestDatabase extends AsyncDisposable {
  /** The superuser's. */
  readonly url: string;
}

/** A new database on the server that all tests share, with the project's tables unless told otherwise; it goes with the test. */
export async function openTestDatabase({ migrate = true } = {}): Promise<TestDatabase> {
  const server = await sharedPostgres();
  const name = `test_${randomUUID().replaceAll("-", "")}`;
  await onServer(server, `create database ${name}`);
  const url = `${server}/${name}`;
  if (migrate) await migratePostgres(url);
  return { url, [Symbol.asyncDispose]: () => onServer(server, `drop database ${name} with (force)`) };
}

async function onServer(server: string, statement: string): Promise<void> {
  const sql = postgres(`${server}/postgres`, { max: 1, fetch_types: false });
  await sql.unsafe(statement);
  await sql.end();
}
