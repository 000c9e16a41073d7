import { describe, expect, it } from "vitest";

import { createSqliteStore } from "../../../infra/adapters/sqlite/execution-store.ts";
import { systemClock } from "../../../infra/adapters/system/system.ts";
import { asId, trustedTenantId } from "../../../shared/ids.ts";
import type { JsonObject } from "../../../shared/json.ts";
import { createMessagingProvider } from "../../../shared/wasm/providers/messaging-provider.ts";
import { createStateSurface } from "../../../shared/state/state-surface.ts";
import { testIds } from "../../kit/runtime.ts";

const caller = { tenantId: trustedTenantId("acme"), instanceId: asId.instance("instance_1") };
const signal = new AbortController().signal;

async function openMessaging() {
  const store = createSqliteStore(":memory:");
  let nudges = 0;
  const nudge = (): void => void (nudges += 1);
  const messaging = createMessagingProvider({
    store,
    surface: createStateSurface(store),
    clock: systemClock,
    ids: testIds,
    nudge,
  });
  await messaging.initialize();
  const publish = (params: JsonObject) => messaging.invoke(caller, "publish", params, signal);
  return { store, messaging, publish, nudges: () => nudges };
}

describe("the messaging provider", () => {
  it("puts what is published into the outbox, in order, and says that it is there", async () => {
    const { store, publish, nudges } = await openMessaging();
    const replies = [await publish({ topic: "orders", data: { n: 1 } }), await publish({ topic: "orders", data: [2] })];
    const messages = await store.unpublished(10);
    expect(replies).toEqual(messages.map(({ eventId }) => ({ outcome: "result", result: { event_id: eventId } })));
    expect(messages.map(({ tenantId, orderingKey }) => [tenantId, orderingKey])).toEqual([
      ["acme", "instance_1"],
      ["acme", "instance_1"],
    ]);
    expect(messages.map(({ data }) => JSON.parse(data) as JsonObject)).toMatchObject([
      {
        type: "wasm_message",
        source: "/wasm/instances/instance_1",
        subject: "orders",
        tenantid: "acme",
        data: { n: 1 },
      },
      { data: [2] },
    ]);
    expect(nudges()).toBe(2);
    await store.close();
  });

  it.each([
    ["no topic", { data: 1 }],
    ["a topic that leads elsewhere", { topic: "a/b", data: 1 }],
    ["another tenant", { topic: "a", data: 1, tenantid: "rival" }],
  ])("%s is an INVALID_REQUEST, and nothing is published", async (_, params) => {
    const { store, publish } = await openMessaging();
    expect(await publish(params)).toMatchObject({ outcome: "error", errorCode: "INVALID_REQUEST" });
    expect(await store.unpublished(1)).toEqual([]);
    await store.close();
  });

  it("refuses messages of more than 128 KiB, other operations, and everything once it is stopped", async () => {
    const { store, messaging, publish } = await openMessaging();
    expect(await publish({ topic: "a", data: "x".repeat(131_071) })).toMatchObject({ errorCode: "RESOURCE_EXHAUSTED" });
    expect(await messaging.invoke(caller, "subscribe", { topic: "a" }, signal)).toMatchObject({
      errorCode: "INVALID_REQUEST",
    });
    await messaging.shutdown();
    expect(await publish({ topic: "a", data: 1 })).toMatchObject({ errorCode: "WASM_RUNTIME_ERROR" });
    expect(await store.unpublished(1)).toEqual([]);
    await store.close();
  });
});
