import { afterAll, beforeAll, describe, expect, it } from "vitest";
import * as z from "zod";

import type { Part } from "../../../infra/dev/parts/part.ts";
import { startWasmRunner } from "../../../infra/dev/parts/wasm-runner.ts";
import { sha256 } from "../../../shared/json.ts";

import { createNodeRegistry } from "../../../shared/wasm/node-registry.ts";
import { plainIntent } from "../../kit/plain-intent.ts";
import { openRuntime, testIds, type TestRuntime } from "../../kit/runtime.ts";
import { type InstanceScene, openInstanceScene } from "../../kit/wasm/instance-scene.ts";
import { openModules } from "../../kit/wasm/modules.ts";
import { CAPABILITY_IMPORTS, reactor } from "../../kit/wasm/wat.ts";

const KV = [{ providerType: "kv", permissions: ["kv:read", "kv:write"] }] as const;
const set = (value: number) => ({ provider: "kv", operation: "set", params: { key: "k", value } });
const get = { provider: "kv", operation: "get", params: { key: "k" } };

/** Loops as long as there is no deadline. */
const LOOP = await reactor({ imports: CAPABILITY_IMPORTS, invoke: "(loop $on (br $on)) (i64.const 0)" });

const looping = plainIntent("test.loops")
  .wasm("loop", {
    module: { sha256: sha256(LOOP) },
    timeout: "20s",
    retry: { maxAttempts: 1 },
    input: () => null,
    output: z.object({}),
  })
  .returns(() => ({}));

let runner: Part;
let runtime: TestRuntime;
let scene: InstanceScene;

beforeAll(async () => {
  runner = await startWasmRunner({});
  const wasm = { kind: "service", url: `http://127.0.0.1:${runner.port}` } as const;
  runtime = await openRuntime({ intents: [looping], config: { wasm } });
  scene = await openInstanceScene(runtime);
});
afterAll(async () => {
  await runtime[Symbol.asyncDispose]();
  await runner.stop();
});

async function again(): Promise<void> {
  runner = await startWasmRunner({ port: runner.port });
}

it("15: in one process, and with a service, nothing of nodes is in the store", async () => {
  await using alone = await openRuntime();
  const own = await openInstanceScene(alone);
  const { metadata } = await own.start({ capabilities: KV });
  expect(await own.invoke(metadata.instance_id, set(1))).toBeNull();
  const { metadata: served } = await scene.start({ capabilities: KV });
  expect(await scene.invoke(served.instance_id, set(1))).toBeNull();
  expect([metadata.node_id, served.node_id]).toEqual(["node_local", "node_service"]);
  for (const { store, services } of [alone, runtime]) {
    const registry = createNodeRegistry({ store, surface: services.surface, clock: services.adapters.clock });
    expect(await registry.nodes()).toEqual([]);
    expect((await registry.placements(undefined, 10)).items).toEqual([]);
  }
});

describe("a runner service", () => {
  it("runs instances with the capabilities that the control side answers, and revocation bites on the next call (4, 17)", async () => {
    const { metadata, capabilities } = await scene.start({ capabilities: KV });
    const id = metadata.instance_id;
    expect(metadata.node_id).toBe("node_service");
    expect(await scene.invoke(id, set(7))).toBeNull();
    expect(await scene.invoke(id, get)).toBe(7);
    const { instances } = runtime.services;
    const capabilityId = capabilities[0]?.capability_id ?? "";
    await instances.revoke(runtime.tenantId, id, capabilityId, testIds.trace());
    expect(await scene.invoke(id, get)).toBe(-4);
  });

  it("has a module again after it was killed, from the control side, and verified", async () => {
    const { metadata } = await scene.start({ capabilities: KV });
    const id = metadata.instance_id;
    await runner.kill();
    const refused = await scene.invoke(id, get).catch((error: unknown) => error);
    // Whether the connection is known to be gone decides which.
    const reason = expect.stringMatching(/^node_(unreachable|lost)$/) as string;
    expect(refused).toMatchObject({ status: 429, retryable: true, details: { reason } });
    await again();
    expect(await scene.invoke(id, get)).toBeNull();
    expect((await scene.facts(id)).map(({ fact_type }) => fact_type)).toEqual(["instance_started"]);
  });

  it("that dies in the middle of a saga's step fails the attempt, which may be tried again, and nothing else", async () => {
    await openModules(runtime.services).keep(runtime.tenantId, LOOP);
    const { execution } = await runtime.submit("test.loops");
    await new Promise((resolve) => setTimeout(resolve, 500));
    await runner.kill();
    const ended = await runtime.services.lifecycle.wait(runtime.tenantId, execution.execution_id, 20_000);
    expect(ended).toMatchObject({ status: "failed", error: { code: "wasm.resource_exhausted" } });
    await again();
  });
});
