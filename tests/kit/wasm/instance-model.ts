import fc from "fast-check";
import { expect } from "vitest";
import * as z from "zod";

import { asId, type InstanceId, type TenantId, trustedTenantId } from "../../../shared/ids.ts";
import type { JsonValue } from "../../../shared/json.ts";
import {
  capabilityAssignmentSchema,
  instanceMetadataSchema,
  type InstanceStatus,
  type RestartPolicy,
} from "../../../shared/wasm/instance.ts";
import { foldFacts, instanceFactSchema } from "../../../shared/wasm/instance-facts.ts";
import { instanceRecordSchema } from "../../../shared/wasm/instance-record.ts";
import type { ManualClock } from "../../unit/manual-clock.ts";
import { type TestRuntime, testIds } from "../runtime.ts";
import type { InstanceScene } from "./instance-scene.ts";

const TENANTS = ["acme", "rival"].map(trustedTenantId);
const POLICIES: readonly RestartPolicy[] = [
  { policy_type: "never", backoff_seconds: 5 },
  { policy_type: "always", backoff_seconds: 5 },
  { policy_type: "on_failure", max_retries: 0, backoff_seconds: 5 },
  { policy_type: "on_failure", backoff_seconds: 5 },
];
/** Longer than the longest back-off, and then longer than a healthy period. */
const PAUSES_MS = [301_000, 61_000] as const;

/** An instance as it should be, from what was done to it alone. */
interface Expected {
  readonly id: InstanceId;
  readonly tenantId: TenantId;
  readonly policy: RestartPolicy;
  status: InstanceStatus;
  crashes: number;
  restarts: boolean;
  readonly facts: string[];
  readonly capabilities: Map<string, readonly string[]>;
  readonly keys: Map<string, JsonValue>;
}

const who = { tenant: fc.constantFrom(...TENANTS), at: fc.nat() };
const kvPermissions = fc.subarray(["kv:read", "kv:write"], { minLength: 1 });
export const anyDeed = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record({ kind: fc.constant("create" as const), ...who, policy: fc.constantFrom(...POLICIES) }),
  },
  {
    weight: 4,
    arbitrary: fc.record({ kind: fc.constant("trap" as const), ...who, times: fc.integer({ min: 1, max: 4 }) }),
  },
  { weight: 6, arbitrary: fc.record({ kind: fc.constant("set" as const), ...who, value: fc.nat() }) },
  { weight: 6, arbitrary: fc.record({ kind: fc.constant("get" as const), ...who }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant("grant" as const), ...who, permissions: kvPermissions }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("revoke" as const), ...who }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("stop" as const), ...who }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("pause" as const), ...who }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("intrude" as const), ...who }) },
);
export type Deed = typeof anyDeed extends fc.Arbitrary<infer Value> ? Value : never;

function crash(expected: Expected): void {
  expected.crashes += 1;
  expected.facts.push("instance_crashed");
  if (expected.policy.policy_type === "always") {
    expected.facts.push("instance_restarted");
    return;
  }
  expected.status = "crashed";
  expected.restarts = expected.policy.policy_type === "on_failure" && expected.policy.max_retries === undefined;
}

function pass(expected: Expected): void {
  if (expected.status === "crashed" && expected.restarts) {
    expected.status = "running";
    expected.restarts = false;
    expected.facts.push("instance_restarted");
  }
  if (expected.status === "running") expected.crashes = 0;
}

const may = ({ capabilities }: Expected, permission: string): boolean =>
  [...capabilities.values()].some((permissions) => permissions.includes(permission));

/** What a call that is allowed to be made gives: the result, or the code of the refusal. */
function given(expected: Expected, permission: string, result: JsonValue): JsonValue {
  if (expected.capabilities.size === 0) return -4;
  return may(expected, permission) ? result : -3;
}

/** What is done to an instance, and what it makes of it. */
type Act = (
  on: Expected,
  deed: { readonly value: number; readonly times: number; readonly permissions: readonly string[] },
) => Promise<void>;

export interface InstanceModelDeps {
  readonly runtime: TestRuntime;
  readonly scene: InstanceScene;
  /** The runtime's own. */
  readonly clock: ManualClock;
}

/**
 * Does deeds to instances of two tenants, and expects everything that the store and the service say of them to be what was done to
 * them, and nothing else: properties 2, 4, 5, 6, 7, 8, 9, 13, 14, 16, 19 and 21 of the Wasm plane.
 */
export function playInstances({ runtime, scene, clock }: InstanceModelDeps): (deeds: readonly Deed[]) => Promise<void> {
  const callKv =
    (operation: "get" | "set"): Act =>
    async (on, { value }) => {
      const params = operation === "set" ? { key: "k", value } : { key: "k" };
      const call = scene.invoke(on.id, { provider: "kv", operation, params }, on.tenantId);
      if (on.status !== "running") {
        expect(await scene.codeOf(call)).toMatch(/^wasm\./);
        return;
      }
      const permission = operation === "set" ? "kv:write" : "kv:read";
      expect(await call).toEqual(given(on, permission, operation === "set" ? null : (on.keys.get("k") ?? null)));
      if (operation === "set" && may(on, permission)) on.keys.set("k", value);
    };

  const ACTS: Readonly<Record<Exclude<Deed["kind"], "create" | "pause">, Act>> = {
    set: callKv("set"),
    get: callKv("get"),
    trap: async (on, { times }) => {
      // Side by side under one epoch they are one crash; with `always` each may be one of its own.
      const traps = on.policy.policy_type === "always" ? 1 : times;
      const calls = Array.from({ length: traps }, () => scene.codeOf(scene.invoke(on.id, 1, on.tenantId)));
      const expected = on.status === "running" ? /^wasm\.crash_detected$/ : /^wasm\./;
      for (const code of await Promise.all(calls)) expect(code).toMatch(expected);
      if (on.status !== "running") return;
      crash(on);
      expect((await runtime.services.instances.get(on.tenantId, on.id)).crash_count).toBe(on.crashes);
    },
    grant: async (on, { permissions }) => {
      const { instances } = runtime.services;
      const granting = instances.grant(on.tenantId, on.id, { providerType: "kv", permissions }, testIds.trace());
      if (on.status === "stopped") expect(await scene.codeOf(granting)).toBe("wasm.invalid_request");
      else on.capabilities.set((await granting).capabilityId, permissions);
    },
    revoke: async (on) => {
      const [capabilityId] = on.capabilities.keys();
      const { instances } = runtime.services;
      const revoking = instances.revoke(on.tenantId, on.id, capabilityId ?? "none", testIds.trace());
      expect(await scene.codeOf(revoking)).toBe(capabilityId === undefined ? "wasm.capability_not_found" : "done");
      on.capabilities.delete(capabilityId ?? "");
    },
    stop: async (on) => {
      await runtime.services.instances.stop(on.tenantId, on.id, testIds.trace());
      if (on.status !== "stopped") on.facts.push("instance_stopped");
      on.status = "stopped";
      on.restarts = false;
    },
    intrude: async ({ id, tenantId }) => {
      const { instances } = runtime.services;
      const other = TENANTS.find((each) => each !== tenantId) ?? tenantId;
      const tries = [
        instances.get(other, id),
        instances.stop(other, id, testIds.trace()),
        scene.invoke(id, 1, other),
        instances.grant(other, id, { providerType: "kv", permissions: ["kv:read"] }, testIds.trace()),
      ];
      const codes = await Promise.all(tries.map((each) => scene.codeOf(each)));
      expect(new Set(codes)).toEqual(new Set(["wasm.instance_not_found"]));
    },
  };

  async function create(all: Expected[], tenantId: TenantId, policy: RestartPolicy): Promise<void> {
    const { metadata } = await scene.start({ restartPolicy: policy, tenantId });
    const untouched = { crashes: 0, restarts: false, capabilities: new Map(), keys: new Map() };
    all.push({
      id: metadata.instance_id,
      tenantId,
      policy,
      status: "running",
      facts: ["instance_started"],
      ...untouched,
    });
  }

  async function pause(all: readonly Expected[]): Promise<void> {
    for (const ms of PAUSES_MS) {
      await clock.advance(ms);
      await runtime.services.restarts.sweep();
      for (const each of all) pass(each);
    }
  }

  async function act(all: Expected[], deed: Deed): Promise<void> {
    if (deed.kind === "create") return create(all, deed.tenant, deed.policy);
    if (deed.kind === "pause") return pause(all);
    const mine = all.filter(({ tenantId }) => tenantId === deed.tenant);
    const on = mine[deed.at % Math.max(1, mine.length)];
    if (on !== undefined) await ACTS[deed.kind](on, { value: 0, times: 1, permissions: [], ...deed });
  }

  /** Everything that the store and the service say of an instance is what was done to it. */
  async function check(expected: Expected): Promise<void> {
    const { instances } = runtime.services;
    const { id, tenantId } = expected;
    const record = await instances.get(tenantId, id);
    const facts = await scene.facts(id, tenantId);
    expect(record.metadata).toMatchObject({ tenant_id: tenantId, status: expected.status });
    expect(facts.map(({ fact_type }) => fact_type)).toEqual(expected.facts);
    expect(foldFacts(facts).status).toBe(record.metadata.status);
    const times = facts.map(({ timestamp_ms }) => timestamp_ms);
    expect(times).toEqual(times.toSorted((a, b) => a - b));
    expect(new Map(record.capabilities.map((each) => [each.capability_id, each.permissions]))).toEqual(
      expected.capabilities,
    );
    const stored = await runtime.store.readRecord(tenantId, "wasm_instance", id);
    const exact = z.strictObject({
      ...instanceRecordSchema.shape,
      metadata: z.strictObject(instanceMetadataSchema.shape),
      capabilities: z.array(z.strictObject(capabilityAssignmentSchema.shape)),
    });
    expect(exact.safeParse(stored?.body).error?.issues ?? []).toEqual([]);
    for (const fact of facts) expect(instanceFactSchema.safeParse(fact).success).toBe(true);
    const chain = await runtime.services.log.verifyAll(tenantId, { sessionId: asId.session(id) });
    expect(chain.faults).toEqual([]);
  }

  return async (deeds) => {
    const all: Expected[] = [];
    for (const each of deeds) await act(all, each);
    for (const each of all) await check(each);
  };
}
