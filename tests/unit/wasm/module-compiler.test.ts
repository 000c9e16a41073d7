import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { createModuleCompiler, type ModuleCompiler } from "../../../infra/adapters/wasm/module-compiler.ts";
import { workerCode } from "../../../infra/adapters/wasm/worker-code.ts";
import { trustedTenantId } from "../../../shared/ids.ts";
import { GUEST_LIMITS } from "../../../shared/ports/guest-limits.ts";
import { ECHO, reactor, wat } from "../../kit/wasm/wat.ts";

let compiler: ModuleCompiler;
let large: Uint8Array;
beforeAll(async () => {
  compiler = createModuleCompiler(await workerCode("compiler-worker"));
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

/** How long it takes until all of them are compiled. */
async function timeMs(tenants: readonly string[]): Promise<number> {
  const begunMs = performance.now();
  const all = await Promise.all(tenants.map((tenant) => compiler.compile(trustedTenantId(tenant), another())));
  expect(all.map(({ outcome }) => outcome)).toEqual(tenants.map(() => "compiled"));
  return performance.now() - begunMs;
}

describe("the compiler of modules", () => {
  it("C1: of one tenant it takes a module only now and then, and those of others meanwhile", async () => {
    await timeMs(["first"]);
    const ratios: number[] = [];
    for (let round = 0; round < 3; round += 1) {
      const ofMany = await timeMs(Array.from({ length: 3 }, (_, n) => `tenant_${round}_${n}`));
      ratios.push((await timeMs(Array.from({ length: 3 }, () => `hostile_${round}`))) / ofMany);
    }
    expect(ratios.toSorted((a, b) => a - b)[1]).toBeGreaterThan(1.5);
  });

  it("examines each module alone: nothing of one that was longer is left in the next", async () => {
    const tenant = trustedTenantId("acme");
    const small = await reactor(ECHO);
    await compiler.compile(tenant, large);
    const compilation = await compiler.compile(tenant, small);
    if (compilation.outcome === "refused") throw new Error(compilation.refusal.message);
    expect(compilation.compiled.info).toMatchObject({ sizeBytes: small.length, abi: "reactor", exports: ["invoke"] });
    const tooLarge = await compiler.compile(tenant, new Uint8Array(GUEST_LIMITS.moduleBytes + 1));
    expect(tooLarge).toMatchObject({ outcome: "refused", refusal: { reason: "too_large" } });
  });
});
