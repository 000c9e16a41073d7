import { execFile } from "node:child_process";
import { promisify } from "node:util";

import { beforeAll, describe, expect, it } from "vitest";
import writeExcelFile from "write-excel-file/node";

import { type Client, connect, expectStatus, send, shapes } from "./client.ts";
import { follow } from "./event-stream.ts";
import { type RuntimeProcess, runtimeProcesses } from "./runtime-process.ts";
import { readyFile, upload, vega } from "./sample-files.ts";

const READY_WITHIN_MS = 3_000;
const runtimes = runtimeProcesses();

type Rows = readonly Readonly<Record<string, unknown>>[];

/** Submits a parse, follows it to its end by status, and reads the rows back. */
async function parse(client: Client, name: string, bytes: string | Uint8Array) {
  const { file_id } = await readyFile(client, name, bytes);
  const submission = { session_id: client.sessionId, intent_type: "content.parse_content", parameters: { file_id } };
  const execution = await client.ended(await client.accept(submission));
  expect([execution.status, execution.error]).toEqual(["completed", undefined]);
  const parsed = (await client.get(`/artifacts/${String(execution.output?.["parsed_file_id"])}`)).as(shapes.payload);
  return { file_id, execution, parsed, rows: parsed.payload as Rows };
}

describe("the first five minutes", () => {
  it("is ready within three seconds, and every line that `npm start` prints works when pasted", async ({
    annotate,
  }) => {
    const runtime = await runtimes.start({ npm: true });
    await annotate(`npm start was ready after ${Math.round(runtime.readyAfterMs)} ms`);
    expect(runtime.readyAfterMs).toBeLessThan(READY_WITHIN_MS);

    // What is printed comes in pieces.
    await expect.poll(() => runtime.stdout()).toContain("ingest_file");
    const printed = runtime.stdout();
    for (const name of ["Console", "Docs", "OpenAPI"]) {
      const url = new RegExp(`^ {2}${name} +(http:\\S+)$`, "m").exec(printed)?.[1] ?? "";
      expect([url, (await fetch(url)).status]).toEqual([url, 200]);
    }
    expect(printed).toContain(runtime.dataDir);
    const lines = printed.split("to paste into another terminal:\n")[1] ?? "";
    expect(lines).toContain("curl");
    // Without a shell around it, bash takes a pipe for a remote login, and reads what is for interactive shells.
    const { stdout, stderr } = await promisify(execFile)("bash", ["--norc", "-euo", "pipefail", "-c", lines]);
    expect(stderr).toBe("");
    const answer = shapes.outcome.parse(JSON.parse(stdout));
    expect(answer).toMatchObject({ status: "completed", output: { lifecycle_state: "PENDING", size_bytes: 16 } });
    expect(answer.artifacts[0]).toMatchObject({ artifact_type: "file", metadata: { ui_name: "people.csv" } });

    const { stderr: logged } = await runtime.stop();
    expect(logged).not.toMatch(/ERROR|Warning/);
  });

  it("becomes ready on a folder that does not exist yet, again and again", async ({ annotate }) => {
    const dataDir = `${await runtimes.folder()}/not/there/yet`;
    for (let start = 1; start <= 3; start += 1) {
      const runtime = await runtimes.start({ dataDir });
      await annotate(`start ${start} was ready after ${Math.round(runtime.readyAfterMs)} ms`);
      expect(runtime.readyAfterMs).toBeLessThan(READY_WITHIN_MS);
      expect((await send(runtime.url, { path: "/health/ready" })).text).toBe('{"status":"ready"}');
      expect((await runtime.stop()).code).toBe(0);
    }
  });
});

describe("real files", () => {
  let runtime: RuntimeProcess;
  let client: Client;
  beforeAll(async () => {
    runtime = await runtimes.start();
    client = await connect(runtime.url);
  });

  it("takes a CSV from ingestion to rows, and tells the same story in status, log and artifact", async () => {
    const bytes = vega("airports.csv");
    const lines = bytes
      .toString()
      .split(/\r?\n/)
      .filter((line) => line !== "");
    // The independent count: no record of this file spans lines, so a line is a record.
    expect(lines.every((line) => (line.split('"').length - 1) % 2 === 0)).toBe(true);
    const [header = "", ...records] = lines;

    const { file_id, execution, parsed, rows } = await parse(client, "airports.csv", bytes);
    const columns = header.split(",");
    expect(execution.output).toMatchObject({ record_count: records.length, format: "csv", file_id });
    expect(parsed.artifact).toMatchObject({
      artifact_type: "parsed_content",
      lifecycle_state: "READY",
      parent_artifacts: [file_id],
      semantic_descriptor: { record_count: records.length, parser_type: "csv" },
    });
    expect(parsed.payload_encoding).toBe("jsonl");
    expect(rows).toHaveLength(records.length);
    expect(Object.keys(rows[0] ?? {})).toEqual(columns);
    expect(rows.map((row) => row["iata"])).toEqual(records.map((line) => line.split(",")[0]));

    const log = await client.log(execution.execution_id);
    expect(log.map((entry) => entry.sequence)).toEqual(log.map((_, index) => index + 1));
    expect(log.filter((entry) => entry.event_type === "step_completed").map((entry) => entry.step_name)).toEqual(
      execution.steps.map((step) => step.step_name),
    );
    expect(log[0]?.event_type).toBe("intent_received");
    expect(log.at(-1)?.event_type).toBe("execution_completed");
    expect(new Set(log.map((entry) => entry.trace_id)).size).toBe(1);
    expect(execution.events?.map((event) => event.event_type)).toEqual(["content_parsed"]);

    const back = await client.call({ path: `/artifacts/${file_id}/payload?tenant_id=acme` });
    expect(back.text).toBe(bytes.toString());
    const resolved = await client.post("/artifact/resolve", { artifact_id: file_id, artifact_type: "file" });
    expect(resolved.as(shapes.artifact).lifecycle_state).toBe("READY");
    const listed = await client.post("/artifact/list", { artifact_type: "parsed_content" });
    expect(listed.text).toContain(parsed.artifact.artifact_id);
  });

  it("infers the types of a CSV's columns, and adds up to what the file says", async () => {
    const [header = "", ...records] = vega("seattle-weather.csv").toString().trim().split(/\r?\n/);
    const { execution, rows } = await parse(client, "seattle-weather.csv", vega("seattle-weather.csv"));
    expect(execution.output?.["columns"]).toEqual([
      { name: "date", type: "date", null_count: 0 },
      { name: "precipitation", type: "float", null_count: 0 },
      { name: "temp_max", type: "float", null_count: 0 },
      { name: "temp_min", type: "float", null_count: 0 },
      { name: "wind", type: "float", null_count: 0 },
      { name: "weather", type: "string", null_count: 0 },
    ]);
    const column = header.split(",").indexOf("wind");
    const sum = records.reduce((total, line) => total + Number(line.split(",")[column]), 0);
    expect(rows.reduce((total, row) => total + Number(row["wind"]), 0)).toBe(sum);
  });

  it("parses JSON, JSON lines and an Excel workbook of the same records to the same rows", async () => {
    const cars = JSON.parse(vega("cars.json").toString()) as Rows;
    const json = await parse(client, "cars.json", vega("cars.json"));
    expect(json.execution.output).toMatchObject({ record_count: cars.length, format: "json" });
    expect(json.rows).toEqual(cars);

    const lines = `${cars.map((car) => JSON.stringify(car)).join("\n")}\n`;
    const jsonl = await parse(client, "cars.jsonl", lines);
    expect(jsonl.execution.output).toMatchObject({ record_count: cars.length, format: "jsonl" });
    expect(jsonl.rows).toEqual(cars);

    const names = ["Name", "Cylinders", "Weight_in_lbs", "Origin"];
    const cell = (value: unknown) => (typeof value === "number" ? { value, type: Number } : { value: String(value) });
    const workbook = await writeExcelFile([
      names.map((value) => ({ value })),
      ...cars.map((car) => names.map((name) => cell(car[name]))),
    ]).toBuffer();
    const xlsx = await parse(client, "cars.xlsx", workbook);
    expect(xlsx.execution.output).toMatchObject({ record_count: cars.length, format: "xlsx" });
    expect(xlsx.rows).toEqual(cars.map((car) => Object.fromEntries(names.map((name) => [name, car[name]]))));
  });

  it("takes a file of nearly a megabyte, and hands rows that are larger than that out by reference", async () => {
    const bytes = vega("species.csv");
    const count = bytes.toString().trimEnd().split("\n").length - 1;
    const { execution, parsed } = await parse(client, "species.csv", bytes);
    expect(execution.output).toMatchObject({ record_count: count });
    expect(parsed.payload).toBeUndefined();
    const file = await send(String(parsed["payload_url"]), { path: "" });
    expect(file.headers.get("content-type")).toBe("application/vnd.apache.parquet");
    expect([file.text.slice(0, 4), file.text.slice(-4)]).toEqual(["PAR1", "PAR1"]);
    const rows = await client.get(`/artifacts/${parsed.artifact.artifact_id}/payload`);
    expect(rows.text.trimEnd().split("\n")).toHaveLength(count);
    expect(rows.headers.get("content-type")).toBe("application/x-ndjson");
  });

  it("streams the log of an execution, and goes on after Last-Event-ID without a gap or a repeat", async () => {
    const { file_id } = await readyFile(client, "stocks.csv", vega("stocks.csv"));
    const submission = { session_id: client.sessionId, intent_type: "content.parse_content", parameters: { file_id } };
    const id = await client.accept(submission);
    const live = await follow(client, id);
    const log = await client.log(id);
    expect(live.map(({ data }) => data)).toEqual(log);
    expect(live.map((event) => [event.id, event.event])).toEqual(
      log.map((entry) => [entry.sequence, entry.event_type]),
    );
    for (const seen of [0, 1, 4, log.length - 1, log.length]) {
      const rest = await follow(client, id, seen);
      expect(rest.map(({ data }) => data)).toEqual(log.slice(seen));
    }
  });

  it("answers at once when asked to, with where to look", async () => {
    const body = { session_id: client.sessionId, parameters: upload("now.csv", "a\n1\n") };
    for (const prefer of ["respond-async", "wait=0"]) {
      const answer = await client.post("/content/ingest_file", body, { prefer });
      expectStatus(answer, 202);
      const { execution_id } = answer.as(shapes.accepted);
      const found = await client.call({ path: answer.headers.get("location") ?? "" });
      expect(found.as(shapes.execution).execution_id).toBe(execution_id);
      expect((await client.ended(execution_id)).status).toBe("completed");
    }
    expectStatus(await client.post("/content/ingest_file", body, { prefer: "respond-async, wait=20" }), 200);
  });

  it("leaves a file for another session to parse", async () => {
    const { file_id, pending_intent_id } = await readyFile(client, "later.csv", "a,b\n1,2\n3,4\n");
    const session_id = await client.newSession();
    const taken = await client.post(`/intent/pending/${pending_intent_id}/submit`, { session_id });
    expectStatus(taken, 202);
    const ended = await client.ended(taken.as(shapes.accepted).execution_id);
    expect(ended.output).toMatchObject({ record_count: 2, file_id });
    const again = await client.post(`/intent/pending/${pending_intent_id}/submit`, { session_id });
    expect(again.status).toBe(409);
    const completed = await client.post("/intent/pending/list", { target_artifact_id: file_id, status: "completed" });
    expect(completed.text).toContain(pending_intent_id);
  });

  it("ingests what arrives as EDI text and as an API payload", async () => {
    const edi = { ui_name: "order.edi", ingestion_type: "edi", edi_data: "ISA*00*~", partner_id: "walmart" };
    const api = { ui_name: "orders.json", ingestion_type: "api", api_payload: [{ order: 1 }, { order: 2 }] };
    for (const [parameters, text] of [
      [edi, "ISA*00*~"],
      [api, '[{"order":1},{"order":2}]'],
    ] as const) {
      const answer = await client.post("/content/ingest_file", { session_id: client.sessionId, parameters });
      expectStatus(answer, 200);
      const { output } = answer.as(shapes.outcome);
      expect((await client.get(`/artifacts/${String(output["file_id"])}/payload`)).text).toBe(text);
    }
  });

  it("lists executions and log entries page by page, each exactly once", async () => {
    const seen = { executions: new Set<string>(), entries: new Set<string>() };
    for (let cursor: string | undefined = ""; cursor !== undefined;) {
      const page = await client.get("/executions", { limit: "3", ...(cursor === "" ? {} : { cursor }) });
      const { executions, next_cursor } = page.as(shapes.executions);
      for (const { execution_id } of executions) {
        expect(seen.executions.has(execution_id)).toBe(false);
        seen.executions.add(execution_id);
      }
      cursor = next_cursor;
    }
    const whole = (await client.get("/executions", { limit: "1000" })).as(shapes.executions).executions;
    expect(seen.executions).toEqual(new Set(whole.map(({ execution_id }) => execution_id)));

    for (let cursor: string | undefined = ""; cursor !== undefined;) {
      const page = await client.get("/wal", { limit: "40", ...(cursor === "" ? {} : { cursor }) });
      const { entries, next_cursor } = page.as(shapes.entries);
      for (const { event_id } of entries) {
        expect(seen.entries.has(event_id)).toBe(false);
        seen.entries.add(event_id);
      }
      cursor = next_cursor;
    }
    for (const id of seen.executions) {
      for (const { event_id } of await client.log(id)) expect(seen.entries.has(event_id)).toBe(true);
    }
  });
});
