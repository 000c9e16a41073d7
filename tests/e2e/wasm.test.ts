import { execFile } from "node:child_process";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";

import { describe, expect, it, vi } from "vitest";
import * as z from "zod";

import { temporaryFolder } from "../kit/temporary-folder.ts";
import { buildGuest } from "../kit/wasm/build-guest.ts";
import { MOODY } from "../kit/wasm/instance-scene.ts";
import { reactor } from "../kit/wasm/wat.ts";
import { type Client, connect, expectStatus, shapes } from "./client.ts";
import { REPOSITORY, runtimeProcesses } from "./runtime-process.ts";
import { readyFile, upload } from "./sample-files.ts";

const runtimes = runtimeProcesses();
const page = await readFile(join(REPOSITORY, "shared/wasm/first-module.md"), "utf8");

const started = z.object({
  instance: z.object({ instance_id: z.string(), status: z.string(), module_hash: z.string() }),
  capabilities: z.array(z.object({ capability_id: z.string() })),
  crash_count: z.int(),
});
const given = z.object({ output: z.unknown(), log: z.string() });
const listed = z.object({ instances: z.array(started), total: z.int(), next_cursor: z.string().optional() });
const happened = z.object({ events: z.array(z.object({ fact_type: z.string() })), next_cursor: z.string().optional() });
const logged = z.object({ entries: z.array(z.object({ event_type: z.string() })) });
const wasmProblem = z.looseObject({ error_code: z.string(), message: z.string(), timestamp: z.iso.datetime() });

function textOnPage(name: string): string {
  const source = new RegExp(`^\`\`\`\\w+ ${name}\n([^]*?)^\`\`\``, "m").exec(page)?.[1];
  if (source === undefined) throw new Error(`The page has no program ${name}.`);
  return source;
}

/** The program of that name on the page, built as the page says. */
function fromPage(name: string): Promise<Uint8Array> {
  return buildGuest(name, textOnPage(name));
}

const base64 = (module: Uint8Array): string => Buffer.from(module).toString("base64");
const start = async (client: Client, module: Uint8Array, more: object = {}) => {
  const answer = await client.post("/wasm/instances", { module_base64: base64(module), ...more });
  expectStatus(answer, 201);
  return answer.as(started);
};
const statusOf = async (client: Client, id: string) =>
  (await client.get(`/wasm/instances/${id}`)).as(started).instance.status;

describe("instances at a running server", () => {
  it("are made of the page's modules, called, granted, revoked, listed and stopped", async () => {
    const runtime = await runtimes.start();
    const client = await connect(runtime.url);
    const words = await start(client, await fromPage("words.ts"));
    const path = `/wasm/instances/${words.instance.instance_id}`;
    const answer = await client.post(`${path}/invoke`, { input: "to be or not to be" });
    expect(answer.as(given).output).toEqual({ words: 6 });

    const visits = await start(client, await fromPage("visits.ts"));
    const visitsPath = `/wasm/instances/${visits.instance.instance_id}`;
    const grant = { provider_type: "kv", permissions: ["kv:read", "kv:write"] };
    const granted = (await client.post(`${visitsPath}/capabilities`, grant)).as(started);
    const outputs = [];
    for (let visit = 1; visit <= 3; visit += 1)
      outputs.push((await client.post(`${visitsPath}/invoke`, {})).as(given).output);
    expect(outputs).toEqual([{ visits: 1 }, { visits: 2 }, { visits: 3 }]);
    const capability = granted.capabilities[0]?.capability_id ?? "";
    const revoked = `${visitsPath}/capabilities/${capability}?tenant_id=acme`;
    expectStatus(await client.call({ method: "DELETE", path: revoked }), 200);
    const denied = await client.post(`${visitsPath}/invoke`, {});
    expect([denied.status, denied.as(wasmProblem)]).toMatchObject([500, { error_code: "CRASH_DETECTED" }]);

    const first = (await client.get("/wasm/instances", { limit: "1" })).as(listed);
    expect(first).toMatchObject({ total: 2, instances: [{ instance: { status: "crashed" } }] });
    const second = (await client.get("/wasm/instances", { limit: "1", cursor: first.next_cursor ?? "" })).as(listed);
    expect(second.instances[0]?.instance.instance_id).toBe(words.instance.instance_id);
    expectStatus(await client.get("/wasm/instances", { status: "stopped" }), 200);

    expect((await client.post(`${path}/stop`, {})).as(started).instance.status).toBe("stopped");
    const facts = (await client.get(`${path}/events`)).as(happened).events.map(({ fact_type }) => fact_type);
    expect(facts).toEqual(["instance_started", "instance_stopped"]);

    expect((await client.call({ method: "DELETE", path: `${visitsPath}?tenant_id=acme` })).status).toBe(400);
    expectStatus(await client.call({ method: "DELETE", path: `${path}?tenant_id=acme` }), 200);
    expectStatus(await client.get(path), 404);
    const log = (await client.get("/wal", { session_id: words.instance.instance_id })).as(logged);
    expect(log.entries.map(({ event_type }) => event_type)).toEqual([
      "instance_deleted",
      "instance_stopped",
      "instance_started",
    ]);
  });

  it("are one for an Idempotency-Key and a body, and none for another body", async () => {
    const runtime = await runtimes.start();
    const client = await connect(runtime.url);
    const module_base64 = base64(await fromPage("echo.wat"));
    const create = (more: object = {}) =>
      client.post("/wasm/instances", { module_base64, ...more }, { "idempotency-key": "deploy 7" });
    const [first, second] = await Promise.all([create(), create()]);
    expect([first.status, second.status]).toEqual([201, 201]);
    expect(first.as(started).instance.instance_id).toBe(second.as(started).instance.instance_id);
    const other = await create({ restart_policy: { policy_type: "always" } });
    expect([other.status, other.as(wasmProblem).error_code, other.as(wasmProblem)["code"]]).toEqual([
      400,
      "INVALID_REQUEST",
      "idempotency.other_body",
    ]);
    expect((await client.get("/wasm/instances")).as(listed).total).toBe(1);
  });

  it("run as the page says, pasted into a shell", async () => {
    const runtime = await runtimes.start();
    await using folder = await temporaryFolder();
    await writeFile(join(folder.path, "words.wasm"), await fromPage("words.ts"));
    const script = textOnPage("run.sh").replace("http://localhost:8080", runtime.url);
    const { stdout } = await promisify(execFile)("sh", ["-c", script], { cwd: folder.path });
    expect(given.parse(JSON.parse(stdout)).output).toEqual({ words: 6 });
  });

  it("take a module that was ingested as a file, and only a tenant's own", async () => {
    const runtime = await runtimes.start();
    const client = await connect(runtime.url);
    const module = await fromPage("echo.wat");
    const { file_id } = await readyFile(client, "echo.wasm", module);
    const made = await client.post("/wasm/instances", { artifact_id: file_id });
    expectStatus(made, 201);
    const { instance } = made.as(started);
    const echoed = await client.post(`/wasm/instances/${instance.instance_id}/invoke`, { input: { a: [1, "ä"] } });
    expect(echoed.as(given).output).toEqual({ a: [1, "ä"] });
    const rival = await connect(runtime.url, "rival");
    expect((await rival.post("/wasm/instances", { artifact_id: file_id })).status).toBe(404);
    const pending = await client.post("/content/ingest_file", {
      session_id: client.sessionId,
      parameters: upload("other.wasm", module),
    });
    const output = pending.as(shapes.outcome).output as Record<string, string>;
    expect((await client.post("/wasm/instances", { artifact_id: output["file_id"] })).status).toBe(404);
  });

  it("say in the plane's own words what is wrong with a request", async () => {
    const runtime = await runtimes.start();
    const client = await connect(runtime.url);
    const codes = async (body: object) => {
      const answer = await client.post("/wasm/instances", body);
      return [answer.status, answer.as(wasmProblem).error_code];
    };
    expect(await codes({})).toEqual([400, "INVALID_REQUEST"]);
    expect(await codes({ module_base64: "" })).toEqual([400, "INVALID_REQUEST"]);
    expect(await codes({ module_base64: "~~" })).toEqual([400, "INVALID_REQUEST"]);
    expect(await codes({ module_base64: base64(Buffer.from("<html>")) })).toEqual([400, "INVALID_REQUEST"]);
    expect(await codes({ module_base64: 7 })).toEqual([400, "INVALID_REQUEST"]);
    expect(
      await codes({ module_base64: "AGFzbQEAAAA=", capabilities: [{ provider_type: "kv", permissions: [] }] }),
    ).toEqual([400, "INVALID_REQUEST"]);
    const absent = await client.get("/wasm/instances/instance_none");
    expect([absent.status, absent.as(wasmProblem).error_code]).toEqual([404, "INSTANCE_NOT_FOUND"]);
    const anybody = await client.call({ path: "/wasm/instances?tenant_id=acme", headers: { authorization: "" } });
    expect([anybody.status, anybody.as(wasmProblem).error_code]).toEqual([401, "UNAUTHORIZED"]);
  });

  it("crash, and are restarted by the next process when theirs was killed while they waited", async () => {
    const dataDir = join(await runtimes.folder(), "data");
    const killed = await runtimes.start({ dataDir });
    const before = await connect(killed.url);
    const restart_policy = { policy_type: "on_failure", backoff_seconds: 2 };
    const { instance } = await start(before, await reactor(MOODY), { restart_policy });
    const path = `/wasm/instances/${instance.instance_id}`;
    expect((await before.post(`${path}/invoke`, { input: 1 })).status).toBe(500);
    expect(await statusOf(before, instance.instance_id)).toBe("crashed");
    await killed.kill();

    const heir = await runtimes.start({ dataDir });
    const after = await connect(heir.url);
    await vi.waitFor(async () => expect(await statusOf(after, instance.instance_id)).toBe("running"), {
      timeout: 20_000,
      interval: 100,
    });
    const facts = (await after.get(`${path}/events`)).as(happened).events.map(({ fact_type }) => fact_type);
    expect(facts).toEqual(["instance_started", "instance_crashed", "instance_restarted"]);
    expect((await after.get(path)).as(started).instance).toMatchObject({ module_hash: instance.module_hash });
    // Compiled anew, from the module that was kept.
    const asked = { provider: "kv", operation: "get", params: { key: "k" } };
    expect((await after.post(`${path}/invoke`, { input: asked })).as(given).output).toBe(-4);
  });
});
