import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { openRuntime, testIds, type TestRuntime } from "../../kit/runtime.ts";
import { anyDeed, playInstances } from "../../kit/wasm/instance-model.ts";
import { type InstanceScene, openInstanceScene } from "../../kit/wasm/instance-scene.ts";
import { createManualClock } from "../../unit/manual-clock.ts";

const clock = createManualClock();
let runtime: TestRuntime;
let scene: InstanceScene;

beforeAll(async () => {
  runtime = await openRuntime({ clock });
  scene = await openInstanceScene(runtime);
});
afterAll(() => runtime[Symbol.asyncDispose]());

describe("properties of instances of two tenants, over the real pool and store", () => {
  it("2, 4, 5, 6, 7, 8, 9, 13, 14, 16, 19, 21: whatever is done to them, they are what was done to them, and nothing else", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(anyDeed, { minLength: 20, maxLength: 60 }), playInstances({ runtime, scene, clock })),
      { numRuns: 40 },
    );
  });

  it("18: whatever a module's bytes, permissions or ids are, what is not valid is INVALID_REQUEST, and nothing is kept", async () => {
    const { instances } = runtime.services;
    const total = async () => (await instances.list(runtime.tenantId, undefined, { limit: 1 })).total;
    const before = await total();
    const magic = fc
      .uint8Array({ maxLength: 64 })
      .map((tail) => Uint8Array.of(0, 0x61, 0x73, 0x6d, 2, 0, 0, 0, ...tail));
    await fc.assert(
      fc.asyncProperty(fc.oneof(fc.uint8Array({ maxLength: 64 }), magic), fc.string(), async (module, permission) => {
        const creating = instances.create({
          tenantId: runtime.tenantId,
          module,
          restartPolicy: { policy_type: "never", backoff_seconds: 5 },
          capabilities: permission === "" ? [] : [{ providerType: "kv", permissions: [permission] }],
          traceId: testIds.trace(),
        });
        expect(await scene.codeOf(creating)).toBe("wasm.invalid_request");
      }),
      { numRuns: 300 },
    );
    expect(await total()).toBe(before);
  });
});
