import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { createSqliteStore } from "../../../infra/adapters/sqlite/execution-store.ts";
import { systemClock } from "../../../infra/adapters/system/system.ts";
import { asId, trustedTenantId } from "../../../shared/ids.ts";
import type { JsonObject, JsonValue } from "../../../shared/json.ts";
import type { CapabilityReply, GuestIdentity } from "../../../shared/ports/wasm-capabilities.ts";
import { createKvProvider, type KvStore } from "../../../shared/wasm/providers/kv-provider.ts";

const acme = trustedTenantId("acme");
const rival = trustedTenantId("rival");
const one = asId.instance("instance_1");
const two = asId.instance("instance_2");
const guest: GuestIdentity = { tenantId: acme, instanceId: one };
const signal = new AbortController().signal;

async function openKv(store: KvStore = createSqliteStore(":memory:")) {
  const kv = createKvProvider({ store, clock: systemClock });
  await kv.initialize();
  const ask = (operation: string, params: JsonObject, caller = guest) => kv.invoke(caller, operation, params, signal);
  return { kv, ask };
}

function valueOf(reply: CapabilityReply): JsonValue {
  if (reply.outcome === "error") throw new Error(`${reply.errorCode}: ${reply.message}`);
  return reply.result;
}

describe("the kv provider", () => {
  it("V1: over any operations of two tenants and two instances it is four maps that know nothing of each other", async () => {
    const callers = [acme, rival].flatMap((tenantId) => [one, two].map((instanceId) => ({ tenantId, instanceId })));
    const key = fc.constantFrom("a", "ab", "a/b", "instance_2/a", "é", "__proto__");
    const steps = fc.array(
      fc.record({
        caller: fc.constantFrom(...callers),
        operation: fc.constantFrom("get", "exists", "set", "delete", "list"),
        key,
        value: fc.jsonValue(),
      }),
      { maxLength: 40 },
    );
    await fc.assert(
      fc.asyncProperty(steps, async (all) => {
        const store = createSqliteStore(":memory:");
        const { ask } = await openKv(store);
        const model = new Map(callers.map((caller) => [caller, new Map<string, JsonValue>()]));
        for (const { caller, operation, key: name, value } of all) {
          const own = model.get(caller) ?? new Map<string, JsonValue>();
          // As JSON has it: -0 is 0.
          const stored = JSON.parse(JSON.stringify(value)) as JsonValue;
          switch (operation) {
            case "set":
              valueOf(await ask("set", { key: name, value: stored }, caller));
              own.set(name, stored);
              break;
            case "delete":
              expect(valueOf(await ask("delete", { key: name }, caller))).toBe(own.delete(name));
              break;
            case "list": {
              const { keys } = valueOf(await ask("list", { prefix: name }, caller)) as { keys: string[] };
              expect(keys.toSorted()).toEqual([...own.keys()].filter((each) => each.startsWith(name)).toSorted());
              break;
            }
            case "exists":
              expect(valueOf(await ask("exists", { key: name }, caller))).toBe(own.has(name));
              break;
            default:
              expect(valueOf(await ask("get", { key: name }, caller))).toEqual(own.get(name) ?? null);
          }
        }
        await store.close();
      }),
      { numRuns: 40 },
    );
  });

  it("lists page by page, each key once", async () => {
    const { ask } = await openKv();
    const keys = Array.from({ length: 230 }, (_, n) => `k${String(n).padStart(3, "0")}`);
    for (const key of keys) await ask("set", { key, value: null });
    const seen: string[] = [];
    let cursor: string | undefined;
    do {
      const page = valueOf(await ask("list", cursor === undefined ? {} : { cursor })) as {
        keys: string[];
        next_cursor?: string;
      };
      seen.push(...page.keys);
      cursor = page.next_cursor;
    } while (cursor !== undefined);
    expect(seen.toSorted()).toEqual(keys);
  });

  it("V2: writers at the same time are all written or told, and the last one stands", async () => {
    const { ask } = await openKv();
    const replies = await Promise.all(Array.from({ length: 20 }, (_, n) => ask("set", { key: "a", value: n })));
    const written = replies.flatMap(({ outcome }, n) => (outcome === "result" ? [n] : []));
    expect(written).toContain(valueOf(await ask("get", { key: "a" })));
    for (const reply of replies) if (reply.outcome === "error") expect(reply.errorCode).toBe("RESOURCE_EXHAUSTED");
  });

  it.each([
    ["no key", "get", {}],
    ["an empty key", "set", { key: "", value: 1 }],
    ["a long key", "get", { key: "k".repeat(513) }],
    ["a key that is no Unicode", "get", { key: "\ud800" }],
    ["another tenant", "get", { key: "a", tenant_id: "rival" }],
    ["an operation that is none", "constructor", {}],
  ])("%s is an INVALID_REQUEST", async (_, operation, params) => {
    const { ask } = await openKv();
    expect(await ask(operation, params)).toMatchObject({ outcome: "error", errorCode: "INVALID_REQUEST" });
  });

  it("takes values of 64 KiB and no larger ones", async () => {
    const { ask } = await openKv();
    expect(await ask("set", { key: "a", value: "x".repeat(65_534) })).toMatchObject({ outcome: "result" });
    expect(await ask("set", { key: "a", value: "x".repeat(65_535) })).toMatchObject({
      errorCode: "RESOURCE_EXHAUSTED",
    });
  });

  it("property 20: before it is initialized and after its shutdown it does nothing, and says so", async () => {
    const { kv, ask } = await openKv();
    await ask("set", { key: "a", value: 1 });
    await kv.shutdown();
    expect(await ask("set", { key: "a", value: 2 })).toMatchObject({
      outcome: "error",
      errorCode: "WASM_RUNTIME_ERROR",
    });
    await kv.initialize();
    expect(valueOf(await ask("get", { key: "a" }))).toBe(1);
  });
});
