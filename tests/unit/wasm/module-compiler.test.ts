import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from "vitest";

import { createModuleCompiler, type ModuleCompiler } from "../../../infra/adapters/wasm/module-compiler.ts";
import { workerCode } from "../../../infra/adapters/wasm/worker-code.ts";
import { trustedTenantId } from "../../../shared/ids.ts";
import { GUEST_LIMITS } from "../../../shared/ports/guest-limits.ts";
import { ECHO, reactor, wat } from "../../kit/wasm/wat.ts";

let compiler: ModuleCompiler;
let large: Uint8Array;
let small: Uint8Array;
beforeAll(async () => {
  compiler = createModuleCompiler(await workerCode("compiler-worker"));
  small = await reactor(ECHO);
  const table = `(block (br_table ${"0 ".repeat(65_000)} (local.get 0)))`;
  large = await wat(`(module (memory (export "memory") 1)
    (func $f (param i32) ${table.repeat(15)})
    (func (export "_start") (call $f (i32.const 1))))`);
});
afterAll(() => compiler.close());

let made = 0;
/** The large module with a section of its own, so that none is compiled already. */
function another(): Uint8Array {
  made += 1;
  return Buffer.concat([large, Uint8Array.of(0, 4, 1, 0x6e, made, 0)]);
}

describe("the compiler of modules", () => {
  it("C1: of one tenant it takes a module only now and then, and those of others meanwhile", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    onTestFinished(() => void vi.useRealTimers());
    const hostile = trustedTenantId("hostile");
    const compiled: string[] = [];
    const first = compiler.compile(hostile, another());
    const second = compiler.compile(hostile, another()).then(() => compiled.push("hostile"));
    await first;
    for (let n = 0; n < 5; n += 1) {
      await compiler.compile(trustedTenantId("rival"), small);
      compiled.push("rival");
    }
    // No time has passed for the one that rests, however long that took.
    expect(compiled).toEqual(Array.from({ length: 5 }, () => "rival"));
    vi.advanceTimersByTime(5_000);
    await second;
  });

  it("examines each module alone: nothing of one that was longer is left in the next", async () => {
    const tenant = trustedTenantId("acme");
    await compiler.compile(tenant, large);
    const compilation = await compiler.compile(tenant, small);
    if (compilation.outcome === "refused") throw new Error(compilation.refusal.message);
    expect(compilation.compiled.info).toMatchObject({ sizeBytes: small.length, abi: "reactor", exports: ["invoke"] });
    const tooLarge = await compiler.compile(tenant, new Uint8Array(GUEST_LIMITS.moduleBytes + 1));
    expect(tooLarge).toMatchObject({ outcome: "refused", refusal: { reason: "too_large" } });
  });
});
