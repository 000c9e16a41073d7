import { describe, expect, it } from "vitest";

import { createLogger } from "../../../shared/logger.ts";
import { asId, trustedTenantId } from "../../../shared/ids.ts";
import type { CapabilityProvider, GuestIdentity } from "../../../shared/ports/wasm-capabilities.ts";
import { createCapabilityBroker } from "../../../shared/wasm/capability-broker.ts";
import {
  capabilityAssignmentSchema,
  type CapabilityAssignment,
  type InstanceMetadata,
  instanceMetadataSchema,
} from "../../../shared/wasm/instance.ts";
import { createProviderRegistry } from "../../../shared/wasm/provider-registry.ts";

const logger = createLogger({
  clock: { now: () => 0, sleep: () => Promise.resolve() },
  level: "error",
  write: () => undefined,
});
const caller: GuestIdentity = { tenantId: trustedTenantId("acme"), instanceId: asId.instance("instance_1") };
const call = { provider: "kv", operation: "get", params: { key: "a" } };
const readKv: CapabilityAssignment = capabilityAssignmentSchema.parse({
  instance_id: caller.instanceId,
  capability_id: "capability_1",
  provider_type: "kv",
  permissions: ["kv:read"],
});

function provider(invoke: CapabilityProvider["invoke"]): CapabilityProvider & { readonly life: string[] } {
  const life: string[] = [];
  return {
    type: "kv",
    life,
    initialize: async () => void life.push("initialize"),
    invoke,
    shutdown: async () => void life.push("shutdown"),
  };
}

function scene(kv: CapabilityProvider) {
  const assigned: CapabilityAssignment[] = [readKv];
  const providers = createProviderRegistry();
  const assignments = {
    assignmentsOf: (tenantId: string, instanceId: string) =>
      Promise.resolve(tenantId === caller.tenantId && instanceId === caller.instanceId ? [...assigned] : []),
  };
  const broker = createCapabilityBroker({ assignments, providers, logger });
  const ask = (as: GuestIdentity = caller) => broker.call(as, call, new AbortController().signal);
  return { assigned, providers, ask, start: () => providers.start(kv) };
}

describe("the capability broker", () => {
  it("B1: decides each call anew: a revocation bites on the next one, a grant too", async () => {
    const { assigned, ask, start } = scene(provider(() => Promise.resolve({ outcome: "result", result: "v" })));
    await start();
    expect(await ask()).toEqual({ outcome: "result", result: "v" });
    assigned.length = 0;
    expect(await ask()).toMatchObject({ outcome: "error", errorCode: "CAPABILITY_NOT_FOUND" });
    assigned.push({ ...readKv, permissions: ["kv:write"] });
    expect(await ask()).toMatchObject({ outcome: "error", errorCode: "PERMISSION_DENIED" });
    assigned.push(readKv);
    expect(await ask()).toMatchObject({ outcome: "result" });
  });

  it("property 19: another instance, or the same id of another tenant, has nothing of it", async () => {
    const { ask, start } = scene(provider(() => Promise.resolve({ outcome: "result", result: "v" })));
    await start();
    for (const other of [
      { ...caller, instanceId: asId.instance("instance_2") },
      { ...caller, tenantId: trustedTenantId("rival") },
    ])
      expect(await ask(other)).toMatchObject({ outcome: "error", errorCode: "CAPABILITY_NOT_FOUND" });
  });

  it("B3: what a provider throws stays in the host", async () => {
    const { ask, start } = scene(provider(() => Promise.reject(new Error("password=hunter2"))));
    await start();
    const reply = await ask();
    expect(reply).toMatchObject({ outcome: "error", errorCode: "WASM_RUNTIME_ERROR" });
    expect(JSON.stringify(reply)).not.toContain("hunter2");
  });

  it("property 20: a provider that was stopped, or never started, gives a clean error", async () => {
    const kv = provider(() => Promise.resolve({ outcome: "result", result: "v" }));
    const { ask, start, providers } = scene(kv);
    const stopped = { outcome: "error", errorCode: "WASM_RUNTIME_ERROR", message: "The provider kv is stopped." };
    expect(await ask()).toEqual(stopped);
    await start();
    expect(providers.types).toEqual(["kv"]);
    await expect(start()).rejects.toMatchObject({ code: "wasm.invalid_request", status: 400 });
    await providers.stop("kv");
    expect(await ask()).toEqual(stopped);
    await start();
    await providers.stopAll();
    expect(kv.life).toEqual(["initialize", "shutdown", "initialize", "shutdown"]);
  });

  it("a capability without permissions, and an instance without a tenant, are none", () => {
    expect(capabilityAssignmentSchema.safeParse({ ...readKv, permissions: [] }).success).toBe(false);
    expect(capabilityAssignmentSchema.safeParse({ ...readKv, permissions: [""] }).success).toBe(false);
    const metadata: InstanceMetadata = {
      instance_id: caller.instanceId,
      tenant_id: "acme",
      node_id: asId.node("node_1"),
      module_hash: "a".repeat(64),
      created_at: "2026-01-01T00:00:00.000Z",
      status: "running",
    };
    expect(instanceMetadataSchema.safeParse(metadata).success).toBe(true);
    expect(instanceMetadataSchema.safeParse({ ...metadata, tenant_id: "" }).success).toBe(false);
    expect(instanceMetadataSchema.safeParse({ ...metadata, module_hash: "abc" }).success).toBe(false);
  });
});
