import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import type { JsonValue } from "../../../shared/json.ts";
import type { GuestIdentity } from "../../../shared/ports/wasm-capabilities.ts";
import { FAILURE_CLASSES } from "../../../shared/wasm/guest-failure.ts";
import type { GuestRun } from "../../../shared/wasm/guest-runner.ts";
import { guestsOf, openCapabilityScene } from "../../kit/wasm/capability-scene.ts";
import { acme, type GuestScene, openGuestScene, outputOf, reasonOf, rival } from "../../kit/wasm/guest-scene.ts";
import { FORWARDER, reactor, type ReactorText } from "../../kit/wasm/wat.ts";

const KV_PERMISSIONS = ["kv:read", "kv:write", "kv:delete"] as const;
const NEEDS = { get: "kv:read", exists: "kv:read", set: "kv:write", delete: "kv:delete" } as const;
const DENIED = -3;
const NO_CAPABILITY = -4;
const STOPPED = -6;

const guests = guestsOf([acme, rival]);
const anyGuest = fc.constantFrom(...guests);

/** Counts its calls in a global and in memory, then does what its input's first byte says: ends, traps or grows. */
const FORGETFUL: ReactorText = {
  memory: "2 64",
  more: "(global $calls (mut i32) (i32.const 0))",
  invoke: `
    (local $seen i32)
    (global.set $calls (i32.add (global.get $calls) (i32.const 1)))
    (i32.store (i32.const 40000) (i32.add (i32.load (i32.const 40000)) (i32.const 1)))
    (local.set $seen (i32.add (global.get $calls) (i32.load (i32.const 40000))))
    (if (i32.eq (i32.load8_u (local.get $at)) (i32.const 49)) (then unreachable))
    (if (i32.eq (i32.load8_u (local.get $at)) (i32.const 50)) (then (drop (memory.grow (i32.const 8)))))
    (i32.store8 (i32.const 8) (i32.add (i32.const 48) (local.get $seen)))
    (call $packed (i32.const 8) (i32.const 1))`,
};

let scene: GuestScene;
let forwarders: ReadonlyMap<GuestIdentity["tenantId"], string>;
let forgetful: ReadonlyMap<GuestIdentity["tenantId"], string>;

async function deployForBoth(text: ReactorText): Promise<ReadonlyMap<GuestIdentity["tenantId"], string>> {
  const module = await reactor(text);
  return new Map(
    await Promise.all([acme, rival].map(async (tenant) => [tenant, await scene.deploy(module, tenant)] as const)),
  );
}

function outputOfRun(run: GuestRun): JsonValue {
  if (run.outcome === "completed") return run.output;
  throw new Error(`${run.failure.reason}: ${run.failure.message}`);
}

describe.each([
  ["over the real pool", "local"],
  ["17: over the real pool behind a runner", "remote"],
] as const)("properties of guests, %s", (_title, place) => {
  beforeAll(async () => {
    scene = await openGuestScene(4, place);
    forwarders = await deployForBoth(FORWARDER);
    forgetful = await deployForBoth(FORGETFUL);
  });
  afterAll(() => scene.pool.close());

  it("1: no call sees memory or globals of an earlier one, of whomever, however that one ended", async () => {
    const calls = fc.array(fc.tuple(anyGuest, fc.constantFrom(0, 0, 1, 2)), { minLength: 20, maxLength: 60 });
    await fc.assert(
      fc.asyncProperty(calls, async (all) => {
        const ends = await Promise.all(
          all.map(([guest, input]) => scene.invoke(forgetful.get(guest.tenantId) ?? "", input, guest)),
        );
        for (const [index, end] of ends.entries()) {
          if (all[index]?.[1] === 1) expect(reasonOf(end)).toBe("trap");
          else expect(outputOf(end)).toBe("2");
        }
      }),
      { numRuns: 30 },
    );
  });

  it("3, 4, 10, 19, 20: what guests do to kv is what their permissions allowed at that moment, to their own keys alone", async () => {
    const step = fc.oneof(
      {
        weight: 5,
        arbitrary: fc.record({
          kind: fc.constant("call" as const),
          guest: anyGuest,
          operation: fc.constantFrom("get" as const, "exists" as const, "set" as const, "delete" as const),
          key: fc.constantFrom("a", "b"),
          value: fc.nat(),
        }),
      },
      {
        weight: 2,
        arbitrary: fc.record({
          kind: fc.constant("grant" as const),
          guest: anyGuest,
          permissions: fc.subarray([...KV_PERMISSIONS]),
        }),
      },
      { weight: 1, arbitrary: fc.record({ kind: fc.constant("provider" as const), runs: fc.boolean() }) },
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 20, maxLength: 60 }), async (steps) => {
        await using capabilities = await openCapabilityScene(scene.pool);
        const { runner, registry, providers, grant } = capabilities;
        const stored = new Map(guests.map((guest) => [guest, new Map<string, JsonValue>()]));
        const permitted = new Map<GuestIdentity, readonly string[]>();
        let runs = true;
        for (const each of steps) {
          if (each.kind === "grant") {
            grant(each.guest, "kv", each.permissions);
            permitted.set(each.guest, each.permissions);
          } else if (each.kind === "provider") {
            if (each.runs && !runs) await registry.start(providers.kv);
            if (!each.runs) await registry.stop("kv");
            ({ runs } = each);
          } else {
            const { guest, operation, key, value } = each;
            const params = operation === "set" ? { key, value } : { key };
            const digest = forwarders.get(guest.tenantId) ?? "";
            const input = { provider: "kv", operation, params };
            const output = outputOfRun(await runner.run({ ...guest, digest, input, deadlineMs: 30_000 }));
            const permissions = permitted.get(guest) ?? [];
            const own = stored.get(guest) ?? new Map<string, JsonValue>();
            if (permissions.length === 0) expect(output).toBe(NO_CAPABILITY);
            else if (!permissions.includes(NEEDS[operation])) expect(output).toBe(DENIED);
            else if (!runs) expect(output).toBe(STOPPED);
            else expect(output).toEqual(applied(own, operation, key, value));
          }
        }
        const all = await capabilities.store.listRecords(acme, "wasm_kv", "instance=instance_1", { limit: 10 });
        const [first] = guests;
        expect(all.total).toBe(first === undefined ? -1 : stored.get(first)?.size);
      }),
      { numRuns: 40 },
    );
  });

  it("3, 16: whatever bytes a guest sends to its host, nothing happens but what a well-formed, permitted call asks for", async () => {
    const requests = fc.array(
      fc.oneof(fc.string(), fc.json({ maxDepth: 3 }), fc.constant('{"provider":"messaging"}')),
      {
        minLength: 10,
        maxLength: 40,
      },
    );
    await fc.assert(
      fc.asyncProperty(requests, async (texts) => {
        await using capabilities = await openCapabilityScene(scene.pool);
        const ends = await Promise.all(
          texts.map((text) =>
            scene.invoke(forwarders.get(acme) ?? "", null, {
              input: Buffer.from(text),
              onCall: () => Promise.reject(new Error("No such call was made.")),
            }),
          ),
        );
        expect(new Set(ends.map(outputOf))).toEqual(new Set(["-2"]));
        expect(await capabilities.store.unpublished(1)).toEqual([]);
      }),
      { numRuns: 15 },
    );
  });

  it("10: a provider that throws, never answers or answers with too much leaves the guest with a code, and the pool whole", async () => {
    const misdeeds = fc.array(fc.constantFrom("throws", "hangs", "floods"), { minLength: 1, maxLength: 4 });
    await fc.assert(
      fc.asyncProperty(misdeeds, async (all) => {
        const ends = await Promise.all(
          all.map((misdeed) =>
            scene.invoke(
              forwarders.get(acme) ?? "",
              { provider: "kv", operation: "get" },
              {
                deadlineMs: misdeed === "hangs" ? 100 : 20_000,
                onCall: () => {
                  if (misdeed === "throws") return Promise.reject(new Error("broken"));
                  if (misdeed === "hangs") return new Promise(() => undefined);
                  return Promise.resolve({ outcome: "result", result: "x".repeat(2_000_000) });
                },
              },
            ),
          ),
        );
        const expected = { throws: "-6", hangs: "deadline", floods: "-5" } as const;
        expect(ends.map((end) => (end.outcome === "returned" ? outputOf(end) : reasonOf(end)))).toEqual(
          all.map((misdeed) => expected[misdeed]),
        );
      }),
      { numRuns: 8 },
    );
  });

  it("19: a module is its tenant's: another's digest is a module that is not there", async () => {
    const digest = await scene.deploy(await reactor({ ...FORWARDER, memory: "33" }), acme);
    const end = await scene.invoke(digest, null, { tenantId: rival });
    expect(reasonOf(end)).toBe("module_missing");
    expect(FAILURE_CLASSES.module_missing.errorCode).toBe("INVALID_REQUEST");
  });
});

/** What the operation gives, and does to the map. */
function applied(own: Map<string, JsonValue>, operation: keyof typeof NEEDS, key: string, value: JsonValue): JsonValue {
  switch (operation) {
    case "get":
      return own.get(key) ?? null;
    case "exists":
      return own.has(key);
    case "delete":
      return own.delete(key);
    case "set":
      own.set(key, value);
      return null;
  }
}
