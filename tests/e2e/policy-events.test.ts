import { describe, expect, it } from "vitest";

import { createApp } from "../../shared/http/app.ts";
import { createGate } from "../kit/gate.ts";
import { plainIntent } from "../kit/plain-intent.ts";
import { newSession, openRuntime } from "../kit/runtime.ts";
import { trustedTenantId } from "../../shared/ids.ts";
import { loadConfig } from "../../shared/config.ts";
import { pushOf, structured } from "./event-producer.ts";
import { fetchApp } from "../kit/fetch-app.ts";

describe("limits on the event path", () => {
  it("send an event back that is above a rate, which comes again and is then one execution", async () => {
    const greet = plainIntent("test.greet")
      .step("a", { run: () => ({}) })
      .returns(() => ({}));
    const { limits } = loadConfig({ RATE_INTENTS_PER_TENANT: "1/1s" });
    await using runtime = await openRuntime({ intents: [greet], config: { limits } });
    const app = createApp(runtime.services);
    const event = (id: string) =>
      structured({
        id,
        type: "test.greet",
        data: { tenant_id: "acme", session_id: runtime.sessionId, parameters: {} },
      });
    expect((await fetchApp(app, pushOf(event("one"), "message-1"))).status).toBe(200);
    const refused = await fetchApp(app, pushOf(event("two"), "message-2"));
    // Neither acknowledged nor a dead letter: Pub/Sub delivers it again, ever more slowly.
    expect([refused.status, await refused.json()]).toMatchObject([429, { code: "policy.rate_limited" }]);
    await runtime.services.adapters.clock.sleep(1_050);
    const again = await fetchApp(app, pushOf(event("two"), "message-2"));
    expect([again.status, await again.json()]).toMatchObject([200, { outcome: "accepted", duplicate: false }]);
    const listed = await runtime.store.listExecutions(runtime.tenantId, {}, { limit: 10 });
    expect(listed.items).toHaveLength(2);
  });

  it("W2: a tenant that floods the line leaves room for others, whose turn comes next", async () => {
    const gate = createGate();
    const order: string[] = [];
    const work = plainIntent("test.work")
      .step("a", {
        run: async (ctx) => {
          await gate.pass();
          order.push(ctx.tenantId);
          return {};
        },
      })
      .returns(() => ({}));
    await using runtime = await openRuntime({ intents: [work], config: { maxRunning: 1, maxQueued: 39 } });
    const quiet = trustedTenantId("quiet");
    const quietSession = await newSession(runtime.services, quiet);
    let refusals = 0;
    for (let n = 0; n < 60; n += 1) {
      await runtime.submit("test.work").catch((error: unknown) => {
        expect(error).toMatchObject({ code: "runtime.overloaded", status: 503 });
        refusals += 1;
      });
    }
    expect(refusals).toBeGreaterThan(0);
    const { execution } = await runtime.submit("test.work", {}, { tenantId: quiet, sessionId: quietSession });
    gate.open();
    await runtime.services.lifecycle.wait(quiet, execution.execution_id, 5_000);
    await runtime.services.lifecycle.idle();
    expect(order).toContain(quiet);
    // The one that ran already, then a turn of the flood's at the most: 8 commits, of 2 each.
    expect(order.indexOf(quiet)).toBeLessThanOrEqual(1 + 4);
    expect(order).toHaveLength(60 - refusals + 1);
  });
});
