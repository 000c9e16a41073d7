import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import * as z from "zod";

import { createSqliteStore } from "../../../infra/adapters/sqlite/execution-store.ts";
import { jsonObject, jsonValue, sha256 } from "../../../shared/json.ts";
import { intent } from "../../../shared/sagas/intent.ts";
import type { ExecutionStore } from "../../../shared/ports/execution-store.ts";
import { historyFaults } from "../../kit/history-faults.ts";
import type { TemporaryFolder } from "../../kit/temporary-folder.ts";
import { openModules } from "../../kit/wasm/modules.ts";
import { openRuntime, type TestRuntime } from "../../kit/runtime.ts";
import { temporaryFolder } from "../../kit/temporary-folder.ts";
import { MOODY } from "../../kit/wasm/instance-scene.ts";
import { ECHO, reactor } from "../../kit/wasm/wat.ts";

const echo = await reactor(ECHO);
const moody = await reactor(MOODY);
const LOOP = await reactor({ invoke: "(loop $forever (br $forever)) unreachable" });

const order = intent("test.order", {
  version: 1,
  description: "Passes an order through modules.",
  input: z.object({ amount: z.number(), asks: jsonValue.default(null) }),
  output: z.object({ amount: z.number() }),
})
  .step("reserve", { run: ({ input }) => ({ doubled: input.amount * 2 }), undo: () => undone.push("reserve") })
  .wasm("price", {
    module: { sha256: sha256(echo) },
    input: ({ outputs }) => ({ amount: outputs.reserve.doubled }),
    output: z.object({ amount: z.number() }),
  })
  .wasm("ask", {
    module: { sha256: sha256(moody) },
    capabilities: [{ provider: "kv", permissions: ["kv:write"] }],
    input: ({ input }) => input.asks,
    output: jsonObject,
    when: ({ input }) => input.asks !== null,
  })
  .returns(({ outputs }) => ({ amount: outputs.price.amount }));

const numbers = intent("test.numbers", {
  version: 1,
  description: "Expects a number of a module that gives text.",
  input: z.object({}),
  output: z.object({}),
})
  .wasm("count", {
    module: { sha256: sha256(echo) },
    input: () => ({ count: "three" }),
    output: z.object({ count: z.number() }),
  })
  .returns(() => ({}));

const endless = intent("test.endless", {
  version: 1,
  description: "Waits for a module that never ends.",
  input: z.object({}),
  output: z.object({}),
})
  .wasm("loop", { module: { sha256: sha256(LOOP) }, timeout: "1s", input: () => null, output: z.object({}) })
  .returns(() => ({}));

const SLOW = await reactor({
  ...ECHO,
  invoke: `
    (local $left i32)
    (local.set $left (i32.const 200000000))
    (loop $busy
      (local.set $left (i32.sub (local.get $left) (i32.const 1)))
      (br_if $busy (local.get $left)))
    ${ECHO.invoke}`,
});

const slow = intent("test.slow", {
  version: 1,
  description: "Thinks for a while.",
  input: z.object({}),
  output: z.object({ thought: z.number() }),
})
  .wasm("think", {
    module: { sha256: sha256(SLOW) },
    timeout: "30s",
    input: () => ({ thought: 42 }),
    output: z.object({ thought: z.number() }),
  })
  .returns(({ outputs }) => outputs.think);

const absent = intent("test.absent", {
  version: 1,
  description: "Names a module that nobody has.",
  input: z.object({}),
  output: z.object({}),
})
  .wasm("nothing", { module: { sha256: "0".repeat(64) }, input: () => null, output: z.object({}) })
  .returns(() => ({}));

const undone: string[] = [];
let store: ExecutionStore;
let folder: TemporaryFolder;
let runtime: TestRuntime;

beforeAll(async () => {
  store = createSqliteStore(":memory:");
  folder = await temporaryFolder();
  runtime = await openRuntime({ intents: [order, numbers, endless, slow, absent], store, folder: folder.path });
  const modules = openModules(runtime.services);
  for (const module of [echo, moody, LOOP, SLOW]) await modules.keep(runtime.tenantId, module);
});
afterAll(async () => {
  await runtime[Symbol.asyncDispose]();
  await store.close();
  await folder[Symbol.asyncDispose]();
});

describe("a step that a guest does", () => {
  it("gets what its plan gives it, and its result is recorded like any step's, once", async () => {
    const done = await runtime.run("test.order", { amount: 21 });
    expect(done).toMatchObject({ status: "completed", output: { amount: 42 } });
    const entries = await Array.fromAsync(
      runtime.services.log.replay(runtime.tenantId, { executionId: done.execution_id }),
    );
    const ofPrice = entries.filter(({ step_name }) => step_name === "price").map(({ event_type }) => event_type);
    expect(ofPrice).toEqual(["step_started", "step_completed"]);
  });

  it("is run again by another worker when its own ends under it, is recorded once, and folds to the same state", async () => {
    const first = await openRuntime({ intents: [slow], store, folder: folder.path });
    const isCalled = vi.spyOn(first.services.adapters.guests, "invoke");
    const { execution } = await first.submit("test.slow");
    const executionId = execution.execution_id;
    await vi.waitFor(() => expect(isCalled).toHaveBeenCalled(), { timeout: 10_000 });
    await first[Symbol.asyncDispose]();
    await runtime.services.recovery.sweep();
    const done = await runtime.services.lifecycle.wait(runtime.tenantId, executionId, 20_000);
    expect(done).toMatchObject({ status: "completed", output: { thought: 42 } });
    const filter = { executionId, order: "chronological" } as const;
    const { items: texts } = await store.readLog(runtime.tenantId, filter, { limit: 100 });
    expect(texts.filter((text) => text.includes('"event_type":"step_completed"'))).toHaveLength(1);
    expect(texts.filter((text) => text.includes('"event_type":"execution_resumed"'))).toHaveLength(1);
    expect(historyFaults({ state: done, texts })).toEqual([]);
  });

  it("that traps fails the saga at the first attempt, and what was done before is undone", async () => {
    undone.length = 0;
    const failed = await runtime.run("test.order", { amount: 1, asks: 1 });
    expect(failed).toMatchObject({
      status: "compensated",
      error: { code: "wasm.crash_detected", retryable: false, step_name: "ask" },
    });
    expect(failed.steps.find(({ step_name }) => step_name === "ask")?.attempt).toBe(1);
    expect(undone).toEqual(["reserve"]);
  });

  it("may do what its plan declares, and nothing else", async () => {
    const kv = (operation: string, more: object) => ({ provider: "kv", operation, params: { key: "k", ...more } });
    const wrote = await runtime.run("test.order", { amount: 1, asks: kv("set", { value: { seen: 1 } }) });
    // What the forwarder gives is null, which is no object: the call itself was allowed.
    expect(wrote.error?.details).toMatchObject({ reason: "output_schema" });
    const kept = await store.listRecords(runtime.tenantId, "wasm_kv", "instance=step.test.order.ask", { limit: 10 });
    expect(kept.items.map(({ body }) => body)).toEqual([{ key: "k", value: { seen: 1 } }]);
    const read = await runtime.run("test.order", { amount: 1, asks: kv("get", {}) });
    expect(read.status).toBe("compensated");
  });

  it("whose output is not what its plan says fails for good, naming the place", async () => {
    const failed = await runtime.run("test.numbers");
    expect(failed).toMatchObject({
      status: "failed",
      error: { code: "wasm.wasm_runtime_error", details: { reason: "output_schema", path: "count" } },
    });
  });

  it("is ended at its time, and a module that is not there is told", async () => {
    expect((await runtime.run("test.endless")).error).toMatchObject({ code: "wasm.timeout", step_name: "loop" });
    expect((await runtime.run("test.absent")).error).toMatchObject({ details: { reason: "module_missing" } });
  });

  it("is refused at build time with a digest, permission or time that cannot be", () => {
    const build = (more: object) =>
      intent("test.bad", { version: 1, description: "x", input: z.object({}), output: z.object({}) }).wasm("bad", {
        module: { sha256: "0".repeat(64) },
        input: () => null,
        output: z.object({}),
        ...more,
      });
    for (const more of [
      { module: { sha256: "latest" } },
      { timeout: "31s" },
      { timeout: "10ms" },
      { capabilities: [{ provider: "kv", permissions: ["kv:all"] }] },
      { capabilities: [{ provider: "kv", permissions: [] }] },
      { capabilities: [{ provider: "messaging", permissions: ["msg:subscribe:orders"] }] },
    ]) {
      expect(() => build(more)).toThrow(expect.objectContaining({ code: "plan.bad_wasm_step" }));
    }
  });
});
