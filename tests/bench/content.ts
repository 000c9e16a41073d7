import { execFile } from "node:child_process";
import { createWriteStream } from "node:fs";
import { once } from "node:events";
import path from "node:path";
import { promisify } from "node:util";

import { intents } from "../../functions/catalog.ts";
import { openRuntime } from "../kit/runtime.ts";
import type { Part, Row } from "./part.ts";

const CHILD = path.join(import.meta.dirname, "content-child.ts");
const MEGABYTE = 1_000_000;

interface Measured {
  readonly rows: number;
  readonly seconds: number;
  readonly peakMb: number;
}

/** Parsing to Parquet beside a bare loop over csv-parse, each in a process of its own; SQL over the result; many files at once. */
export const contentPart: Part = async ({ quick, directory, say }) => {
  const rows: Row[] = [];
  for (const megabytes of quick ? [1] : [1, 10, 100]) {
    const file = path.join(directory, `${megabytes}.csv`);
    await writeCsv(file, megabytes * MEGABYTE);
    const bare = await measure("bare", file);
    const ours = await measure("parquet", file);
    say(`${megabytes} MB: ${Math.round(ours.rows / ours.seconds)} rows/s, ${Math.round(ours.peakMb)} MB`);
    const perSecond = (of: Measured): string => `${Math.round(of.rows / of.seconds).toLocaleString("en")} rows/s`;
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
  rows.push(...(await overIntents(quick ? 50 : 1_000, quick ? 5 : 50)));
  return { rows, figures: { rows } };
};

async function overIntents(files: number, queries: number): Promise<readonly Row[]> {
  await using runtime = await openRuntime({ intents });
  const csv = (index: number): string => Buffer.from(`id,name\n${index},name ${index}\n`).toString("base64");
  const given = Array.from({ length: files }, (_, index) => ({ ui_name: `${index}.csv`, content_base64: csv(index) }));
  const beganMs = performance.now();
  const bulk = (await runtime.run("content.bulk_ingest_files", { files: given })).output as {
    readonly succeeded?: number;
  };
  const seconds = (performance.now() - beganMs) / 1_000;
  const timesMs: number[] = [];
  for (let index = 0; index <= queries; index += 1) {
    const askedMs = performance.now();
    await runtime.run("insights.query_data", { sql: "SELECT sum(range) FROM range(100000)" });
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
      figure: "insights.query_data, p50",
      measured: `${p50.toFixed(0)} ms`,
      beside: `${first.toFixed(0)} ms the first, which starts the engine`,
    },
  ];
}

async function measure(mode: "bare" | "parquet", file: string): Promise<Measured> {
  const { stdout } = await promisify(execFile)(process.execPath, [CHILD, mode, file]);
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
