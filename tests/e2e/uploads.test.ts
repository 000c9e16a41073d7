import { createHash } from "node:crypto";
import { readdir, stat } from "node:fs/promises";
import { connect as openSocket } from "node:net";
import { join } from "node:path";
import { performance } from "node:perf_hooks";
import { setTimeout as sleep } from "node:timers/promises";

import { beforeAll, describe, expect, it } from "vitest";
import * as z from "zod";

import { createSignedPaths } from "../../infra/adapters/files/signed-paths.ts";
import { largeBody, MIB, type OpenedUpload, openUpload, peakMemoryMiB, put } from "../kit/uploads.ts";
import { type Client, connect, expectProblem, expectStatus, send, shapes } from "./client.ts";
import { type RuntimeProcess, runtimeProcesses } from "./runtime-process.ts";

const runtimes = runtimeProcesses();
let runtime: RuntimeProcess;
let client: Client;

beforeAll(async () => {
  runtime = await runtimes.start();
  client = await connect(runtime.url);
});

const open = (sizeBytes: number, more?: object): Promise<OpenedUpload> => openUpload(client, sizeBytes, more);

async function ingest(uploadId: string, by: Client = client) {
  const id = await by.accept({
    session_id: by.sessionId,
    intent_type: "content.ingest_file",
    parameters: { ui_name: "people.csv", upload_id: uploadId },
  });
  return by.ended(id, 60_000);
}

/** What bytes lie in the store for uploads: finished ones, and parts of unfinished ones. */
async function leftovers(...folders: readonly ("uploads" | ".incoming")[]): Promise<string[]> {
  const found = await Promise.all(
    folders.map((folder) =>
      readdir(join(runtime.dataDir, "objects", folder), { recursive: true, withFileTypes: true }).catch(() => []),
    ),
  );
  const files = found.flat().filter((item) => item.isFile());
  const sizes = await Promise.all(files.map(async ({ parentPath, name }) => (await stat(join(parentPath, name))).size));
  return files.flatMap(({ name }, index) => (sizes[index] === 0 ? [] : [name]));
}

async function* pieces(...texts: readonly string[]): AsyncGenerator<Uint8Array> {
  for (const text of texts) yield await Promise.resolve(Buffer.from(text));
}

describe("an upload", () => {
  it("becomes a file, byte by byte, and nothing of it is left behind", async () => {
    const text = "name,age\nAda,36\n";
    const upload = await open(text.length);
    expectStatus(await put(upload, text), 200);
    const { status, output } = await ingest(upload.upload_id);
    expect({ status, output }).toMatchObject({
      status: "completed",
      output: { size_bytes: text.length, sha256: createHash("sha256").update(text).digest("hex") },
    });
    const found = (await client.get(`/artifacts/${String(output?.["file_id"])}`)).as(shapes.payload);
    expect(found).toMatchObject({ payload: text, artifact: { metadata: { mime_type: "text/csv" } } });
    expect(await leftovers("uploads", ".incoming")).toEqual([]);
  });

  it("is refused when its size is another, declared or not, and leaves nothing", async () => {
    const upload = await open(10);
    expectProblem(await put(upload, "x".repeat(9)), 422, "upload.wrong_size");
    expectProblem(await put(upload, "x".repeat(11)), 422, "upload.wrong_size");
    expectProblem(await put(upload, ReadableStream.from(pieces("12345", "1234"))), 422, "upload.wrong_size");
    expectProblem(await put(upload, ReadableStream.from(pieces("12345", "123456"))), 422, "upload.wrong_size");
    expectProblem(await put(upload, ""), 422, "upload.wrong_size");
    expect(await leftovers("uploads", ".incoming")).toEqual([]);
    expectStatus(await put(upload, ReadableStream.from(pieces("12345", "12345"))), 200);
  });

  it("is refused as another type", async () => {
    const upload = await open(1);
    expectProblem(await put(upload, "x", { "content-type": "text/html" }), 415, "upload.wrong_type");
  });

  it("is sent once: a second time, and a second sender at the same time, are refused", async () => {
    const upload = await open(MIB);
    const answers = await Promise.all(["a", "b", "c"].map((letter) => put(upload, letter.repeat(MIB))));
    expect(answers.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([200, 409, 409]);
    expectProblem(await put(upload, "d".repeat(MIB)), 409, "upload.already_complete");
    const { output } = await ingest(upload.upload_id);
    const winner = ["a", "b", "c"][answers.findIndex(({ status }) => status === 200)] ?? "";
    expect(output).toMatchObject({ sha256: createHash("sha256").update(winner.repeat(MIB)).digest("hex") });
    // Nothing would count what came by a URL whose upload is a file already.
    expectProblem(await put(upload, "e".repeat(MIB)), 409, "upload.already_complete");
  });

  it("needs the URL as it was given out: no part of it can be changed", async () => {
    const upload = await open(3);
    const changes: readonly ((url: URL) => void)[] = [
      (url) => (url.pathname = url.pathname.replace("/acme/", "/globex/")),
      (url) => (url.pathname += "x"),
      (url) => (url.pathname += "/%E0%A4%A"),
      (url) => (url.pathname = "/objects/.signing-key"),
      (url) => url.searchParams.set("size_bytes", "4"),
      (url) => url.searchParams.set("content_type", "text/html"),
      (url) => url.searchParams.set("expires_ms", String(Date.now() + 86_400_000)),
      (url) => url.searchParams.set("signature", "0".repeat(64)),
      (url) => url.searchParams.delete("signature"),
      (url) => (url.search = ""),
    ];
    for (const change of changes) {
      const url = new URL(upload.upload_url);
      change(url);
      expectProblem(await put({ ...upload, upload_url: url.href }, "abc"), 403, "signed_url.invalid");
    }
    expectProblem(await send(upload.upload_url, { path: "" }), 403, "signed_url.invalid");
    expectStatus(await put(upload, "abc"), 200);
  });

  it("ends with its URL", async () => {
    const paths = createSignedPaths("/objects/", join(runtime.dataDir, "objects/.signing-key"));
    const leave = { method: "PUT", path: "uploads/acme/late", contentType: "text/csv", sizeBytes: 1 } as const;
    const url = await paths.sign({ ...leave, expiresMs: Date.now() - 1 });
    const late = await send(runtime.url, {
      method: "PUT",
      path: url,
      raw: "x",
      headers: { "content-type": "text/csv" },
    });
    expectProblem(late, 403, "signed_url.expired");
  });

  it("that breaks off half-way leaves nothing, and can be sent again", async () => {
    const upload = await open(4 * MIB);
    const url = new URL(upload.upload_url);
    const socket = openSocket(Number(url.port), url.hostname);
    socket.write(
      `PUT ${url.pathname}${url.search} HTTP/1.1\r\nhost: ${url.host}\r\ncontent-type: text/csv\r\ncontent-length: ${4 * MIB}\r\n\r\n`,
    );
    socket.write("x".repeat(MIB));
    for (const giveUpMs = performance.now() + 5_000; (await leftovers(".incoming")).length === 0; await sleep(10)) {
      expect(performance.now()).toBeLessThan(giveUpMs);
    }
    socket.destroy();
    for (const giveUpMs = performance.now() + 5_000; (await leftovers(".incoming")).length > 0; await sleep(10)) {
      expect(performance.now()).toBeLessThan(giveUpMs);
    }
    expect(await ingest(upload.upload_id)).toMatchObject({ status: "failed", error: { code: "upload.incomplete" } });
    expectStatus(await put(upload, "y".repeat(4 * MIB)), 200);
    expect(await ingest(upload.upload_id)).toMatchObject({ status: "completed" });
  });

  it("of another tenant does not exist", async () => {
    const upload = await open(3);
    expectStatus(await put(upload, "abc"), 200);
    const rival = await connect(runtime.url, "globex");
    const failed = { status: "failed", error: { code: "upload.not_found", status: 404 } };
    expect(await ingest(upload.upload_id, rival)).toMatchObject(failed);
    expect(await ingest("upload_none", rival)).toMatchObject(failed);
    expect(await ingest(upload.upload_id)).toMatchObject({ status: "completed" });
  });

  it("becomes one file, however many ask for it", async () => {
    const upload = await open(3);
    expectStatus(await put(upload, "abc"), 200);
    const ended = await Promise.all(Array.from({ length: 4 }, () => ingest(upload.upload_id)));
    expect(ended.filter(({ status }) => status === "completed")).toHaveLength(1);
    const reasons = ended.flatMap(({ error }) => (error === undefined ? [] : [error.code]));
    // Who comes late finds it taken, or its bytes moved away already.
    for (const reason of reasons) expect(["upload.already_taken", "upload.incomplete"]).toContain(reason);
    expect((await ingest(upload.upload_id)).error?.code).toBe("upload.already_taken");
  });

  it.each([
    [{ size_bytes: 0 }, "size_bytes"],
    [{ size_bytes: 5 * 1024 * MIB + 1 }, "size_bytes"],
    [{ size_bytes: 1.5 }, "size_bytes"],
    [{ filename: "" }, "filename"],
    [{ content_type: "text" }, "content_type"],
    [{ content_type: "text/csv\r\nx: y" }, "content_type"],
  ])("cannot be opened with %j", async (fault, path) => {
    const wanted = { filename: "a.csv", content_type: "text/csv", size_bytes: 1, ...fault };
    const problem = expectProblem(await client.post("/files/upload-url", wanted), 422, "request.invalid");
    expect(problem.errors?.map((error) => error.path)).toEqual([path]);
  });
});

describe("a large payload", () => {
  it("is read through a signed URL without a token, also by ranges", async () => {
    const text = Array.from({ length: 300_000 }, (_, n) => `${n}\n`).join("");
    const upload = await open(text.length, { filename: "zahlen äöü.csv" });
    expectStatus(await put(upload, text), 200);
    const { output } = await ingest(upload.upload_id);
    const found = (await client.get(`/artifacts/${String(output?.["file_id"])}`)).as(
      z.looseObject({
        payload: z.undefined().optional(),
        payload_url: z.url(),
        payload_url_expires_at: z.iso.datetime(),
      }),
    );
    const url = found.payload_url;
    const whole = await send(url, { path: "" });
    expect(whole.text === text).toBe(true);
    expect(Object.fromEntries(whole.headers)).toMatchObject({
      "content-type": "text/csv",
      "content-length": String(text.length),
      "content-disposition": "attachment; filename*=UTF-8''people.csv",
      "x-content-type-options": "nosniff",
      "content-security-policy": expect.stringContaining("sandbox") as unknown,
    });
    const ranges = { "bytes=0-9": [0, 10], "bytes=5-": [5, text.length], "bytes=-7": [-7, text.length] } as const;
    for (const [range, [from, to]] of Object.entries(ranges)) {
      const part = await send(url, { path: "", headers: { range } });
      expect([part.status, part.text === text.slice(from, to)]).toEqual([206, true]);
    }
    const beyond = await send(url, { path: "", headers: { range: `bytes=${text.length}-` } });
    expectProblem(beyond, 416, "object.range_unsatisfiable");
    expect(beyond.headers.get("content-range")).toMatch(/^bytes \*\/\d+$/);
    expectProblem(await send(`${url}0`, { path: "" }), 403, "signed_url.invalid");
    expectProblem(await put({ ...upload, upload_url: url }, "x"), 403, "signed_url.invalid");
  });
});

describe("a gigabyte", () => {
  it("comes in and becomes a file without being held in memory", { timeout: 120_000 }, async () => {
    const sizeBytes = 1024 * MIB;
    const { body, sha256 } = largeBody(sizeBytes);
    const upload = await open(sizeBytes);
    const peakBeforeMiB = await peakMemoryMiB(runtime);
    expectStatus(await put(upload, body, { "content-length": String(sizeBytes) }), 200);
    const { status, output, error } = await ingest(upload.upload_id);
    const grewMiB = (await peakMemoryMiB(runtime)) - peakBeforeMiB;
    expect({ status, output, error }).toMatchObject({
      status: "completed",
      output: { size_bytes: sizeBytes, sha256: sha256() },
    });
    expect(grewMiB).toBeLessThan(128);
  });
});
