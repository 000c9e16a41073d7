import { describe, expect, it, vi } from "vitest";
import * as z from "zod";

import { freePort } from "../../infra/dev/parts/part.ts";
import { startWasmRunner } from "../../infra/dev/parts/wasm-runner.ts";
import { FORWARDER, reactor } from "../kit/wasm/wat.ts";
import { type Client, connect, expectProblem, expectStatus, send } from "./client.ts";
import { runtimeProcesses } from "./runtime-process.ts";

const runtimes = runtimeProcesses();
const made = z.object({ instance: z.object({ instance_id: z.string(), node_id: z.string() }) });
const given = z.object({ output: z.unknown() });
const NODE = {
  node_id: "node_test",
  url: "http://127.0.0.1:1",
  provider_types: ["kv"],
  max_instances: 1,
  heartbeat_every_ms: 1_000,
  state: "serving",
};

const kv = async (client: Client, id: string, operation: "get" | "set", params: object) => {
  const answer = await client.post(`/wasm/instances/${id}/invoke`, { input: { provider: "kv", operation, params } });
  expectStatus(answer, 200);
  return answer.as(given).output;
};

describe("control processes with runners of their own", () => {
  it("hold nothing: one is killed and started again, a second one serves the same instances", async () => {
    const dataDir = await runtimes.folder();
    const port = await freePort();
    const env = { WASM: "nodes", LOG_LEVEL: "warn" };
    const first = await runtimes.start({ dataDir, env: { ...env, PORT: String(port) } });
    const second = await runtimes.start({ dataDir, env });
    const runner = { WASM_CONTROL_URL: first.url, WASM_HEARTBEAT_MS: "1500", LOG_LEVEL: "warn" };
    await using _runners = await startWasmRunner({ env: runner });
    const client = await connect(first.url);
    const module_base64 = Buffer.from(await reactor(FORWARDER)).toString("base64");
    const capabilities = [{ provider_type: "kv", permissions: ["kv:read", "kv:write"] }];
    const instance = await vi.waitUntil(async () => {
      const answer = await client.post("/wasm/instances", { module_base64, capabilities });
      // Until the runner has registered there is no node.
      return answer.status === 201 ? answer.as(made).instance : undefined;
    }, 15_000);
    const id = instance.instance_id;
    expect(await kv(client, id, "set", { key: "k", value: 7 })).toBeNull();
    expect(await kv(await connect(second.url), id, "get", { key: "k" })).toBe(7);
    await first.kill();
    expect(await kv(await connect(second.url), id, "get", { key: "k" })).toBe(7);
    const again = await runtimes.start({ dataDir, env: { ...env, PORT: String(port) } });
    expect(await kv(await connect(again.url), id, "get", { key: "k" })).toBe(7);
  });

  it("take heartbeats of this machine only, and only of what they can read", async () => {
    const { url } = await runtimes.start({ env: { WASM: "nodes", LOG_LEVEL: "error" } });
    const beat = (body: unknown) => send(url, { method: "POST", path: "/wasm/nodes", body });
    expectStatus(await beat(NODE), 200);
    expectProblem(await beat({ ...NODE, url: "http://203.0.113.1:8081" }), 400, "request.invalid");
    expectProblem(await beat({ ...NODE, max_instances: -1 }), 400, "request.invalid");
    expectProblem(await beat({ ...NODE, tenant_id: "acme" }), 400, "request.invalid");
    const without = await runtimes.start();
    expectProblem(
      await send(without.url, { method: "POST", path: "/wasm/nodes", body: NODE }),
      404,
      "request.no_such_endpoint",
    );
  });
});
