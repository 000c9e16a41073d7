import { describe, expect, it } from "vitest";

import type { Limits } from "../../../shared/config-limits.ts";
import { trustedTenantId } from "../../../shared/ids.ts";
import type { LogEntry } from "../../../shared/state/log-entry.ts";
import { verifyChain } from "../../../shared/state/chain-verification.ts";
import { createGate } from "../../kit/gate.ts";
import { plainIntent } from "../../kit/plain-intent.ts";
import { newSession, openRuntime, type TestRuntime, testIds } from "../../kit/runtime.ts";

const quick = plainIntent("test.quick")
  .step("a", { run: () => ({}) })
  .returns(() => ({}));

const NONE: Limits = {
  intentsPerCaller: undefined,
  intentsPerTenant: undefined,
  sessionsPerCaller: undefined,
  liveExecutions: undefined,
  executionsPerDay: undefined,
  bytesPerDay: undefined,
  storedBytes: undefined,
};
const limited = (standard: Partial<Limits>, tenants: Readonly<Record<string, Partial<Limits>>> = {}) => ({
  limits: {
    standard: { ...NONE, ...standard },
    tenants: new Map(Object.entries(tenants).map(([tenant, own]) => [tenant, { ...NONE, ...standard, ...own }])),
  },
});
const perMinute = (requests: number) => ({ requests, windowMs: 60_000 });

async function decisions({ store, tenantId }: TestRuntime): Promise<readonly LogEntry[]> {
  const page = await store.readLog(tenantId, { eventType: "policy_decided", order: "chronological" }, { limit: 100 });
  return page.items.map((text) => JSON.parse(text) as LogEntry);
}

describe("limits of a tenant", () => {
  it("refuse what is above a caller's rate, with when to come again, and leave other callers alone", async () => {
    await using runtime = await openRuntime({
      intents: [quick],
      config: limited({ intentsPerCaller: perMinute(3) }),
    });
    for (let n = 0; n < 3; n += 1) await runtime.run("test.quick", {}, { userId: "ann" });
    await expect(runtime.submit("test.quick", {}, { userId: "ann" })).rejects.toMatchObject({
      code: "policy.rate_limited",
      status: 429,
      retryable: true,
      details: { policy: "intents_per_caller", limit: 3 },
      headers: {
        "retry-after": "20",
        "ratelimit-policy": '"intents_per_caller";q=3;w=60',
        ratelimit: '"intents_per_caller";r=0;t=20',
      },
    });
    const { limits } = await runtime.submit("test.quick", {}, { userId: "bob" });
    expect(limits).toEqual({
      "ratelimit-policy": '"intents_per_caller";q=3;w=60',
      ratelimit: '"intents_per_caller";r=2;t=20',
    });
  });

  it("record the first refusal before it is told, and those that follow as one entry with their number", async () => {
    const runtime = await openRuntime({ intents: [quick], config: limited({ intentsPerTenant: perMinute(1) }) });
    await runtime.run("test.quick");
    for (let n = 0; n < 50; n += 1) {
      await expect(runtime.submit("test.quick")).rejects.toMatchObject({ code: "policy.rate_limited" });
      if (n === 0) {
        expect(await decisions(runtime)).toMatchObject([
          {
            session_id: runtime.sessionId,
            payload: {
              decision: "refused",
              code: "policy.rate_limited",
              policy: "intents_per_tenant",
              intent_type: "test.quick",
              limit: 1,
              count: 1,
            },
          },
        ]);
      }
    }
    expect(await decisions(runtime)).toHaveLength(1);
    await runtime.services.lifecycle.stop(0);
    expect((await decisions(runtime)).map(({ payload }) => payload["count"])).toEqual([1, 49]);
    const { items } = await runtime.store.readLog(
      runtime.tenantId,
      { sessionId: runtime.sessionId, order: "chronological" },
      { limit: 100 },
    );
    const ofSession = items.filter((text) => (JSON.parse(text) as LogEntry).execution_id === undefined);
    expect(ofSession.length).toBe(3);
    expect(verifyChain(ofSession)).toBeUndefined();
    await runtime[Symbol.asyncDispose]();
  });

  it("refuse where there is no session to record it in, and accept nothing there either", async () => {
    await using runtime = await openRuntime({ intents: [quick], config: limited({ intentsPerTenant: perMinute(1) }) });
    const sessionId = testIds.session();
    await expect(runtime.submit("test.quick", {}, { sessionId })).rejects.toMatchObject({ code: "session.not_found" });
    await expect(runtime.submit("test.quick", {}, { sessionId })).rejects.toMatchObject({
      code: "policy.rate_limited",
    });
    expect(await decisions(runtime)).toEqual([]);
    expect(runtime.logged).toContainEqual(
      expect.objectContaining({ policy: "intents_per_tenant", severity: "WARNING" }),
    );
  });

  it("are each tenant's own, and one tenant's do not touch another's", async () => {
    await using runtime = await openRuntime({
      intents: [quick],
      config: limited({ intentsPerTenant: perMinute(1) }, { big: { intentsPerTenant: perMinute(4) } }),
    });
    const big = trustedTenantId("big");
    const other = { tenantId: big, sessionId: await newSession(runtime.services, big) };
    await runtime.run("test.quick");
    await expect(runtime.submit("test.quick")).rejects.toMatchObject({ code: "policy.rate_limited" });
    for (let n = 0; n < 4; n += 1) await runtime.run("test.quick", {}, other);
    await expect(runtime.submit("test.quick", {}, other)).rejects.toMatchObject({ details: { limit: 4 } });
  });

  it("count against the day's quota what was accepted: no repeats, and nothing that was refused", async () => {
    await using runtime = await openRuntime({ intents: [quick], config: limited({ executionsPerDay: 2 }) });
    const again = { idempotencyKey: "once" };
    const first = await runtime.run("test.quick", {}, again);
    for (let n = 0; n < 5; n += 1) {
      expect((await runtime.submit("test.quick", {}, again)).execution.execution_id).toBe(first.execution_id);
      await expect(runtime.submit("test.quick", { more: 1 }, again)).rejects.toMatchObject({
        code: "idempotency.other_body",
      });
    }
    await runtime.run("test.quick");
    await expect(runtime.submit("test.quick")).rejects.toMatchObject({ code: "policy.quota_exceeded", status: 429 });
  });

  it("count bytes by the price of the plan and the size of the parameters, before anything runs", async () => {
    await using runtime = await openRuntime({ intents: [quick], config: limited({ bytesPerDay: 60_000 }) });
    await runtime.run("test.quick");
    await expect(runtime.submit("test.quick", { text: "x".repeat(30_000) })).rejects.toMatchObject({
      code: "policy.quota_exceeded",
      details: { policy: "bytes_per_day" },
    });
    await runtime.run("test.quick");
  });

  it("let no more executions be unfinished than they may, and the next in when one has ended", async () => {
    const gate = createGate();
    const slow = plainIntent("test.slow")
      .step("wait", { run: () => gate.pass().then(() => ({})) })
      .returns(() => ({}));
    await using runtime = await openRuntime({ intents: [slow], config: limited({ liveExecutions: 2 }) });
    const first = await runtime.submit("test.slow");
    await runtime.submit("test.slow");
    await expect(runtime.submit("test.slow")).rejects.toMatchObject({
      code: "policy.concurrency",
      headers: { "retry-after": "1" },
    });
    gate.open();
    await runtime.services.lifecycle.wait(runtime.tenantId, first.execution.execution_id, 5_000);
    await runtime.services.lifecycle.idle();
    await runtime.services.adapters.clock.sleep(110);
    await runtime.run("test.slow");
  });

  it("a new session above the rate is refused, and on record under the id that it would have had", async () => {
    await using runtime = await openRuntime({ config: limited({ sessionsPerCaller: perMinute(1) }) });
    const asked = { tenantId: runtime.tenantId, caller: "ann", traceId: testIds.trace() };
    await runtime.services.admission.session(asked);
    await expect(runtime.services.admission.session(asked)).rejects.toMatchObject({ code: "policy.rate_limited" });
    const [entry, ...more] = await decisions(runtime);
    expect([entry, more]).toMatchObject([
      { sequence: 1, payload: { policy: "sessions_per_caller", caller: "ann" } },
      [],
    ]);
    expect(entry?.session_id).not.toBe(runtime.sessionId);
    expect(verifyChain([JSON.stringify(entry)])).toBeUndefined();
  });
});
