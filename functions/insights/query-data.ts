import * as z from "zod";

import type { Artifact } from "../../shared/artifacts/artifact.ts";
import { RuntimeError } from "../../shared/errors.ts";
import { asId } from "../../shared/ids.ts";
import { jsonValue } from "../../shared/json.ts";
import { intent } from "../../shared/sagas/intent.ts";

const MAX_SQL_CHARS = 65_536;
const MAX_TABLES = 32;
const MAX_ROWS = 10_000;
/** With what else an answer says, it stays a document that a browser can hold. */
const MAX_ANSWER_BYTES = 4 * 1024 * 1024;
/** An id of parsed data wherever it stands in the SQL, such as in FROM "parsed_7f9c24e5-…". */
const PARSED_ID = /parsed_[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}/g;

const input = z.strictObject({
  sql: z.string().min(1).max(MAX_SQL_CHARS).describe('one SELECT; parsed data is called by its id: FROM "parsed_…"'),
  tables: z
    .record(z.string().regex(/^[A-Za-z_]\w{0,62}$/, "must be a plain name"), z.string().min(1).max(128))
    .optional()
    .describe("other names for parsed data: name → parsed_file_id"),
  data_classification: z.enum(["platform", "client"]).default("client").describe("the class of the data that is read"),
  max_rows: z.int().min(1).max(MAX_ROWS).default(1_000),
});

const output = z.object({
  columns: z.array(z.object({ name: z.string(), type: z.string() })),
  rows: z.array(z.array(jsonValue)).describe("a value for each column, in their order"),
  row_count: z.int(),
  truncated: z.boolean().describe("whether there were more rows than max_rows, or than 4 MiB hold"),
  parsed_file_ids: z.array(z.string()),
});

/** Answers SQL over the tenant's parsed data. It reads nothing else and changes nothing. */
export const queryData = intent("insights.query_data", {
  version: 1,
  description: "Answer one SELECT over parsed data, by DuckDB in a sandbox.",
  input,
  output,
  checkpoint: "ends",
  // The process of a query may take 1.2 GB, two at a time.
  resources: { memoryMb: 4096, cpu: 2 },
})
  .step("query", {
    timeout: "30s",
    retry: { maxAttempts: 2 },
    run: async (ctx) => {
      const { sql, tables = {}, data_classification, max_rows: maxRows } = ctx.input;
      const wanted = new Map(Object.entries(tables));
      for (const [id] of sql.matchAll(PARSED_ID)) wanted.set(id, id);
      if (wanted.size > MAX_TABLES) throw tooManyTables(wanted.size);
      const artifacts: Record<string, Artifact> = {};
      for (const [name, id] of wanted) {
        const parsed = await ctx.artifacts.get(asId.artifact(id), "parsed_content");
        if (parsed.data_classification !== data_classification) throw wrongClass(parsed);
        artifacts[name] = parsed;
      }
      const { columns, rows, truncated } = await ctx.tables.query(sql, artifacts, {
        maxRows,
        maxBytes: MAX_ANSWER_BYTES,
      });
      return {
        columns: [...columns],
        rows: rows.map((row) => [...row]),
        row_count: rows.length,
        truncated,
        parsed_file_ids: [...new Set(wanted.values())],
      };
    },
  })
  .returns(({ outputs }) => outputs.query);

function tooManyTables(count: number): RuntimeError {
  return new RuntimeError("tables.too_many", `The query names ${count} tables; it may name ${MAX_TABLES}.`, {
    status: 422,
    details: { tables: count, max_tables: MAX_TABLES },
  });
}

function wrongClass({ artifact_id, data_classification }: Artifact): RuntimeError {
  return new RuntimeError(
    "classification.refused",
    `${artifact_id} is ${data_classification} data; say data_classification "${data_classification}" to query it.`,
    { status: 403, details: { parsed_file_id: artifact_id, data_classification } },
  );
}
