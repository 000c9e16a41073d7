import { describe, expect, it } from "vitest";
import * as z from "zod";

import type { CapabilityCall } from "../../../shared/ports/wasm-capabilities.ts";
import type { CapabilityBroker } from "../../../shared/wasm/capability-broker.ts";
import { createWasmPlane } from "../../../shared/wasm/create-wasm-plane.ts";
import type { GuestCall, GuestRun } from "../../../shared/wasm/guest-runner.ts";
import { LOCAL_NODE } from "../../../shared/wasm/single-node.ts";
import { sha256 } from "../../../shared/json.ts";
import { unlimited } from "../../kit/wasm/modules.ts";
import { plainIntent } from "../../kit/plain-intent.ts";
import { openRuntime, testIds } from "../../kit/runtime.ts";

const report = { log: "", logTruncated: false, runMs: 1 };
const DONE: GuestRun = { outcome: "completed", output: null, report };
const TRAPPED: GuestRun = { outcome: "failed", failure: { reason: "trap", message: "unreachable" }, report };
const set: CapabilityCall = { provider: "kv", operation: "set", params: { key: "k", value: 1 } };

type Play = (ask: () => Promise<string>) => Promise<GuestRun>;

/** The real control side over the real store, and guests that a test plays: each call is the next play. */
async function openPlays(
  definition = plainIntent("test.waits")
    .await("go", { schema: z.null() })
    .returns(() => ({})),
) {
  const runtime = await openRuntime({ intents: [definition] });
  const plays: Play[] = [];
  const run = (_node: unknown, caller: GuestCall, broker: CapabilityBroker): Promise<GuestRun> => {
    const ask = async (): Promise<string> => {
      const reply = await broker.call(caller, set, new AbortController().signal);
      return reply.outcome === "result" ? "done" : reply.errorCode;
    };
    return plays.shift()?.(ask) ?? Promise.resolve(DONE);
  };
  const { surface, log, adapters } = runtime.services;
  const plane = createWasmPlane({
    ...adapters,
    surface,
    log,
    quota: unlimited,
    nodes: {
      admit: (_tenant, module) =>
        Promise.resolve({
          outcome: "admitted",
          module: { digest: sha256(module), sizeBytes: module.length, abi: "reactor", exports: ["invoke"] },
        }),
      choose: () => Promise.resolve(LOCAL_NODE),
      place: () => Promise.resolve(LOCAL_NODE),
      release: () => Promise.resolve(),
      isThere: () => Promise.resolve(true),
      unsettled: () => Promise.resolve([]),
      run,
    },
    nudge: () => undefined,
    stopping: new AbortController().signal,
  });
  const { tenantId } = runtime;
  const { metadata } = await plane.instances.create({
    tenantId,
    module: Buffer.from("any"),
    restartPolicy: { policy_type: "always", backoff_seconds: 5 },
    capabilities: [{ providerType: "kv", permissions: ["kv:write"] }],
    traceId: testIds.trace(),
  });
  const instanceId = metadata.instance_id;
  return {
    runtime,
    plane,
    instanceId,
    invoke: (play: Play) => {
      plays.push(play);
      const call = {
        tenantId,
        instanceId,
        export: undefined,
        input: null,
        deadlineMs: 1_000,
        traceId: testIds.trace(),
      };
      return plane.instances.invoke(call).then(
        () => "done",
        (error: unknown) => String((error as { readonly code?: unknown }).code),
      );
    },
    stage: (play: Play) => plays.push(play),
    facts: async () =>
      (await plane.instances.facts(tenantId, instanceId, { limit: 100 })).items.map(({ fact_type }) => fact_type),
    [Symbol.asyncDispose]: () => runtime[Symbol.asyncDispose](),
  };
}

describe("a guest that was left behind", () => {
  it("does nothing any more once its instance was restarted, and its own end counts for nothing (C1)", async () => {
    await using on = await openPlays();
    const answers: string[] = [];
    const late = on.invoke(async (ask) => {
      answers.push(await ask());
      expect(await on.invoke(() => Promise.resolve(TRAPPED))).toBe("wasm.crash_detected");
      answers.push(await ask());
      return TRAPPED;
    });
    expect(await late).toBe("wasm.crash_detected");
    expect(answers).toEqual(["done", "CAPABILITY_NOT_FOUND"]);
    expect(await on.facts()).toEqual(["instance_started", "instance_crashed", "instance_restarted"]);
    expect(await on.invoke(async (ask) => ((await ask()) === "done" ? DONE : TRAPPED))).toBe("done");
  });

  it("does nothing any more once its instance was stopped", async () => {
    await using on = await openPlays();
    const answers: string[] = [];
    await on.invoke(async (ask) => {
      answers.push(await ask());
      await on.plane.instances.stop(on.runtime.tenantId, on.instanceId, testIds.trace());
      answers.push(await ask());
      return TRAPPED;
    });
    expect(answers).toEqual(["done", "CAPABILITY_NOT_FOUND"]);
    expect(await on.facts()).toEqual(["instance_started", "instance_stopped"]);
  });

  it("as a step of a saga does nothing any more once another worker has claimed the execution (G1)", async () => {
    await using on = await openPlays();
    const { runtime, plane } = on;
    const { execution } = await runtime.submit("test.waits");
    await runtime.services.lifecycle.idle();
    const { tenantId, store } = runtime;
    const executionId = execution.execution_id;
    const epoch = (await store.readExecution(tenantId, executionId))?.epoch ?? 0;
    const answers: string[] = [];
    on.stage(async (ask) => {
      answers.push(await ask());
      const nowMs = runtime.services.adapters.clock.now();
      const claim = { tenantId, executionId, workerId: testIds.worker(), nowMs, deadAfterMs: 3_000 };
      expect((await store.claim(claim)).outcome).toBe("claimed");
      answers.push(await ask());
      return DONE;
    });
    await plane.guestSteps.run({
      tenantId,
      executionId,
      epoch,
      intentType: "test.waits",
      stepName: "guest",
      digest: "0".repeat(64),
      export: undefined,
      capabilities: [{ providerType: "kv", permissions: ["kv:write"] }],
      input: null,
      deadlineMs: 1_000,
    });
    expect(answers).toEqual(["done", "CAPABILITY_NOT_FOUND"]);
  });
});
