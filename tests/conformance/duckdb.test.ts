import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdir, readdir, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { parquetWriteBuffer } from "hyparquet-writer";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { createDuckdbTableEngine } from "../../infra/adapters/duckdb/table-engine.ts";
import { createFileObjectStore } from "../../infra/adapters/files/object-store.ts";
import { RuntimeError } from "../../shared/errors.ts";
import { type TenantId, trustedTenantId } from "../../shared/ids.ts";
import type { StoredTable, TableEngine } from "../../shared/ports/table-engine.ts";
import { type TemporaryFolder, temporaryFolder } from "../kit/temporary-folder.ts";

const ROWS = 5_000;
let folder: TemporaryFolder;
let engine: TableEngine;
let people: StoredTable;
let lines: StoredTable;

async function store(bytes: Uint8Array, format: StoredTable["format"]): Promise<StoredTable> {
  const objects = createFileObjectStore(join(folder.path, "objects"));
  const target = { directory: "artifacts/acme/parsed_content/parsed_1", extension: format, contentType: "x/y" };
  const { path, sizeBytes } = await objects.write(target, ReadableStream.from([bytes]));
  return { path, sizeBytes, format };
}

beforeAll(async () => {
  folder = await temporaryFolder();
  engine = createDuckdbTableEngine(createFileObjectStore(join(folder.path, "objects")));
  const numbers = Array.from({ length: ROWS }, (_, row) => row);
  const parquet = parquetWriteBuffer({
    columnData: [
      { name: "id", data: numbers.map(BigInt), type: "INT64" },
      { name: "name", data: numbers.map((row) => (row % 7 === 0 ? null : `name ${row}`)), type: "STRING" },
      { name: "born", data: numbers.map((row) => new Date(row * 86_400_000)), type: "TIMESTAMP" },
    ],
    rowGroupSize: 1_000,
  });
  people = await store(new Uint8Array(parquet), "parquet");
  lines = await store(Buffer.from('{"block":1,"text":"one"}\n{"block":2,"text":"two"}\n'), "jsonl");
});

afterAll(async () => {
  await engine.close();
  await folder[Symbol.asyncDispose]();
});

const ask = (
  sql: string,
  more: { tenantId?: TenantId; maxRows?: number; maxBytes?: number; timeoutMs?: number; signal?: AbortSignal } = {},
) =>
  engine.query({
    tenantId: trustedTenantId("acme"),
    sql,
    tables: { people, lines },
    maxRows: 100,
    maxBytes: 100_000,
    timeoutMs: 15_000,
    signal: new AbortController().signal,
    ...more,
  });

describe("answers", () => {
  it("a SELECT over Parquet and over JSON lines, with values that are JSON", async () => {
    const answer = await ask(
      `SELECT max(id) AS most, sum(id) AS total, count(name) AS named, avg(id) AS mean, min(born) AS first, 2::HUGEINT ** 70 AS huge,
         1.25::DECIMAL(4,2) AS price, [1, 2] AS list, {'a': DATE '2020-02-29'} AS nested, (SELECT max(text) FROM lines) AS text
       FROM people`,
    );
    expect(answer.columns.map(({ name }) => name)).toEqual(
      "most total named mean first huge price list nested text".split(" "),
    );
    expect(answer.rows).toEqual([
      [4_999, 12_497_500, 4_285, 2_499.5, "1970-01-01T00:00:00", 2 ** 70, 1.25, [1, 2], { a: "2020-02-29" }, "two"],
    ]);
    expect(answer.truncated).toBe(false);
  });

  it("integers beyond 2^53 as text, whole", async () => {
    expect((await ask("SELECT 9007199254740993::BIGINT AS id")).rows).toEqual([["9007199254740993"]]);
  });

  it("columns of one name by names of their own", async () => {
    expect((await ask("SELECT 1 AS a, 2 AS a")).columns.map(({ name }) => name)).toEqual(["a", "a:1"]);
  });

  it("no more rows and bytes than wanted, and says that there are more", async () => {
    const few = await ask("SELECT * FROM people ORDER BY id", { maxRows: 3 });
    expect([few.rows.length, few.truncated]).toEqual([3, true]);
    const all = await ask("SELECT id FROM people LIMIT 3", { maxRows: 3 });
    expect([all.rows.length, all.truncated]).toEqual([3, false]);
    const small = await ask("SELECT repeat('x', 1000) AS text FROM range(50)", { maxBytes: 5_000 });
    expect([small.rows.length, small.truncated]).toEqual([4, true]);
  });
});

describe("streams rows", () => {
  it("of Parquet over its row groups, and of JSON lines, in order", async () => {
    const rows = await Array.fromAsync(engine.rows(people));
    expect(rows.length).toBe(ROWS);
    expect(rows[7]).toEqual({ id: 7, name: null, born: "1970-01-08T00:00:00" });
    expect(rows.at(-1)?.["id"]).toBe(4_999);
    expect(await Array.fromAsync(engine.rows(lines))).toEqual([
      { block: 1, text: "one" },
      { block: 2, text: "two" },
    ]);
  });

  it("not of a Parquet file that is cut off", async () => {
    const cut = await store(Buffer.from("PAR1 and then nothing more"), "parquet");
    await expect(Array.fromAsync(engine.rows(cut))).rejects.toMatchObject({ code: "tables.unreadable", status: 422 });
  });

  it("not of bytes that are others than their name tells", async () => {
    const bytes = await store(Buffer.from('{"a":1}\n'), "jsonl");
    await writeFile(join(folder.path, "objects", bytes.path), '{"a":2}\n');
    await expect(Array.fromAsync(engine.rows(bytes))).rejects.toMatchObject({ code: "object.damaged" });
  });
});

describe("refuses hostile SQL (Q1, Q2)", () => {
  const target = join(tmpdir(), `symphainy-hostile-${process.pid}`);
  const hostile = [
    ["SELECT * FROM read_csv('/etc/passwd')", "forbidden"],
    ["SELECT * FROM '/etc/passwd.csv'", "forbidden"],
    ["SELECT * FROM read_text('/etc/passwd')", "forbidden"],
    ["SELECT * FROM read_blob('/proc/self/environ')", "forbidden"],
    ["SELECT * FROM glob('/etc/*')", "forbidden"],
    ["SELECT * FROM sniff_csv('/etc/passwd')", "forbidden"],
    ["SELECT * FROM parquet_metadata('/etc/passwd')", "forbidden"],
    ["SELECT * FROM read_parquet('https://example.com/a.parquet')", "forbidden"],
    ["SELECT * FROM query('SELECT * FROM read_text(''/etc/passwd'')')", "forbidden"],
    ["SELECT * FROM duckdb_secrets()", "forbidden"],
    ["SELECT getenv('PATH')", "sql_invalid"],
    [`COPY people TO '${target}'`, "forbidden"],
    [`COPY (SELECT 1) TO '${target}'`, "forbidden"],
    [`EXPORT DATABASE '${target}'`, "forbidden"],
    [`ATTACH '${target}'`, "not_a_select"],
    ["INSTALL httpfs", "not_a_select"],
    ["LOAD httpfs", "not_a_select"],
    ["SET memory_limit = '10GB'", "not_a_select"],
    ["RESET lock_configuration", "not_a_select"],
    ["PRAGMA enable_logging", "sql_invalid"],
    ["CALL duckdb_tables()", "not_a_select"],
    ["CREATE TABLE other AS SELECT 1", "not_a_select"],
    ["DROP VIEW people", "not_a_select"],
    ["EXPLAIN ANALYZE SELECT 1", "not_a_select"],
    ["SELECT 1; SELECT 2", "not_a_select"],
    ["", "sql_invalid"],
    ["-- nothing", "sql_invalid"],
    ["SELECT * FROM nothing", "sql_invalid"],
    ["SELECT * FRO people", "sql_invalid"],
    ["SELECT $1", "sql_invalid"],
    [`SELECT ${"(".repeat(50_000)}1${")".repeat(50_000)}`, "sql_invalid"],
    [`SELECT ${"[".repeat(5_000)}1${"]".repeat(5_000)}`, "sql_invalid"],
    [`SELECT 1${" + 1".repeat(30_000)}`, "sql_invalid"],
    [`SELECT * FROM ${"(SELECT * FROM ".repeat(2_000)}people${")".repeat(2_000)}`, "sql_invalid"],
  ] as const;
  it.each(hostile.map(([sql, code]) => [sql.slice(0, 70), code, sql]))("%s: %s", async (_head, code, sql) => {
    await expect(ask(sql)).rejects.toMatchObject({ code: `tables.${code}`, status: 422, retryable: false });
    expect(existsSync(target)).toBe(false);
  });
});

describe("ends what would not end (Q3)", () => {
  it.each([
    ["a cross join that explodes", "SELECT count(*) FROM range(100000000) a, range(100000000) b"],
    ["a function that cannot be interrupted", "SELECT length(repeat('x', 1000000000) || repeat('y', 1000000000))"],
  ])("%s, at its deadline", async (_what, sql) => {
    await expect(ask(sql, { timeoutMs: 300 })).rejects.toMatchObject({ code: "tables.too_slow", status: 422 });
    expect((await ask("SELECT 1")).rows).toEqual([[1]]);
  });

  it("one that nobody waits for any more", async () => {
    const nobody = new AbortController();
    const asked = ask("SELECT count(*) FROM range(100000000) a, range(100000000) b", { signal: nobody.signal });
    setTimeout(() => nobody.abort(), 200);
    await expect(asked).rejects.toMatchObject({ code: "tables.abandoned" });
  });

  it("one that takes more memory than it may, of the engine's own and around it", { timeout: 90_000 }, async () => {
    const list = ask("SELECT len(list) FROM (SELECT list(range) AS list FROM range(200000000))", { timeoutMs: 40_000 });
    await expect(list).rejects.toMatchObject({ code: "tables.too_much_memory", status: 422 });
    const text = ask("SELECT length(string_agg(repeat('x', 400000000))) FROM range(8)", { timeoutMs: 40_000 });
    await expect(text).rejects.toMatchObject({ code: "tables.too_much_memory", status: 422 });
    expect((await ask("SELECT 1")).rows).toEqual([[1]]);
  });
});

describe("queries that wait", () => {
  it("are served by tenants in turns, however many one of them has", async () => {
    const ended: string[] = [];
    const asked = (tenant: string) =>
      ask("SELECT sleep_ms(300)", { tenantId: trustedTenantId(tenant) }).then(() => void ended.push(tenant));
    await Promise.all([...Array.from({ length: 8 }, () => asked("many")), asked("one")]);
    // Two are running, and one more of the same tenant may have its turn first.
    expect(ended.indexOf("one")).toBeLessThan(5);
    expect(ended).toHaveLength(9);
  });

  it("never get the process that the query before outgrew", { timeout: 60_000 }, async () => {
    const codes: unknown[] = [];
    for (let turn = 0; turn < 2; turn += 1) {
      const error: unknown = await ask("SELECT range(1000000000)").catch((refused: unknown) => refused);
      codes.push(error instanceof RuntimeError ? error.code : error);
    }
    expect(codes).toEqual(Array(2).fill("tables.too_much_memory"));
  });
});

it("leaves no file behind when it is closed", async () => {
  const before = new Set(await readdir(tmpdir()));
  const short = createDuckdbTableEngine(createFileObjectStore(join(folder.path, "objects")));
  await Array.fromAsync(short.rows(lines));
  const during = (await readdir(tmpdir())).filter((name) => name.startsWith("symphainy-tables-") && !before.has(name));
  expect(during.length).toBeGreaterThan(0);
  await short.close();
  expect(during.filter((name) => existsSync(join(tmpdir(), name)))).toEqual([]);
});

describe("copies of a process that was killed", () => {
  const ENGINE = new URL("../../infra/adapters/duckdb/table-engine.ts", import.meta.url).href;
  const OBJECTS = new URL("../../infra/adapters/files/object-store.ts", import.meta.url).href;

  /** A process that has copied a table, says so, and stays. */
  async function copying(temporary: string): Promise<ChildProcess> {
    const script = `
      const { createDuckdbTableEngine } = await import(${JSON.stringify(ENGINE)});
      const { createFileObjectStore } = await import(${JSON.stringify(OBJECTS)});
      const engine = createDuckdbTableEngine(createFileObjectStore(${JSON.stringify(join(folder.path, "objects"))}));
      for await (const row of engine.rows(${JSON.stringify(people)})) { console.log("reads"); break; }
      setInterval(() => undefined, 1_000);`;
    const args = ["--input-type=module", "--eval", script];
    const child = spawn(process.execPath, args, {
      env: { TMPDIR: temporary },
      stdio: ["ignore", "pipe", "inherit"],
    });
    if (child.stdout !== null) await once(child.stdout, "data");
    return child;
  }

  it("are removed by the next one that copies; those of a living one stay", async () => {
    const temporary = join(folder.path, "tmp");
    await mkdir(temporary);
    const children: ChildProcess[] = [];
    const started = async () => {
      const child = await copying(temporary);
      children.push(child);
      return `symphainy-tables-${child.pid}-`;
    };
    const there = async () => (await readdir(temporary)).map((name) => name.replace(/[^-]*$/, "")).toSorted();
    try {
      const [killed, living] = [await started(), await started()];
      expect(await there()).toEqual([killed, living].toSorted());
      const [first] = children;
      if (first === undefined) throw new Error("no process was started");
      const gone = once(first, "exit");
      first.kill("SIGKILL");
      await gone;
      expect(await there()).toEqual([killed, living].toSorted());
      const next = await started();
      expect(await there()).toEqual([living, next].toSorted());
    } finally {
      for (const child of children) child.kill("SIGKILL");
    }
  });
});
