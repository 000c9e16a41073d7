import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";

import { asId, trustedTenantId } from "../../../shared/ids.ts";
import { createManualClock } from "../../unit/manual-clock.ts";
import { openRuntime, testIds, type TestRuntime } from "../../kit/runtime.ts";
import { type InstanceScene, openInstanceScene } from "../../kit/wasm/instance-scene.ts";

const TRAP = 1;
const get = (key: string) => ({ provider: "kv", operation: "get", params: { key } });
const set = (key: string, value: number) => ({ provider: "kv", operation: "set", params: { key, value } });
const KV = [{ providerType: "kv", permissions: ["kv:read", "kv:write"] }] as const;

let runtime: TestRuntime;
let scene: InstanceScene;
const clock = createManualClock();

beforeAll(async () => {
  runtime = await openRuntime({ clock });
  scene = await openInstanceScene(runtime);
});
afterAll(() => runtime[Symbol.asyncDispose]());

const kindsOf = async (id: string) => (await scene.facts(asId.instance(id))).map(({ fact_type }) => fact_type);
const statusOf = async (id: string) =>
  (await runtime.services.instances.get(runtime.tenantId, asId.instance(id))).metadata.status;

describe("an instance over the real pool and store", () => {
  it("runs, is stopped, and says so in metadata and facts, which form a verified chain (6, 9, 13)", async () => {
    const { metadata } = await scene.start();
    expect(metadata.status).toBe("running");
    const id = metadata.instance_id;
    const { instances, log } = runtime.services;
    const stopped = await instances.stop(runtime.tenantId, id, testIds.trace());
    expect(stopped.metadata.status).toBe("stopped");
    await instances.stop(runtime.tenantId, id, testIds.trace());
    expect(await kindsOf(id)).toEqual(["instance_started", "instance_stopped"]);
    expect(await scene.codeOf(scene.invoke(id, {}))).toBe("wasm.invalid_request");
    expect((await log.verifyAll(runtime.tenantId, { sessionId: asId.session(id) })).faults).toEqual([]);
  });

  it("keeps metadata, assignments and facts over a crash; never means never (2, 8, 14)", async () => {
    const { metadata, capabilities } = await scene.start({ capabilities: KV });
    const id = metadata.instance_id;
    expect(await scene.codeOf(scene.invoke(id, TRAP))).toBe("wasm.crash_detected");
    const after = await runtime.services.instances.get(runtime.tenantId, id);
    expect(after).toMatchObject({ metadata: { ...metadata, status: "crashed" }, capabilities, crash_count: 1 });
    expect(await scene.codeOf(scene.invoke(id, {}))).toBe("wasm.crash_detected");
    expect(await kindsOf(id)).toEqual(["instance_started", "instance_crashed"]);
  });

  it("with `always` is running again in the commit of its crash, under a new epoch (8)", async () => {
    const { metadata } = await scene.start({ restartPolicy: { policy_type: "always", backoff_seconds: 5 } });
    const id = metadata.instance_id;
    expect(await scene.codeOf(scene.invoke(id, TRAP))).toBe("wasm.crash_detected");
    expect(await runtime.services.instances.get(runtime.tenantId, id)).toMatchObject({
      metadata: { status: "running" },
      epoch: 2,
    });
    expect(await kindsOf(id)).toEqual(["instance_started", "instance_crashed", "instance_restarted"]);
  });

  it("with `on_failure` restarts after its back-off, up to max_retries, and anew after a healthy period (8)", async () => {
    const restartPolicy = { policy_type: "on_failure", max_retries: 2, backoff_seconds: 5 } as const;
    const { metadata } = await scene.start({ restartPolicy });
    const id = metadata.instance_id;
    const crash = async () => {
      expect(await scene.codeOf(scene.invoke(id, TRAP))).toBe("wasm.crash_detected");
    };
    await crash();
    expect(await scene.codeOf(scene.invoke(id, {}))).toBe("wasm.crash_detected");
    await clock.advance(4_999);
    expect(await statusOf(id)).toBe("crashed");
    await clock.advance(1);
    await vi.waitFor(async () => expect(await statusOf(id)).toBe("running"));
    await crash();
    await clock.advance(10_000);
    await vi.waitFor(async () => expect(await statusOf(id)).toBe("running"));
    await clock.advance(60_000);
    await crash();
    expect((await runtime.services.instances.get(runtime.tenantId, id)).crash_count).toBe(1);
    await clock.advance(5_000);
    await vi.waitFor(async () => expect(await statusOf(id)).toBe("running"));
    await crash();
    await clock.advance(10_000);
    await vi.waitFor(async () => expect(await statusOf(id)).toBe("running"));
    await crash();
    expect(await scene.codeOf(scene.invoke(id, {}))).toBe("wasm.restart_policy_violation");
  });

  it("is restarted by the sweep of another process when the one that saw it crash is gone, and once only", async () => {
    const { store } = runtime;
    const otherClock = createManualClock();
    await using gone = await openRuntime({ clock: otherClock, store });
    const theirs = await openInstanceScene(gone);
    const restartPolicy = { policy_type: "on_failure", backoff_seconds: 100 } as const;
    const { metadata } = await theirs.start({ restartPolicy });
    const id = metadata.instance_id;
    expect(await theirs.codeOf(theirs.invoke(id, TRAP))).toBe("wasm.crash_detected");
    const lateClock = createManualClock();
    await using heirs = await openRuntime({ clock: lateClock, store });
    await lateClock.advance(otherClock.now() - lateClock.now());
    expect(await heirs.services.restarts.sweep()).toBe(0);
    await lateClock.advance(100_000);
    const swept = await Promise.all([heirs.services.restarts.sweep(), heirs.services.restarts.sweep()]);
    expect(swept).toContain(1);
    expect(await statusOf(id)).toBe("running");
    expect(await kindsOf(id)).toEqual(["instance_started", "instance_crashed", "instance_restarted"]);
    expect(await heirs.services.restarts.sweep()).toBe(0);
  });

  it("counts side by side traps of one epoch as one crash", async () => {
    const { metadata } = await scene.start();
    const id = metadata.instance_id;
    const codes = await Promise.all(Array.from({ length: 8 }, () => scene.codeOf(scene.invoke(id, TRAP))));
    expect(new Set(codes)).toEqual(new Set(["wasm.crash_detected"]));
    expect(await kindsOf(id)).toEqual(["instance_started", "instance_crashed"]);
  });

  it("has a capability from its grant to its revocation, each effective on the next call (4, 5)", async () => {
    const { metadata } = await scene.start();
    const id = metadata.instance_id;
    const { instances } = runtime.services;
    expect(await scene.invoke(id, set("a", 1))).toBe(-4);
    const grant = { providerType: "kv", permissions: ["kv:write"] } as const;
    const { capabilityId } = await instances.grant(runtime.tenantId, id, grant, testIds.trace());
    expect(await scene.invoke(id, set("a", 1))).toBeNull();
    expect(await scene.invoke(id, get("a"))).toBe(-3);
    await instances.revoke(runtime.tenantId, id, capabilityId, testIds.trace());
    expect(await scene.invoke(id, set("a", 2))).toBe(-4);
    const again = instances.revoke(runtime.tenantId, id, capabilityId, testIds.trace());
    expect(await scene.codeOf(again)).toBe("wasm.capability_not_found");
  });

  it("gets the messages of the topics that it is subscribed to, from its grant to its revocation (4, 5, 19)", async () => {
    const publish = (data: number) => ({ provider: "messaging", operation: "publish", params: { topic: "t", data } });
    const pull = { provider: "messaging", operation: "pull", params: { topic: "t" } };
    const ack = (ack_ids: string[]) => ({ provider: "messaging", operation: "ack", params: { topic: "t", ack_ids } });
    const { instances } = runtime.services;
    const publisher = (
      await scene.start({ capabilities: [{ providerType: "messaging", permissions: ["msg:publish:t"] }] })
    ).metadata.instance_id;
    const { metadata } = await scene.start({ restartPolicy: { policy_type: "always", backoff_seconds: 5 } });
    const id = metadata.instance_id;
    await scene.invoke(publisher, publish(1));
    const subscription = { providerType: "messaging", permissions: ["msg:subscribe:t"] } as const;
    const { capabilityId } = await instances.grant(runtime.tenantId, id, subscription, testIds.trace());
    await scene.invoke(publisher, publish(2));
    // A crash takes nothing out of its inbox.
    await scene.codeOf(scene.invoke(id, TRAP));
    await scene.invoke(publisher, publish(3));
    expect(await scene.invoke(id, pull)).toMatchObject({ messages: [{ data: 2 }, { data: 3 }] });
    expect(await scene.invoke(id, ack(["1"]))).toEqual({ acked: 1 });
    expect(await scene.invoke(publisher, pull)).toBe(-3);
    await instances.revoke(runtime.tenantId, id, capabilityId, testIds.trace());
    expect(await scene.invoke(id, pull)).toBe(-4);
    await scene.invoke(publisher, publish(4));
    await instances.grant(runtime.tenantId, id, subscription, testIds.trace());
    expect(await scene.invoke(id, pull)).toMatchObject({ messages: [{ data: 3 }] });
    await instances.stop(runtime.tenantId, id, testIds.trace());
    await scene.invoke(publisher, publish(5));
    await instances.remove(runtime.tenantId, id, testIds.trace());
    for (const kind of ["wasm_inbox", "wasm_message"])
      expect((await runtime.store.listRecords(runtime.tenantId, kind, `instance=${id}`, { limit: 1 })).total).toBe(0);
  });

  it("does not exist for another tenant, whatever that one asks of it (19)", async () => {
    const { metadata } = await scene.start({ capabilities: KV });
    const id = metadata.instance_id;
    const rival = trustedTenantId("rival");
    const { instances } = runtime.services;
    const asked = [
      instances.get(rival, id),
      instances.stop(rival, id, testIds.trace()),
      scene.invoke(id, {}, rival),
      instances.grant(rival, id, KV[0], testIds.trace()),
      instances.revoke(rival, id, "any", testIds.trace()),
      instances.facts(rival, id, { limit: 10 }),
    ];
    expect(new Set(await Promise.all(asked.map((each) => scene.codeOf(each))))).toEqual(
      new Set(["wasm.instance_not_found"]),
    );
    expect((await instances.list(rival, undefined, { limit: 10 })).total).toBe(0);
    expect(await statusOf(id)).toBe("running");
  });

  it("refuses what is no module and permissions that there are not, and keeps nothing of them (18)", async () => {
    const { instances } = runtime.services;
    const before = (await instances.list(runtime.tenantId, undefined, { limit: 1 })).total;
    const create = (module: Uint8Array, permissions: readonly string[] = ["kv:read"]) =>
      scene.codeOf(
        instances.create({
          tenantId: runtime.tenantId,
          module,
          restartPolicy: { policy_type: "never", backoff_seconds: 5 },
          capabilities: [{ providerType: "kv", permissions }],
          traceId: testIds.trace(),
        }),
      );
    expect(await create(new Uint8Array())).toBe("wasm.invalid_request");
    expect(await create(Buffer.from("no module"))).toBe("wasm.invalid_request");
    expect(await create(new Uint8Array(), ["kv:everything"])).toBe("wasm.invalid_request");
    expect((await instances.list(runtime.tenantId, undefined, { limit: 1 })).total).toBe(before);
  });
});
