import { createClient, type LogEntry, ProblemError, reference } from "symphainy/client";
import { beforeAll, describe, expect, it } from "vitest";
import * as z from "zod";

import type { ingestFile } from "../../functions/content/ingest-file.ts";
import type { saveMaterialization } from "../../functions/content/save-materialization.ts";
import { parseContent } from "../../functions/content/parse-content.ts";
import type { IntentDefinition } from "../../shared/sagas/intent-definition.ts";
import { startTcpProxy } from "../kit/tcp-proxy.ts";
import { send } from "./client.ts";
import { type RuntimeProcess, runtimeProcesses, SLOW_RUNTIME } from "./runtime-process.ts";

type Approval = IntentDefinition<{ item: string }, { item: string; by: string; process: number }>;
type Slow = IntentDefinition<{ label: string; step_ms: number }, { label: string; processes: number[] }>;
const ingest = reference<typeof ingestFile>("content.ingest_file");
const save = reference<typeof saveMaterialization>("content.save_materialization");
const approval = reference<Approval>("test.approval");
const slow = reference<Slow>("test.slow");

const runtimes = runtimeProcesses();
let runtime: RuntimeProcess;

beforeAll(async () => {
  runtime = await runtimes.start({ entry: SLOW_RUNTIME });
});

async function tokenOf(url: string, tenantId: string): Promise<string> {
  const answer = await send(url, { method: "POST", path: "/dev/token", body: { tenant_id: tenantId } });
  return answer.as(z.object({ token: z.string() })).token;
}

async function connect(tenantId = "acme") {
  return createClient({ baseUrl: runtime.url, token: await tokenOf(runtime.url, tenantId) });
}

const csv = (text: string) => ({ ui_name: "a.csv", content_base64: Buffer.from(text).toString("base64") });

describe("an intent", () => {
  it("is submitted in a session that makes itself, waited for, and read back", async () => {
    const client = await connect();
    const session = client.session("acme", { context: { from: "a test" } });
    const handle = await session.submit(ingest, csv("a\n1\n"));
    const settled = await handle.wait({ timeoutMs: 10_000 });
    expect(settled).toMatchObject({ status: "completed", output: { size_bytes: 4, lifecycle_state: "PENDING" } });
    expect(await session.get()).toMatchObject({ session_id: await session.id(), context: { from: "a test" } });

    const resumed = client.session("acme", { sessionId: await session.id() });
    expect(await resumed.id()).toBe(await session.id());
  });

  it("is run for its output by its definition or its name, in a chain whose types fit", async () => {
    const session = (await connect()).session("acme");
    const file = await session.run(ingest, csv("a,b\n1,x\n2,y\n"));
    await session.run(save, { file_id: file.file_id, boundary_contract_id: file.boundary_contract_id });
    const parsed = await session.run(parseContent, { file_id: file.file_id });
    expect(parsed).toMatchObject({ record_count: 2, format: "csv" });
  });

  it("is one execution for one idempotency key, and another for another", async () => {
    const session = (await connect()).session("acme");
    const ids = await Promise.all(
      ["key-1", "key-1", "key-2"].map(
        async (idempotencyKey) => (await session.submit(ingest, csv("a\n1\n"), { idempotencyKey })).executionId,
      ),
    );
    expect(new Set(ids).size).toBe(2);
    expect(ids[0]).toBe(ids[1]);
  });

  it("is one execution when the answer to its submission is lost on the way", async () => {
    await using proxy = await startTcpProxy({ host: "127.0.0.1", port: Number(new URL(runtime.url).port) });
    const token = await tokenOf(runtime.url, "lossy");
    const client = createClient({ baseUrl: `http://${proxy.host}:${proxy.port}`, token });
    const session = client.session("lossy");
    await session.id();
    proxy.swallowAnswers();
    const submitting = session.submit(ingest, csv("a\n1\n"));
    const direct = createClient({ baseUrl: runtime.url, token }).tenant("lossy");
    const listed = async () => (await Array.fromAsync(direct.executions())).map(({ execution_id }) => execution_id);
    await expect.poll(listed).toHaveLength(1);
    proxy.mend();
    const { executionId } = await submitting;
    expect(await listed()).toEqual([executionId]);
  });

  it("fails as a typed problem that says where", async () => {
    const session = (await connect()).session("acme");
    const refused = await session.run(ingest, { ui_name: "" }).catch((error: unknown) => error);
    expect(refused).toBeInstanceOf(ProblemError);
    expect(refused).toMatchObject({ code: "request.invalid", status: 422, retryable: false });
    expect((refused as ProblemError).errors.map(({ path }) => path)).toContain("parameters.ui_name");
    expect((refused as ProblemError).traceId).toMatch(/./);

    const handle = await session.submit(parseContent, { file_id: "file_none" });
    await expect(handle.result({ timeoutMs: 10_000 })).rejects.toMatchObject({
      code: "artifact.not_found",
      details: { execution_id: handle.executionId, status: "failed" },
    });
    expect(await handle.wait()).toMatchObject({ status: "failed", error: { code: "artifact.not_found" } });
  });

  it("is not seen with the token of another tenant", async () => {
    const handle = await (await connect()).session("acme").submit(ingest, csv("a\n1\n"));
    const stranger = (await connect("other")).tenant("other").execution(handle.executionId);
    await expect(stranger.status()).rejects.toMatchObject({ code: "execution.not_found", status: 404 });
    await expect(stranger.events()[Symbol.asyncIterator]().next()).rejects.toMatchObject({ status: 404 });
  });
});

describe("an execution under way", () => {
  it("is signalled to, and cancelled", async () => {
    const session = (await connect()).session("acme");
    const approved = await session.submit(approval, { item: "a chair" });
    await expect(approved.wait({ timeoutMs: 50 })).rejects.toMatchObject({ code: "client.timeout", retryable: true });
    await approved.signal("approval", { by: "Ada", ok: true });
    expect(await approved.result({ timeoutMs: 10_000 })).toMatchObject({ item: "a chair", by: "Ada" });

    const cancelled = await session.submit(approval, { item: "a table" });
    await cancelled.cancel();
    expect((await cancelled.wait({ timeoutMs: 10_000 })).status).toBe("cancelled");
    await expect(cancelled.cancel()).rejects.toMatchObject({ status: 409 });

    const forked = await approved.fork("ship");
    expect(await forked.result({ timeoutMs: 10_000 })).toMatchObject({ by: "Ada" });
    const again = await cancelled.retry();
    expect(again.executionId).not.toBe(cancelled.executionId);
    await again.cancel({ compensate: false });
  });

  it("stops being waited for and followed when the caller's signal aborts, with its reason", async () => {
    const handle = await (await connect()).session("acme").submit(approval, { item: "a lamp" });
    const reason = new Error("enough");
    const waiting = handle.wait({ signal: abortedAfter(50, reason) });
    await expect(waiting).rejects.toBe(reason);
    const following = (async () => {
      for await (const _ of handle.events({ signal: abortedAfter(50, reason) }));
    })();
    await expect(following).rejects.toBe(reason);
    await handle.cancel();
  });
});

describe("events()", () => {
  it("gives every log entry of an execution in its order, and ends with it", async () => {
    const session = (await connect()).session("acme");
    const handle = await session.submit(slow, { label: "followed", step_ms: 20 });
    const entries = await Array.fromAsync(handle.events());
    expect(entries.map(({ sequence }) => sequence)).toEqual(entries.map((_, index) => index + 1));
    expect(entries[0]?.event_type).toBe("intent_received");
    expect(entries.at(-1)?.event_type).toBe("execution_completed");
    const rest = await Array.fromAsync(handle.events({ after: 3 }));
    expect(rest).toEqual(entries.slice(3));
    expect(await Array.fromAsync(handle.events({ after: entries.length }))).toEqual([]);
  });

  it("misses nothing and repeats nothing when the runtime is killed and started again under it", async () => {
    const port = String(20_000 + (process.pid % 20_000));
    const first = await runtimes.start({ entry: SLOW_RUNTIME, env: { PORT: port } });
    const client = createClient({ baseUrl: first.url, token: await tokenOf(first.url, "acme") });
    const handle = await client.session("acme").submit(slow, { label: "killed", step_ms: 300 });
    const seen: LogEntry[] = [];
    const following = (async () => {
      for await (const entry of handle.events()) seen.push(entry);
    })();
    await expect.poll(() => seen.some(({ event_type: type }) => type === "step_completed")).toBe(true);
    const waiting = handle.wait();
    await first.kill();
    await runtimes.start({ entry: SLOW_RUNTIME, env: { PORT: port }, dataDir: first.dataDir });
    await following;
    expect((await waiting).status, "waiting for it outlived the runtime, too").toBe("completed");

    expect(await handle.result()).toMatchObject({ label: "killed" });
    const log = await Array.fromAsync(
      client.tenant("acme").wal({ executionId: handle.executionId, order: "chronological" }),
    );
    expect(seen).toEqual(log);
    expect(seen.at(-1)?.event_type).toBe("execution_completed");
  });
});

describe("files and listings", () => {
  it("uploads a large file past the runtime, and downloads it by its signed URL, byte by byte", async () => {
    const client = await connect("files");
    const tenant = client.tenant("files");
    const lines = Array.from({ length: 200_000 }, (_, line) => `${line},row of the file\n`);
    const file = new File([`id,text\n${lines.join("")}`], "large.csv", { type: "text/csv" });
    const { file_id } = await client
      .session("files")
      .run(ingest, { ui_name: file.name, upload_id: await tenant.upload(file) });
    expect((await tenant.artifacts.get(file_id)).artifact).toMatchObject({ lifecycle_state: "PENDING" });

    const urls: string[] = [];
    const watching = createClient({
      baseUrl: runtime.url,
      token: () => tokenOf(runtime.url, "files"),
      fetch: (input, init) => {
        urls.push(String(input));
        if (urls.length > 1) expect(new Headers(init?.headers).has("authorization")).toBe(false);
        return fetch(input, init);
      },
    });
    const downloaded = await watching.tenant("files").artifacts.download(file_id);
    expect(await downloaded.text()).toBe(await file.text());
    expect(urls).toHaveLength(2);
    expect(new URL(urls[1] ?? "").pathname).toMatch(/^\/objects\//);

    const small = await client.session("files").run(ingest, csv("a\n1\n"));
    expect(await (await tenant.artifacts.download(small.file_id)).text()).toBe("a\n1\n");
  });

  it("walks listings page by page, as far as it is asked to", async () => {
    const client = await connect("pages");
    const session = client.session("pages");
    const tenant = client.tenant("pages");
    const ran = await Promise.all(Array.from({ length: 5 }, () => session.run(ingest, csv("a\n1\n"))));
    const listed = await Array.fromAsync(tenant.executions({ pageSize: 2, sessionId: await session.id() }));
    expect(listed).toHaveLength(5);
    expect(new Set(listed.map(({ status }) => status))).toEqual(new Set(["completed"]));

    const artifacts = await Array.fromAsync(tenant.artifacts.list({ lifecycleState: "PENDING", pageSize: 2 }));
    expect(artifacts.map(({ artifact_id }) => artifact_id).toSorted()).toEqual(
      ran.map(({ file_id }) => file_id).toSorted(),
    );
    const entries = await Array.fromAsync(tenant.wal({ type: "execution_completed", pageSize: 2 }));
    expect(entries).toHaveLength(5);

    const [first] = ran;
    if (first === undefined) throw new Error("nothing ran");
    await session.run(save, { file_id: first.file_id, boundary_contract_id: first.boundary_contract_id });
    const [waiting] = await Array.fromAsync(tenant.pendingIntents.list({ status: "pending" }));
    expect(waiting).toMatchObject({ intent_type: "content.parse_content", target_artifact_id: first.file_id });
    const taken = await tenant.pendingIntents.submit<typeof parseContent>(waiting?.intent_id ?? "", {
      sessionId: await session.id(),
    });
    expect((await taken.result({ timeoutMs: 10_000 })).record_count).toBe(1);
  });
});

function abortedAfter(delayMs: number, reason: Error): AbortSignal {
  const controller = new AbortController();
  setTimeout(() => controller.abort(reason), delayMs);
  return controller.signal;
}
