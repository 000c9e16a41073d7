import { performance } from "node:perf_hooks";
import { setTimeout as sleep } from "node:timers/promises";

import { describe, expect, it } from "vitest";

import { type Client, connect, createClient, expectProblem, expectStatus, shapes } from "./client.ts";
import { runtimeProcesses, SLOW_RUNTIME } from "./runtime-process.ts";
import { upload } from "./sample-files.ts";

/** Limits as callers of real processes meet them. */
const runtimes = runtimeProcesses();
const slow = (client: Client, stepMs = 1) => ({
  session_id: client.sessionId,
  intent_type: "test.slow",
  parameters: { label: "x", step_ms: stepMs },
});

describe("rates", () => {
  it("tell on each answer what is left, refuse what is above with 429, and let in again after the time that they name", async () => {
    const runtime = await runtimes.start({ entry: SLOW_RUNTIME, env: { RATE_INTENTS_PER_CALLER: "4/2s" } });
    const client = await connect(runtime.url);
    const left: (string | null)[] = [];
    for (let n = 0; n < 4; n += 1) {
      const answer = await client.submit(slow(client));
      expectStatus(answer, 202);
      expect(answer.headers.get("ratelimit-policy")).toBe('"intents_per_caller";q=4;w=2');
      left.push(/r=(\d+)/.exec(answer.headers.get("ratelimit") ?? "")?.[1] ?? null);
    }
    expect(left.slice(0, 2)).toEqual(["3", "2"]);
    const refused = await client.submit(slow(client));
    expectProblem(refused, 429, "policy.rate_limited");
    expect(refused.headers.get("ratelimit")).toMatch(/^"intents_per_caller";r=0;t=1$/);
    const waitSeconds = Number(refused.headers.get("retry-after"));
    expect(waitSeconds).toBe(1);
    await sleep(waitSeconds * 1_000);
    expectStatus(await client.submit(slow(client)), 202);
    const { entries } = (await client.get("/wal", { type: "policy_decided" })).as(shapes.entries);
    expect(entries).toMatchObject([{ payload: { decision: "refused", policy: "intents_per_caller", count: 1 } }]);
    await client.allEnded();
    expect((await client.get("/wal/verify")).text).toContain('"faults":[]');
  });

  it("also hold for the intent's own route, and for new sessions", async () => {
    const env = { RATE_INTENTS_PER_TENANT: "1/60s", RATE_SESSIONS_PER_CALLER: "2/60s" };
    const runtime = await runtimes.start({ entry: SLOW_RUNTIME, env });
    const client = await connect(runtime.url);
    const { session_id, parameters } = slow(client);
    const first = await client.post("/test/slow", { session_id, parameters });
    expectStatus(first, 200);
    expect(first.headers.get("ratelimit")).toMatch(/^"intents_per_tenant";r=0;t=60$/);
    expectProblem(await client.post("/test/slow", { session_id, parameters }), 429, "policy.rate_limited");
    const second = await client.post("/session/create", {});
    expectStatus(second, 201);
    expect(second.headers.get("ratelimit-policy")).toBe('"sessions_per_caller";q=2;w=60');
    expectProblem(await client.post("/session/create", {}), 429, "policy.rate_limited");
  });

  it("L1: two processes over one store let no more in than one bucket holds, and a batch for each", async () => {
    const dataDir = await runtimes.folder();
    const env = { RATE_INTENTS_PER_TENANT: "100/60s" };
    const [one, other] = await Promise.all([
      runtimes.start({ entry: SLOW_RUNTIME, dataDir, env }),
      runtimes.start({ entry: SLOW_RUNTIME, dataDir, env }),
    ]);
    const here = await connect(one.url);
    const there = { ...createClient(other.url, here.tenantId, here.token), sessionId: here.sessionId };
    const startedMs = performance.now();
    const answers = await Promise.all(
      [here, there].map(async (client) => {
        const statuses: number[] = [];
        for (let n = 0; n < 150; n += 1) statuses.push((await client.submit(slow(client))).status);
        return statuses;
      }),
    );
    const filledIn = Math.ceil(((performance.now() - startedMs) / 60_000) * 100);
    const accepted = answers.flat().filter((status) => status === 202).length;
    expect(accepted).toBeGreaterThanOrEqual(100 - 2 * 10);
    // Both buckets were full and nothing was held from before, so the batches add nothing here.
    expect(accepted).toBeLessThanOrEqual(100 + filledIn);
    expect(answers.every((statuses) => statuses.includes(202))).toBe(true);
    expect(new Set(answers.flat())).toEqual(new Set([202, 429]));
    await here.allEnded();
    const { executions } = (await here.get("/executions", { limit: "1000" })).as(shapes.executions);
    expect(executions).toHaveLength(accepted);
  });
});

describe("concurrency of a key", () => {
  it("is held by an execution whose process was killed, and free once that has ended elsewhere", async () => {
    const first = await runtimes.start({ entry: SLOW_RUNTIME });
    const client = await connect(first.url);
    const single = (key: string) => ({
      session_id: client.sessionId,
      intent_type: "test.single",
      parameters: { label: key, step_ms: 700 },
    });
    const held = await client.accept(single("a"));
    expectProblem(await client.submit(single("a")), 429, "policy.concurrency");
    await first.kill();

    const second = await runtimes.start({ entry: SLOW_RUNTIME, dataDir: first.dataDir });
    const again = { ...createClient(second.url, client.tenantId, client.token), sessionId: client.sessionId };
    expect(["pending", "running"]).toContain((await again.execution(held)).status);
    expectProblem(await again.submit(single("a")), 429, "policy.concurrency");
    expectStatus(await again.submit(single("b")), 202);
    expect((await again.ended(held, 20_000)).status).toBe("completed");
    const next = await again.accept(single("a"));
    expectProblem(await again.submit(single("a")), 429, "policy.concurrency");
    expect((await again.ended(next)).status).toBe("completed");
  });
});

describe("stored bytes", () => {
  it("are refused above the tenant's quota, to intents and to uploads, with what to do; another tenant has its own", async () => {
    const env = { QUOTA_STORED_BYTES: "100", TENANT_LIMITS: '{"roomy":{"QUOTA_STORED_BYTES":"off"}}' };
    const runtime = await runtimes.start({ env });
    const ingest = (client: Client, bytes: number) =>
      client.post("/content/ingest_file", {
        session_id: client.sessionId,
        parameters: upload("a.txt", "x".repeat(bytes)),
      });
    const announce = (client: Client, size_bytes: number) =>
      client.post("/files/upload-url", { filename: "a.txt", content_type: "text/plain", size_bytes });
    const client = await connect(runtime.url);
    expectStatus(await ingest(client, 60), 200);
    const refused = expectProblem(await ingest(client, 41), 429, "policy.storage_exceeded");
    expect(refused).toMatchObject({
      retryable: false,
      detail: expect.stringContaining("content.delete_file"),
      details: { policy: "stored_bytes", limit: 100, stored_bytes: 60, needed_bytes: 41 },
    });
    const { entries } = (await client.get("/wal", { type: "execution_failed" })).as(shapes.entries);
    expect(JSON.stringify(entries)).toContain("policy.storage_exceeded");
    expectStatus(await announce(client, 40), 201);
    expectProblem(await announce(client, 1), 429, "policy.storage_exceeded");
    expectProblem(await ingest(client, 1), 429, "policy.storage_exceeded");

    const roomy = await connect(runtime.url, "roomy");
    expectStatus(await ingest(roomy, 10_000), 200);
    expectStatus(await announce(roomy, 10_000), 201);
  });
});

describe("a session", () => {
  it("takes no more intents once it is closed, and what it had taken goes on", async () => {
    const runtime = await runtimes.start({ entry: SLOW_RUNTIME });
    const client = await connect(runtime.url);
    const running = await client.accept(slow(client, 200));
    const path = `/session/${client.sessionId}/close`;
    const closed = await client.call({ method: "PATCH", path, body: { tenant_id: client.tenantId } });
    expectStatus(closed, 200);
    expect(closed.as(shapes.session)["status"]).toBe("closed");
    expectProblem(await client.submit(slow(client)), 409, "session.not_active");
    expectProblem(
      await client.call({ method: "PATCH", path, body: { tenant_id: client.tenantId } }),
      409,
      "session.not_active",
    );
    expect((await client.ended(running)).status).toBe("completed");
  });
});

describe("a wrong limit", () => {
  it.each([
    ["RATE_INTENTS_PER_CALLER", "fast"],
    ["MAX_LIVE_EXECUTIONS", "0"],
    ["TENANT_LIMITS", "{"],
    ["TENANT_LIMITS", '{"acme":{"RATE_INTENTS":"1/1s"}}'],
  ])("%s=%s stops the start, by its name", async (name, value) => {
    const exit = await runtimes.runToExit({ env: { [name]: value } });
    expect(exit.code).toBe(1);
    expect(exit.stderr).toContain(name);
  });
});
