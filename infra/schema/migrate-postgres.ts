import { readdir, readFile } from "node:fs/promises";
import path from "node:path";

import postgres from "postgres";

import { RuntimeError } from "../../shared/errors.ts";
import { sha256 } from "../../shared/json.ts";

const FOLDER = path.join(import.meta.dirname, "postgres");
/** Any number will do, as long as every version of this program locks the same one. */
const LOCK = 7_296_451;

export interface MigrationReport {
  readonly applied: readonly string[];
  readonly present: readonly string[];
}

interface Migration {
  readonly name: string;
  readonly text: string;
  readonly checksum: string;
}

/**
 * Brings a database up to the migrations in infra/schema/postgres: all that are missing, in one transaction, under a lock that others
 * who do the same wait for. Throws `migration.changed` for a database that had another text of one, and `migration.unknown` for
 * one that newer software migrated.
 */
export async function migratePostgres(url: string): Promise<MigrationReport> {
  const migrations = await readMigrations();
  const sql = postgres(url, { max: 1, prepare: false, fetch_types: false, onnotice: () => undefined });
  try {
    return await sql.begin(async (tx) => {
      // Of the transaction, because behind a pooler the session is not ours.
      await tx`select pg_advisory_xact_lock(${LOCK})`;
      await tx.unsafe(`create schema if not exists symphainy;
        create table if not exists symphainy.migrations (
          name text primary key, checksum text not null, applied_at timestamptz not null default now());`);
      const rows = await tx<{ name: string; checksum: string }[]>`select name, checksum from symphainy.migrations`;
      const known = new Map(rows.map(({ name, checksum }) => [name, checksum]));
      refuseForeign(migrations, known);
      const missing = migrations.filter(({ name }) => !known.has(name));
      for (const { name, text, checksum } of missing) {
        await tx.unsafe(text);
        await tx`insert into symphainy.migrations (name, checksum) values (${name}, ${checksum})`;
      }
      return { applied: missing.map(({ name }) => name), present: [...known.keys()].toSorted() };
    });
  } finally {
    await sql.end();
  }
}

async function readMigrations(): Promise<readonly Migration[]> {
  const names = (await readdir(FOLDER)).filter((name) => name.endsWith(".sql")).toSorted();
  return Promise.all(
    names.map(async (name) => {
      const text = await readFile(path.join(FOLDER, name), "utf8");
      return { name, text, checksum: sha256(text) };
    }),
  );
}

function refuseForeign(migrations: readonly Migration[], known: ReadonlyMap<string, string>): void {
  const ours = new Map(migrations.map(({ name, checksum }) => [name, checksum]));
  for (const [name, checksum] of known) {
    if (!ours.has(name)) {
      throw new RuntimeError("migration.unknown", `The database has ${name}, which this version does not know.`);
    }
    if (ours.get(name) !== checksum) {
      throw new RuntimeError("migration.changed", `The database was given another text of ${name} than there is now.`);
    }
  }
}
