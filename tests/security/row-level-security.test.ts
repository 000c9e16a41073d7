import { randomUUID } from "node:crypto";

import postgres from "postgres";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { RECORD_TABLES } from "../../shared/ports/record-tables.ts";
import { withParts } from "../kit/parts.ts";
import { openTestDatabase, type TestDatabase } from "../kit/postgres.ts";

/** What the database says to what it does not allow: insufficient_privilege. */
const REFUSED = "42501";

/** Who asks: a role, and what it claims to be. */
const ACTORS = {
  "its own tenant": { role: "authenticated", claims: { tenant_id: "acme" } },
  "another tenant": { role: "authenticated", claims: { tenant_id: "other" } },
  "a tenant of no name": { role: "authenticated", claims: { tenant_id: "" } },
  "a token without a tenant": { role: "authenticated", claims: { sub: "acme" } },
  "nobody, without a token": { role: "authenticated", claims: undefined },
  "a role that has no leave": { role: "anon", claims: { tenant_id: "acme" } },
  "the platform": { role: "symphainy_platform", claims: { tenant_id: "acme" } },
} as const;
type Actor = keyof typeof ACTORS;

const BASE = { version: 1, created_at: "2026-01-01T00:00:00Z", updated_at: "2026-01-01T00:00:00Z" };
/** The least row of each table. */
const ROWS: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
  file_references: { file_id: "f", storage_location: "x", size_bytes: 1, sha256: "s", metadata: {} },
  parsed_data_files: {
    file_id: "f",
    parsed_file_id: "p",
    format_type: "parquet",
    content_type: "structured",
    size_bytes: 1,
    parsed_at: BASE.created_at,
    parsed_by: "x",
    status: "stored",
    processing_status: "parsed",
    metadata: {},
  },
  data_boundary_contracts: { status: "pending", source_sha256: "s", scope: {} },
  records_of_fact: { contract_id: "c", fact_type: "t", fact: {}, promoted_at: BASE.created_at },
  materialization_policies: { solution_id: "s", artifact_type: "t", decision: "CACHE" },
};

type Sql = postgres.Sql | postgres.TransactionSql;

withParts(["postgres"], () => {
  describe("row-level security", () => {
    let database: TestDatabase;
    let sql: postgres.Sql;
    beforeAll(async () => {
      database = await openTestDatabase();
      sql = postgres(database.url, { max: 2, prepare: false, onnotice: () => undefined });
      await sql`do $$ begin create role anon nologin; exception when duplicate_object or unique_violation then null; end $$`;
    });
    afterAll(async () => {
      await sql.end();
      await database[Symbol.asyncDispose]();
    });

    /** What an actor gets, or the SQLSTATE of its refusal; nothing of it stays. */
    const attempt = async (actor: Actor, work: (tx: postgres.TransactionSql) => Promise<unknown>): Promise<unknown> => {
      const undone = new Error("undone");
      let got: unknown;
      const { role, claims } = ACTORS[actor];
      const attempted = sql.begin(async (tx) => {
        const text = claims === undefined ? "" : JSON.stringify(claims);
        await tx`select set_config('request.jwt.claims', ${text}, true), set_config('role', ${role}, true)`;
        got = await work(tx);
        throw undone;
      });
      await attempted.catch((error: unknown) => {
        if (error !== undone) got = error instanceof postgres.PostgresError ? error.code : error;
      });
      return got;
    };

    const row = (table: string, tenant: string, kind: "client" | "platform") => ({
      ...BASE,
      ...ROWS[table],
      id: randomUUID(),
      tenant_id: tenant,
      data_classification: kind,
    });
    const insert = (to: Sql, table: string, values: object) =>
      to`insert into ${to(`symphainy.${table}`)} ${to(values as Record<string, never>)}`;
    const count = async (result: Promise<{ readonly count: number }>) => (await result).count;

    it("has a table for each of the steward's, with the very columns, and is on for all", async () => {
      const columns = await sql<{ table_name: string; columns: string[] }[]>`
        select table_name, array_agg(column_name::text order by column_name) as columns from information_schema.columns
        where table_schema = 'symphainy' group by table_name`;
      const found = Object.fromEntries(columns.map((each) => [each.table_name, each.columns]));
      for (const [table, wanted] of Object.entries(RECORD_TABLES)) {
        expect(found[table]).toEqual(Object.keys(wanted).toSorted());
      }
      const open = await sql`select relname from pg_class join pg_namespace n on n.oid = relnamespace
        where nspname = 'symphainy' and relkind = 'r' and not (relrowsecurity and relforcerowsecurity)`;
      expect(open.map(({ relname }) => String(relname))).toEqual(["migrations"]);
      expect(Object.keys(ROWS).toSorted()).toEqual(Object.keys(RECORD_TABLES).toSorted());
    });

    describe.each(Object.keys(ROWS))("%s", (table) => {
      const place = (tx: Sql) => tx(`symphainy.${table}`);
      let client: ReturnType<typeof row>;
      let platform: ReturnType<typeof row>;
      beforeAll(async () => {
        client = row(table, "acme", "client");
        platform = row(table, "acme", "platform");
        for (const each of [client, platform]) await insert(sql, table, each);
      });

      /** Each reading: what of the client row and of the platform row an actor gets. */
      const reads: Readonly<Record<string, (tx: postgres.TransactionSql) => Promise<number>>> = {
        select: async (tx) => count(tx`select * from ${place(tx)}`),
        "select of the id": async (tx) =>
          count(tx`select id from ${place(tx)} where id in (${client.id}, ${platform.id})`),
        "select for update": async (tx) => count(tx`select * from ${place(tx)} where id = ${client.id} for update`),
        join: async (tx) => count(tx`select 1 from ${place(tx)} a join ${place(tx)} b on a.id = b.id`),
        copy: async (tx) => {
          const out = await tx`copy ${place(tx)} to stdout`.readable();
          return (
            Buffer.concat((await Array.fromAsync(out)) as Uint8Array[])
              .toString()
              .split("\n").length - 1
          );
        },
        function: async (tx) => {
          await tx`reset role`;
          await tx.unsafe(`create function pg_temp.peek() returns setof symphainy.${table} language sql security invoker
            as 'select * from symphainy.${table}'; grant execute on function pg_temp.peek() to public`);
          await tx`select set_config('role', ${(await tx`select current_setting('test.role') as role`)[0]?.["role"] as string}, true)`;
          return count(tx`select * from pg_temp.peek()`);
        },
      };
      const seen: Readonly<Record<Actor, Readonly<Record<string, number | string>>>> = {
        "its own tenant": { select: 2, "select of the id": 2, "select for update": 1, join: 2, copy: 2, function: 2 },
        "another tenant": { select: 1, "select of the id": 1, "select for update": 0, join: 1, copy: 1, function: 1 },
        "a tenant of no name": {
          select: 1,
          "select of the id": 1,
          "select for update": 0,
          join: 1,
          copy: 1,
          function: 1,
        },
        "a token without a tenant": {
          select: 1,
          "select of the id": 1,
          "select for update": 0,
          join: 1,
          copy: 1,
          function: 1,
        },
        "nobody, without a token": {
          select: 1,
          "select of the id": 1,
          "select for update": 0,
          join: 1,
          copy: 1,
          function: 1,
        },
        "a role that has no leave": Object.fromEntries(Object.keys(reads).map((name) => [name, REFUSED])),
        "the platform": { select: 1, "select of the id": 1, "select for update": 0, join: 1, copy: 1, function: 1 },
      };
      const readings = Object.entries(seen).flatMap(([actor, each]) =>
        Object.entries(each).map(([name, expected]) => [name, actor as Actor, expected] as const),
      );
      it.each(readings)("%s by %s gives %s", async (name, actor, expected) => {
        const got = await attempt(actor, async (tx) => {
          await tx`select set_config('test.role', ${ACTORS[actor].role}, true)`;
          return reads[name]?.(tx);
        });
        expect(got).toBe(expected);
      });

      /** Each forbidden write: how many rows it touches, or the refusal. */
      const writes: readonly (readonly [
        string,
        Actor,
        (tx: postgres.TransactionSql) => Promise<unknown>,
        number | string,
      ])[] = (["another tenant", "a token without a tenant", "nobody, without a token"] as const).flatMap((actor) => [
        ["insert into a tenant's rows", actor, (tx) => count(insert(tx, table, row(table, "acme", "client"))), REFUSED],
        ["insert of a platform row", actor, (tx) => count(insert(tx, table, row(table, "other", "platform"))), REFUSED],
        ["update", actor, (tx) => count(tx`update ${place(tx)} set version = 9`), 0],
        ["update of its id", actor, (tx) => count(tx`update ${place(tx)} set version = 9 where id = ${client.id}`), 0],
        [
          "update of a platform row",
          actor,
          (tx) => count(tx`update ${place(tx)} set version = 9 where id = ${platform.id}`),
          0,
        ],
        ["delete", actor, (tx) => count(tx`delete from ${place(tx)}`), 0],
        [
          "delete … returning",
          actor,
          (tx) => count(tx`delete from ${place(tx)} where id = ${client.id} returning *`),
          0,
        ],
        [
          "update … returning",
          actor,
          (tx) => count(tx`update ${place(tx)} set version = 9 where id = ${client.id} returning *`),
          0,
        ],
        [
          "upsert",
          actor,
          (tx) =>
            count(
              tx`insert into ${place(tx)} ${tx({ ...client, tenant_id: "other" } as never)} on conflict (id) do update set version = 9`,
            ),
          REFUSED,
        ],
        ["truncate", actor, (tx) => tx`truncate ${place(tx)}`, REFUSED],
        [
          "disabling it",
          actor,
          (tx) => tx.unsafe(`alter table symphainy.${table} disable row level security`),
          REFUSED,
        ],
      ]);
      it.each(writes)("%s by %s touches nothing", async (_what, actor, work, expected) => {
        expect(await attempt(actor, work)).toBe(expected);
      });

      it.each([
        ["giving a row away", "its own tenant", { tenant_id: "other" }, "client"],
        ["making it the platform's", "its own tenant", { data_classification: "platform" }, "client"],
        ["making it a tenant's", "the platform", { data_classification: "client" }, "platform"],
      ] as const)("%s, by %s, is refused", async (_what, actor, change, which) => {
        const { id } = which === "client" ? client : platform;
        const got = await attempt(actor, (tx) => tx`update ${place(tx)} set ${tx(change)} where id = ${id}`);
        expect(got).toBe(REFUSED);
      });

      it("the platform writes platform rows, and no tenant's", async () => {
        const asPlatform = (work: (tx: postgres.TransactionSql) => Promise<unknown>) => attempt("the platform", work);
        const other = { ...row(table, "other", "platform"), solution_id: "other", parsed_file_id: "q", file_id: "q" };
        const fitting = Object.fromEntries(
          Object.entries(other).filter(
            ([name]) => name in { ...client, ...other } && name in RECORD_TABLES[table as keyof typeof RECORD_TABLES],
          ),
        );
        expect(await asPlatform((tx) => count(insert(tx, table, fitting)))).toBe(1);
        expect(await asPlatform((tx) => count(tx`update ${place(tx)} set version = 9`))).toBe(1);
        expect(await asPlatform((tx) => count(insert(tx, table, row(table, "acme", "client"))))).toBe(REFUSED);
        expect(await asPlatform((tx) => count(tx`delete from ${place(tx)} where id = ${client.id}`))).toBe(0);
      });

      it("a tenant writes its own client rows", async () => {
        const own = (work: (tx: postgres.TransactionSql) => Promise<unknown>) => attempt("its own tenant", work);
        expect(await own((tx) => count(tx`update ${place(tx)} set version = 9`))).toBe(1);
        expect(await own((tx) => count(tx`delete from ${place(tx)}`))).toBe(1);
      });
    });

    it.each([
      ["another tenant", 0],
      ["nobody, without a token", 0],
      ["the platform", REFUSED],
      ["a role that has no leave", REFUSED],
    ] as const)("subjects' keys and effects: %s sees %s", async (actor, expected) => {
      await sql`insert into symphainy.subject_keys values ('acme', ${randomUUID()}, 'k', 'w', now(), null)`;
      await sql`insert into symphainy.record_effects values ('acme', 'client', ${randomUUID()}, 'open', '[]', now())`;
      expect(await attempt(actor, (tx) => count(tx`select * from symphainy.subject_keys`))).toBe(expected);
      const effects = await attempt(actor, (tx) => count(tx`select * from symphainy.record_effects`));
      expect(effects).toBe(actor === "a role that has no leave" ? REFUSED : 0);
      const stolen = await attempt(actor, (tx) => count(tx`update symphainy.subject_keys set wrapped_key = 'x'`));
      expect(stolen).toBe(expected);
      const kept = await attempt("its own tenant", (tx) => tx`delete from symphainy.subject_keys`);
      expect(kept).toBe(REFUSED);
      expect(await attempt(actor, (tx) => tx`select * from symphainy.migrations`)).toBe(REFUSED);
    });
  });
});
