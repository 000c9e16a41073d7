import { execFile } from "node:child_process";
import { createWriteStream } from "node:fs";
import { once } from "node:events";
import path from "node:path";
import { promisify } from "node:util";

import { intents } from "../../functions/catalog.ts";
import type { JsonObject } from "../../shared/json.ts";
import { openRuntime, type TestRuntime } from "../kit/runtime.ts";
import { writeLargeWorkbook } from "./large-workbook.ts";
import type { Part, Row } from "./part.ts";

const CHILD = path.join(import.meta.dirname, "content-child.ts");
const MEGABYTE = 1_000_000;
const QUERIED_ROWS = 30_000;

interface Measured {
  readonly rows: number;
  readonly seconds: number;
  readonly peakMb: number;
}

/** The heap that Node gives itself in 512 MB, which is what a function has; on a larger machine it would collect later. */
const HEAP = "--max-old-space-size=256";

/**
 * Parsing to Parquet beside a bare loop over csv-parse, each in a process of its own with the heap of a function of 512 MB; a workbook;
 * SQL over a parsed file; many files at once.
 */
export const contentPart: Part = async ({ quick, directory, say }) => {
  const rows: Row[] = [];
  for (const megabytes of quick ? [1] : [1, 10, 100]) {
    const file = path.join(directory, `${megabytes}.csv`);
    await writeCsv(file, megabytes * MEGABYTE);
    const bare = await measure("bare", file);
    const ours = await measure("parquet", file);
    say(`${megabytes} MB: ${perSecond(ours)}, ${Math.round(ours.peakMb)} MB`);
    rows.push(
      {
        figure: `CSV of ${megabytes} MB to Parquet`,
        measured: perSecond(ours),
        beside: `${perSecond(bare)} csv-parse alone`,
        ratio: bare.seconds / ours.seconds,
      },
      {
        figure: "its peak memory",
        measured: `${Math.round(ours.peakMb)} MB`,
        beside: `${Math.round(bare.peakMb)} MB csv-parse alone`,
        ratio: ours.peakMb / bare.peakMb,
      },
    );
  }
  rows.push(...(await workbook(path.join(directory, "large.xlsx"), quick ? 5 : 50, say)));
  rows.push(...(await overIntents(quick ? 50 : 1_000, quick ? 5 : 50)));
  return { rows, figures: { rows } };
};

const perSecond = ({ rows, seconds }: Measured): string => `${Math.round(rows / seconds).toLocaleString("en")} rows/s`;

async function workbook(file: string, megabytes: number, say: (line: string) => void): Promise<readonly Row[]> {
  await writeLargeWorkbook(file, megabytes * MEGABYTE);
  const ours = await measure("parquet", file);
  say(`a workbook of ${megabytes} MB: ${perSecond(ours)}, ${Math.round(ours.peakMb)} MB`);
  const rows = `${ours.rows.toLocaleString("en")} rows of 8 columns`;
  return [
    { figure: `workbook of ${megabytes} MB to Parquet`, measured: perSecond(ours), beside: rows },
    { figure: "its peak memory", measured: `${Math.round(ours.peakMb)} MB`, beside: "512 MB a function has" },
  ];
}

async function overIntents(files: number, queries: number): Promise<readonly Row[]> {
  await using runtime = await openRuntime({ intents });
  const csv = (index: number): string => Buffer.from(`id,name\n${index},name ${index}\n`).toString("base64");
  const given = Array.from({ length: files }, (_, index) => ({ ui_name: `${index}.csv`, content_base64: csv(index) }));
  const beganMs = performance.now();
  const bulk = (await runtime.run("content.bulk_ingest_files", { files: given })).output as {
    readonly succeeded?: number;
  };
  const seconds = (performance.now() - beganMs) / 1_000;
  const parsed_file_id = await parsedTable(runtime);
  const sql = "SELECT name, count(*) AS n, sum(amount) FROM t GROUP BY name ORDER BY n DESC LIMIT 10";
  const timesMs: number[] = [];
  for (let index = 0; index <= queries; index += 1) {
    const askedMs = performance.now();
    await completed(runtime, "insights.query_data", { sql, tables: { t: parsed_file_id } });
    timesMs.push(performance.now() - askedMs);
  }
  const [first = 0, ...others] = timesMs;
  const p50 = others.toSorted((a, b) => a - b)[Math.floor(others.length / 2)] ?? 0;
  return [
    {
      figure: `${files.toLocaleString("en")} files by content.bulk_ingest_files`,
      measured: `${(files / seconds).toFixed(0)} files/s`,
      beside: `${bulk.succeeded ?? files} taken in`,
    },
    {
      figure: `insights.query_data over ${QUERIED_ROWS.toLocaleString("en")} rows, p50`,
      measured: `${p50.toFixed(0)} ms`,
      beside: `${first.toFixed(0)} ms the first, which starts the engine`,
    },
  ];
}

/** A parsed table in the runtime, by its id. */
async function parsedTable(runtime: TestRuntime): Promise<string> {
  const lines = Array.from({ length: QUERIED_ROWS }, (_, row) => `${row},name ${row % 97},${(row * 7) % 1_000}`);
  const csv = `id,name,amount\n${lines.join("\n")}\n`;
  const file = { ui_name: "table.csv", content_base64: Buffer.from(csv).toString("base64") };
  const { file_id, boundary_contract_id } = await completed(runtime, "content.ingest_file", file);
  await completed(runtime, "content.save_materialization", { file_id, boundary_contract_id });
  return String((await completed(runtime, "content.parse_content", { file_id }))["parsed_file_id"]);
}

async function completed(runtime: TestRuntime, type: string, parameters: JsonObject): Promise<JsonObject> {
  const { status, error, output } = await runtime.run(type, parameters);
  if (status !== "completed") throw new Error(`${type} ended as ${status}: ${error?.code}`);
  return output as JsonObject;
}

async function measure(mode: "bare" | "parquet", file: string): Promise<Measured> {
  const { stdout } = await promisify(execFile)(process.execPath, [HEAP, CHILD, mode, file]);
  return JSON.parse(stdout) as Measured;
}

async function writeCsv(file: string, bytes: number): Promise<void> {
  const out = createWriteStream(file);
  out.write("id,name,email,amount,born,updated,active,city\n");
  let row = 0;
  for (let written = 0; written < bytes;) {
    let text = "";
    for (const end = row + 2_000; row < end; row += 1) {
      const [ten, nine] = [row % 10, 1 + (row % 9)];
      text += `${row},name ${row % 5_000},user${row}@example.com,${((row * 7) % 100_000) / 100},${1950 + (row % 60)}-0${nine}-1${ten},2024-05-0${nine}T1${ten}:00:00Z,${row % 2 === 0},"City, ${row % 300}"\n`;
    }
    written += text.length;
    if (!out.write(text)) await once(out, "drain");
  }
  out.end();
  await once(out, "close");
}
