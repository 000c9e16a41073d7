import { execFile } from "node:child_process";
import { promisify } from "node:util";

import postgres from "postgres";
import { describe, expect, it } from "vitest";

import { startArangoStandin } from "../../infra/dev/parts/arango-standin.ts";
import { migratePostgres } from "../../infra/schema/migrate-postgres.ts";
import { withParts } from "../kit/parts.ts";
import { openTestDatabase } from "../kit/postgres.ts";

const run = promisify(execFile);
const setUp = (env: Record<string, string>) =>
  run(process.execPath, ["infra/dev/setup-data.ts"], { env: { PATH: process.env["PATH"], ...env } });

describe("setup:data", () => {
  it("has nothing to do for embedded stores", async () => {
    expect((await setUp({ RECORDS: "sqlite" })).stdout).toContain("records in SQLite: nothing to do");
  });

  it("names each fault of the configuration, and fails", async () => {
    const failed = setUp({ RECORDS: "postgres" });
    await expect(failed).rejects.toMatchObject({ code: 1, stderr: expect.stringContaining("DATABASE_URL") as string });
  });
});

withParts(["postgres"], () => {
  describe("the migrations of Postgres", () => {
    it("are applied once, said so, and the second time nothing is done and nothing changes", async () => {
      await using database = await openTestDatabase({ migrate: false });
      const env = { RECORDS: "postgres", DATABASE_URL: database.url };
      expect((await setUp(env)).stdout).toContain("records in Postgres: applied 0001-data-steward.sql");
      const before = await schemaOf(database.url);
      expect((await setUp(env)).stdout).toContain("records in Postgres: nothing to do");
      expect(await schemaOf(database.url)).toBe(before);
      expect(before).toContain("parsed_data_files");
    });

    it("come with the collections of the graph, in one command", async () => {
      await using database = await openTestDatabase({ migrate: false });
      await using arango = await startArangoStandin();
      const graph = { GRAPH: "arango", ARANGO_URL: arango.url, ARANGO_DATABASE: "symphainy" };
      const env = { RECORDS: "postgres", DATABASE_URL: database.url, ...graph };
      const first = (await setUp(env)).stdout;
      expect(first).toContain("records in Postgres: applied 0001-data-steward.sql");
      expect(first).toMatch(/graph in ArangoDB: .*content_metadata/);
      expect((await setUp(env)).stdout).toBe("records in Postgres: nothing to do\ngraph in ArangoDB: nothing to do\n");
    });

    it("are applied once by many at the same moment", async () => {
      await using database = await openTestDatabase({ migrate: false });
      const reports = await Promise.all([1, 2, 3].map(() => migratePostgres(database.url)));
      expect(reports.flatMap(({ applied }) => applied)).toEqual(["0001-data-steward.sql", "0002-tombstones.sql"]);
    });

    it("refuse a database that had another text of one, or one that newer software migrated", async () => {
      await using database = await openTestDatabase();
      const sql = postgres(database.url, { max: 1 });
      await sql`insert into symphainy.migrations values ('0999-later.sql', 'x')`;
      await expect(migratePostgres(database.url)).rejects.toMatchObject({ code: "migration.unknown" });
      await sql`delete from symphainy.migrations where name = '0999-later.sql'`;
      await sql`update symphainy.migrations set checksum = 'other'`;
      await expect(migratePostgres(database.url)).rejects.toMatchObject({ code: "migration.changed" });
      await sql.end();
    });
  });
});

/** Tables, columns, indexes and policies, and when the migrations were applied, as one text. */
async function schemaOf(url: string): Promise<string> {
  const sql = postgres(url, { max: 1, fetch_types: false });
  const parts = await Promise.all([
    sql`select table_name, column_name, data_type from information_schema.columns where table_schema = 'symphainy' order by 1, 2`,
    sql`select indexdef from pg_indexes where schemaname = 'symphainy' order by 1`,
    sql`select tablename, policyname, qual, with_check from pg_policies where schemaname = 'symphainy' order by 1, 2`,
    sql`select name, checksum, applied_at::text from symphainy.migrations order by 1`,
  ]);
  await sql.end();
  return JSON.stringify(parts);
}
