import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";

import { beforeAll, describe, expect, it } from "vitest";
import * as z from "zod";

import { type Client, connect, expectProblem, expectStatus, shapes } from "../e2e/client.ts";
import { type RuntimeProcess, runtimeProcesses } from "../e2e/runtime-process.ts";

/**
 * Data that name a subject, at a real process over real files: encrypted wherever they rest, and unreadable once the subject's key
 * is deleted (ADR 0028).
 */
const runtimes = runtimeProcesses();
let runtime: RuntimeProcess;
let client: Client;
let erased: Ingested;
let other: Ingested;

/** A name, an address and a column that nothing else in the stores contains. */
const MARKS = ["Quillhaven", "zoe.quill@mail.example", "blood_pressure_zq"] as const;
const [NAME, MAIL, COLUMN] = MARKS;
const csvOf = (name: string) => `name,mail,${COLUMN}\n${name},${MAIL},120\n`;

interface Ingested {
  readonly subjectId: string;
  readonly csv: string;
  readonly fileId: string;
  readonly parsedId: string;
  readonly executions: readonly string[];
}

const outcome = z.looseObject({
  execution_id: z.string(),
  output: z.record(z.string(), z.unknown()),
  events: z.array(z.looseObject({ event_type: z.string(), data: z.record(z.string(), z.unknown()) })),
});

async function run(intent: string, parameters: object, more: object = {}) {
  const answer = await client.post(`/${intent.replace(".", "/")}`, {
    session_id: client.sessionId,
    parameters,
    ...more,
  });
  expectStatus(answer, 200);
  return answer.as(outcome);
}

/** Takes a file in, lets it be used and parses it: directly, or by its pending intent. */
async function ingest(subjectId: string): Promise<Ingested> {
  const csv = csvOf(`${NAME} of ${subjectId}`);
  const content_base64 = Buffer.from(csv).toString("base64");
  const file = { ui_name: `${NAME}.csv`, file_type: "csv", content_base64 };
  const of = { subject_id: subjectId };
  const taken = await run("content.ingest_file", file, of);
  const fileId = String(taken.output["file_id"]);
  const { boundary_contract_id } = taken.output;
  const authorized = await run("content.save_materialization", { file_id: fileId, boundary_contract_id }, of);
  const parsed = await run("content.parse_content", { file_id: fileId }, of);
  return {
    subjectId,
    csv,
    fileId,
    parsedId: String(parsed.output["parsed_file_id"]),
    executions: [taken, authorized, parsed].map(({ execution_id }) => execution_id),
  };
}

/** Every file of the process, as the bytes that it is: databases, their write-ahead logs, and objects. */
async function storedFiles(): Promise<readonly { readonly path: string; readonly bytes: Buffer }[]> {
  const entries = await readdir(runtime.dataDir, { recursive: true, withFileTypes: true });
  const paths = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  return Promise.all(paths.map(async (path) => ({ path, bytes: await readFile(path) })));
}

/** A text as it may lie in a store: itself, or in base64 at any of the three offsets. */
function formsOf(text: string): readonly string[] {
  const encoded = [0, 1, 2].map((offset) => {
    const base64 = Buffer.from(" ".repeat(offset) + text).toString("base64");
    return base64.slice(offset === 0 ? 0 : 4, -4);
  });
  return [text, ...encoded];
}

const payloadOf = (artifactId: string) => client.get(`/artifacts/${artifactId}/payload`);
const statusOf = (executionId: string) =>
  client.get(`/execution/${executionId}/status`, { include_artifacts: "true", include_events: "true" });

beforeAll(async () => {
  runtime = await runtimes.start({ env: { LOG_LEVEL: "debug" } });
  client = await connect(runtime.url);
  erased = await ingest("subject-1");
  other = await ingest("subject-2");
});

describe("data that name a subject", () => {
  it("read back whole for the tenant: outputs, events, names, columns and bytes", async () => {
    const [ingestion = "", , parsing = ""] = erased.executions;
    expect((await statusOf(ingestion)).text).toContain(`"ui_name":"${NAME}.csv"`);
    expect((await statusOf(ingestion)).as(shapes.execution).events?.[0]?.data).toMatchObject({
      artifact_id: erased.fileId,
    });
    expect((await statusOf(parsing)).text).toContain(COLUMN);
    expect((await payloadOf(erased.fileId)).text).toBe(erased.csv);
    const record = await client.get(`/artifacts/${erased.parsedId}`);
    expect(record.text).toContain(COLUMN);
    expect(record.text).not.toContain("$sealed");
  });

  it("rest encrypted only: no store, no log and no object has a word of them", async () => {
    const files = await storedFiles();
    expect(files.some(({ path }) => path.endsWith("runtime.db-wal") || path.endsWith("runtime.db"))).toBe(true);
    expect(files.filter(({ path }) => path.includes("objects")).length).toBeGreaterThanOrEqual(4);
    const found = files.flatMap(({ path, bytes }) =>
      MARKS.flatMap(formsOf)
        .filter((form) => bytes.includes(form))
        .map((form) => `${form} in ${path}`),
    );
    expect(found).toEqual([]);
    expect(MARKS.filter((mark) => runtime.stderr().includes(mark))).toEqual([]);
    // The search itself finds what is there: an ordinary file's name.
    await run("content.ingest_file", {
      ui_name: "plain-mark.csv",
      content_base64: Buffer.from("a\n1\n").toString("base64"),
    });
    expect((await storedFiles()).some(({ bytes }) => bytes.includes("plain-mark.csv"))).toBe(true);
  });

  it("are not taken where they could not be erased", async () => {
    const post = (path: string, body: object) => client.post(path, { session_id: client.sessionId, ...body });
    const of = { subject_id: "subject-2" };
    const parameters = { file_id: other.fileId };
    const embeddings = { parsed_file_id: other.parsedId, deterministic_embedding_id: other.parsedId };
    expectProblem(await post("/content/search", { parameters: { query: NAME }, ...of }), 422, "subject.refused");
    expectProblem(
      await post("/content/parse_content", { parameters, ...of, metadata: { note: NAME } }),
      422,
      "subject.metadata_refused",
    );
    expectProblem(await post("/content/parse_content", { parameters }), 409, "subject.not_named");
    expectProblem(
      await post("/content/parse_content", { parameters, subject_id: "subject-1" }),
      409,
      "subject.not_named",
    );
    expectProblem(await post("/content/extract_embeddings", { parameters: embeddings }), 409, "subject.not_named");
    const upload = { parameters: { ui_name: "a.csv", upload_id: "upload-1" }, ...of };
    expectProblem(await post("/content/ingest_file", upload), 422, "subject.upload_refused");
    const renamed = { file_id: other.fileId, data_classification: "client", ui_name: "renamed.csv" };
    expectProblem(await post("/steward/update_file_reference", { parameters: renamed }), 409, "subject.words_refused");
    expectProblem(
      await post("/content/ingest_file", { parameters: {}, subject_id: "zoe quill" }),
      422,
      "request.invalid",
    );
  });

  it("fail without words: the failure of a step tells its code only", async () => {
    const broken = `name,mail\n1,"${NAME}\n`;
    const file = { ui_name: `${NAME}.csv`, file_type: "csv", content_base64: Buffer.from(broken).toString("base64") };
    const of = { subject_id: "subject-2" };
    const taken = await run("content.ingest_file", file, of);
    const { file_id, boundary_contract_id } = taken.output;
    const authorized = await run("content.save_materialization", { file_id, boundary_contract_id }, of);
    // By its pending intent, which knows whose file it is.
    const answer = await client.post(`/intent/pending/${String(authorized.output["pending_intent_id"])}/submit`, {
      session_id: client.sessionId,
    });
    expectStatus(answer, 202);
    const ended = await client.ended(answer.as(shapes.accepted).execution_id);
    expect(ended).toMatchObject({ status: "failed", error: { code: expect.stringMatching(/^parse|^content/) } });
    const found = (await storedFiles()).filter(({ bytes }) => MARKS.some((mark) => bytes.includes(mark)));
    expect(found.map(({ path }) => path)).toEqual([]);
  });
});

describe("a subject that is erased", () => {
  const erasure = (confirm: string, subjectId = "subject-1") =>
    client.post("/steward/erase_subject", {
      session_id: client.sessionId,
      parameters: { subject_id: subjectId, confirm },
    });

  it("leaves a certificate in the log, and only when it is confirmed", async () => {
    expectProblem(await erasure("subject-2"), 422, "request.invalid");
    expectProblem(await erasure("nobody", "nobody"), 404, "subject.not_found");
    const answer = await erasure("subject-1");
    expectStatus(answer, 200);
    const { execution_id, output } = answer.as(outcome);
    expect(output).toMatchObject({ subject_id: "subject-1", artifacts: 2, more: false });
    expect(output["key_id_sha256"]).toMatch(/^[0-9a-f]{64}$/);
    const entries = await client.log(execution_id);
    const certificate = entries.find(({ event_type }) => event_type === "policy_decided")?.payload;
    const { more: _, ...certified } = output;
    expect(certificate).toEqual({ policy: "subject_erasure", decision: "erased", ...certified });
    const again = (await erasure("subject-1")).as(outcome).output;
    expect(again).toEqual(output);
  });

  it("is 410 wherever its data were: executions, artifacts, bytes, repeats and new data", async () => {
    for (const execution of erased.executions) {
      expectProblem(await statusOf(execution), 410, "subject.erased");
      expectProblem(await client.post(`/execution/${execution}/fork`, { from_step: "store" }), 410, "subject.erased");
    }
    for (const id of [erased.fileId, erased.parsedId]) {
      expectProblem(await client.get(`/artifacts/${id}`), 410, "subject.erased");
      expectProblem(await payloadOf(id), 410, "subject.erased");
    }
    const again = { session_id: client.sessionId, parameters: { file_id: erased.fileId }, subject_id: "subject-1" };
    expectProblem(await client.post("/content/parse_content", again), 410, "subject.erased");
  });

  it("leaves artifacts that have ended, and give their bytes up", async () => {
    for (const artifact_type of ["file", "parsed_content"]) {
      const listed = await client.post("/artifact/list", { artifact_type, lifecycle_state: "DELETED" });
      const { artifacts } = listed.as(
        z.looseObject({ artifacts: z.array(z.looseObject({ artifact_id: z.string() })) }),
      );
      expect(artifacts.map(({ artifact_id }) => artifact_id)).toEqual([
        artifact_type === "file" ? erased.fileId : erased.parsedId,
      ]);
    }
  });

  it("leaves a log that verifies and tells what happened, with every payload sealed", async () => {
    const verified = await client.get("/wal/verify");
    expect(verified.as(z.looseObject({ verified: z.boolean(), faults: z.array(z.unknown()) }))).toMatchObject({
      verified: true,
      faults: [],
    });
    const entries = await client.log(erased.executions[0] ?? "");
    expect(entries.at(-1)?.event_type).toBe("execution_completed");
    const received = entries.find(({ event_type }) => event_type === "intent_received");
    expect(received?.payload["parameters"]).toMatchObject({ $sealed: { subject_id: "subject-1" } });
  });

  it("takes nobody else's data with it", async () => {
    expect((await payloadOf(other.fileId)).text).toBe(other.csv);
    expectStatus(await statusOf(other.executions[2] ?? ""), 200);
  });
});
