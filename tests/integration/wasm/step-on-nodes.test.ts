import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import * as z from "zod";

import { sha256 } from "../../../shared/json.ts";
import { plainIntent } from "../../kit/plain-intent.ts";
import { openModules } from "../../kit/wasm/modules.ts";
import { openPlaneScene, type PlaneScene } from "../../kit/wasm/plane-scene.ts";
import { ECHO, PLODDING, reactor } from "../../kit/wasm/wat.ts";

const echo = await reactor(ECHO);
const plodding = await reactor(PLODDING);

const told = plainIntent("test.told")
  .wasm("echo", {
    module: { sha256: sha256(echo) },
    input: () => ({ said: "hello" }),
    output: z.object({ said: z.string() }),
  })
  .wasm("plod", {
    module: { sha256: sha256(plodding) },
    capabilities: [{ provider: "kv", permissions: ["kv:write"] }],
    timeout: "20s",
    retry: { maxAttempts: 20 },
    input: ({ outputs }) => ({ provider: "kv", operation: "set", params: { key: "k", value: outputs.echo.said } }),
    output: z.null().transform(() => ({})),
  })
  .returns(() => ({}));

let scene: PlaneScene;
beforeAll(async () => {
  scene = await openPlaneScene(1, { intents: [told] });
  const modules = openModules(scene.runtime.services);
  for (const module of [echo, plodding]) await modules.keep(scene.runtime.tenantId, module);
});
afterAll(() => scene[Symbol.asyncDispose]());

const written = async () => {
  const { store, tenantId } = scene.runtime;
  const { items } = await store.listRecords(tenantId, "wasm_kv", "instance=step.test.told.plod", { limit: 10 });
  return items.map(({ body }) => body);
};

describe("a step that a guest does on a runner that registers", () => {
  it("is done there with what its plan grants, is done again where another runner is when that one dies, and is recorded once", async () => {
    const { runtime } = scene;
    const { execution } = await runtime.submit("test.told");
    await vi.waitFor(async () => expect(await written()).toEqual([{ key: "k", value: "hello" }]), { timeout: 20_000 });
    await scene.runners[0]?.kill();
    await scene.addRunner();
    const ended = await runtime.services.lifecycle.wait(runtime.tenantId, execution.execution_id, 25_000);
    expect(ended).toMatchObject({ status: "completed" });
    const attempts = ended.steps.map(({ step_name, attempt }) => [step_name, attempt > 1]);
    expect(attempts).toEqual([
      ["echo", false],
      ["plod", true],
    ]);
    const filter = { executionId: execution.execution_id };
    const entries = await Array.fromAsync(runtime.services.log.replay(runtime.tenantId, filter));
    const completed = entries.filter(({ event_type }) => event_type === "step_completed");
    expect(completed.map(({ step_name }) => step_name)).toEqual(["echo", "plod"]);
    expect(await written()).toEqual([{ key: "k", value: "hello" }]);
  }, 60_000);
});
