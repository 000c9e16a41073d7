import { readFileSync } from "node:fs";
import { join } from "node:path";

import { describe, expect, it } from "vitest";

import { intents } from "../../functions/catalog.ts";
import type { JsonObject } from "../../shared/json.ts";
import { openRuntime } from "../kit/runtime.ts";
import { done, readyFile } from "./content-flow.ts";
import { CLAIM } from "../unit/content/x12-fixture.ts";

const packages = join(import.meta.dirname, "../../node_modules");
const file = (path: string): Buffer => readFileSync(join(packages, path));

/** What is asked of each real file: how it is parsed, a query, and what that must say. */
const files: readonly {
  readonly path: string;
  readonly options?: JsonObject;
  readonly format: string;
  readonly content: string;
  readonly sql: string;
  readonly answer: readonly unknown[];
}[] = [
  {
    path: "vega-datasets/data/airports.csv",
    format: "csv",
    content: "structured",
    sql: "SELECT count(*), count(DISTINCT state), min(latitude) > -15 FROM t",
    answer: [3376, 57, true],
  },
  {
    path: "vega-datasets/data/seattle-weather.csv",
    format: "csv",
    content: "structured",
    sql: "SELECT year(date) AS y, round(sum(precipitation), 1) FROM t GROUP BY y ORDER BY y LIMIT 1",
    answer: [2012, 1226],
  },
  {
    path: "vega-datasets/data/unemployment.tsv",
    format: "csv",
    content: "structured",
    sql: "SELECT count(*) > 3000, max(rate) > 0.2 FROM t",
    answer: [true, true],
  },
  {
    path: "vega-datasets/data/cars.json",
    format: "json",
    content: "structured",
    sql: "SELECT count(*), max(Horsepower) FROM t",
    answer: [406, 230],
  },
  {
    path: "vega-datasets/data/movies.json",
    format: "json",
    content: "structured",
    sql: "SELECT count(*) > 3000 FROM t",
    answer: [true],
  },
  {
    path: "vega-datasets/data/earthquakes.json",
    options: { record_path: "features" },
    format: "json",
    content: "structured",
    sql: "SELECT count(*) > 100 FROM t",
    answer: [true],
  },
  {
    path: "vega-datasets/data/weather.csv",
    format: "csv",
    content: "structured",
    sql: "SELECT count(DISTINCT location) FROM t",
    answer: [2],
  },
  {
    path: "bignumber.js/doc/API.html",
    format: "html",
    content: "hybrid",
    sql: "SELECT count(*) > 300, bool_or(kind = 'heading'), bool_or(kind = 'table_row') FROM t",
    answer: [true, true, true],
  },
  {
    path: "bignumber.js/doc/API.html",
    options: { table: 1 },
    format: "html",
    content: "structured",
    sql: "SELECT count(*) > 3 FROM t",
    answer: [true],
  },
  {
    path: "iconv-lite/.idea/codeStyles/Project.xml",
    format: "xml",
    content: "structured",
    sql: "SELECT count(*) >= 1 FROM t",
    answer: [true],
  },
  {
    path: "mammoth/test/test-data/tables.docx",
    format: "docx",
    content: "hybrid",
    sql: "SELECT count(*), count(*) FILTER (kind = 'table_row') FROM t",
    answer: [4, 2],
  },
  {
    path: "mammoth/test/test-data/strikethrough.docx",
    format: "docx",
    content: "unstructured",
    sql: "SELECT count(*) FROM t",
    answer: [1],
  },
  {
    path: "pdf-parse/test/data/01-valid.pdf",
    format: "pdf",
    content: "hybrid",
    sql: "SELECT max(page), bool_or(text LIKE '%Trace-based Just-in-Time%'), count(*) > 200 FROM t",
    answer: [14, true, true],
  },
  {
    path: "pdf-parse/test/data/04-valid.pdf",
    format: "pdf",
    content: "hybrid",
    sql: "SELECT max(page), bool_or(text LIKE '%nitric oxide%') FROM t",
    answer: [5, true],
  },
  {
    path: "xlsx-populate/examples/ranges/template.xlsx",
    format: "xlsx",
    content: "structured",
    sql: "SELECT count(*), sum(Clicks), max(Impressions) FROM t",
    answer: [5, 1694, 460_983],
  },
  {
    path: "zod/README.md",
    format: "txt",
    content: "unstructured",
    sql: "SELECT bool_or(text LIKE '%zod%') FROM t",
    answer: [true],
  },
];

describe("real files, all the way", () => {
  it.concurrent.each(files)(
    "$path as $content",
    { timeout: 120_000 },
    async ({ path, options, format, content, sql, answer }) => {
      await using runtime = await openRuntime({ intents });
      const name = path.split("/").at(-1) ?? "";
      const file_id = await readyFile(runtime, name, file(path));
      const parsed = await done(runtime, "content.parse_content", {
        file_id,
        ...(options === undefined ? {} : { parse_options: options }),
      });
      expect(parsed).toMatchObject({
        format,
        content_type: content,
        format_type: content === "structured" ? "parquet" : "json_chunks",
      });
      const { parsed_file_id } = parsed;
      const described = await done(runtime, "content.create_deterministic_embeddings", { parsed_file_id });
      expect(described).toMatchObject({ record_count: parsed["record_count"] });
      const again = await done(runtime, "content.create_deterministic_embeddings", { parsed_file_id });
      expect(again["schema_fingerprint"]).toBe(described["schema_fingerprint"]);
      const queried = await done(runtime, "insights.query_data", { sql, tables: { t: parsed_file_id } });
      expect((queried["rows"] as readonly unknown[])[0]).toEqual(answer);
    },
  );
});

describe("SQL over parsed data", () => {
  it("joins data by its ids, and sees no other tenant's and no other class's", { timeout: 120_000 }, async () => {
    await using runtime = await openRuntime({ intents });
    const parse = async (name: string, text: string): Promise<string> => {
      const file_id = await readyFile(runtime, name, Buffer.from(text));
      return String((await done(runtime, "content.parse_content", { file_id }))["parsed_file_id"]);
    };
    const people = await parse("people.csv", "id,name\n1,ann\n2,bob\n");
    const claims = await parse("claim.edi", CLAIM);
    const sql = `SELECT p.name, (SELECT count(*) FROM "${claims}") AS n FROM "${people}" AS p ORDER BY 1`;
    const { rows, parsed_file_ids } = await done(runtime, "insights.query_data", { sql });
    expect([rows, parsed_file_ids]).toEqual([
      [
        ["ann", 9],
        ["bob", 9],
      ],
      [claims, people],
    ]);

    const refused = async (parameters: JsonObject) =>
      (await runtime.run("insights.query_data", parameters)).error?.code;
    const elsewhere = people.replace(/.$/, (last) => (last === "0" ? "1" : "0"));
    expect(await refused({ sql: `SELECT * FROM "${elsewhere}"` })).toBe("artifact.not_found");
    expect(await refused({ sql, data_classification: "platform" })).toBe("classification.refused");
    expect(await refused({ sql: "SELECT * FROM read_text('/etc/passwd')" })).toBe("tables.forbidden");
    expect(await refused({ sql: "CREATE TABLE x AS SELECT 1" })).toBe("tables.not_a_select");
  });
});
