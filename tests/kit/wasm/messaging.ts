import * as z from "zod";

import { systemClock } from "../../../infra/adapters/system/system.ts";
import { type JsonObject, jsonValue, type JsonValue } from "../../../shared/json.ts";
import type { ExecutionStore } from "../../../shared/ports/execution-store.ts";
import type { GuestIdentity } from "../../../shared/ports/wasm-capabilities.ts";
import { CHAIN_START } from "../../../shared/state/log-entry.ts";
import { createStateSurface } from "../../../shared/state/state-surface.ts";
import { UnitOfWork } from "../../../shared/state/unit-of-work.ts";
import { EVERY_TOPIC, followTopics, inboxKind } from "../../../shared/wasm/inbox.ts";
import { createMessagingProvider } from "../../../shared/wasm/providers/messaging-provider.ts";
import { testIds } from "../runtime.ts";

const pulledShape = z.object({
  messages: z.array(z.object({ ack_id: z.string(), data: jsonValue, attempt: z.int() })),
});
const ackedShape = z.object({ acked: z.int() });
export type Pulled = z.infer<typeof pulledShape>["messages"][number];

/** The real messaging provider over a store, with instances that are nothing but their subscriptions. */
export function createMessaging(store: ExecutionStore) {
  const surface = createStateSurface(store);
  const deps = { store, surface, clock: systemClock, ids: testIds, nudge: () => undefined };
  const messaging = createMessagingProvider(deps);
  const signal = new AbortController().signal;
  const ask = (guest: GuestIdentity, operation: string, params: JsonObject) =>
    messaging.invoke(guest, operation, params, signal);
  const valueOf = async (guest: GuestIdentity, operation: string, params: JsonObject): Promise<JsonValue> => {
    const reply = await ask(guest, operation, params);
    if (reply.outcome === "error") throw new Error(`${reply.errorCode}: ${reply.message}`);
    return reply.result;
  };
  const changeInbox = async (guest: GuestIdentity, change: (unit: UnitOfWork) => Promise<void>): Promise<void> => {
    const unit = new UnitOfWork(surface, guest.tenantId, systemClock.now());
    await change(unit);
    await store.write(guest.tenantId, { records: unit.records, log: [], outbox: [], mail: [] });
  };
  return {
    messaging,
    store,
    ask,
    /** Makes these, and no others, the topics of an instance, as a change of its capabilities does. */
    subscribe: ({ tenantId, instanceId }: GuestIdentity, topics: readonly string[]) =>
      changeInbox({ tenantId, instanceId }, (unit) =>
        followTopics(unit, {
          metadata: {
            instance_id: instanceId,
            tenant_id: tenantId,
            node_id: testIds.node(),
            module_hash: "0".repeat(64),
            created_at: "2026-01-01T00:00:00.000Z",
            status: "running",
          },
          restart_policy: { policy_type: "never", backoff_seconds: 5 },
          capabilities: [
            {
              instance_id: instanceId,
              capability_id: "messages",
              provider_type: "messaging",
              permissions: topics.map((topic) => (topic === EVERY_TOPIC ? "msg:subscribe" : `msg:subscribe:${topic}`)),
            },
          ],
          epoch: 1,
          crash_count: 0,
          chain: CHAIN_START,
        }),
      ),
    publish: (guest: GuestIdentity, topic: string, data: JsonValue) => valueOf(guest, "publish", { topic, data }),
    pull: async (guest: GuestIdentity, topic: string, max: number) =>
      pulledShape.parse(await valueOf(guest, "pull", { topic, max })).messages,
    ack: async (guest: GuestIdentity, topic: string, messages: readonly (Pulled | undefined)[]) => {
      const ack_ids = messages.map((message) => message?.ack_id ?? "none");
      return ackedShape.parse(await valueOf(guest, "ack", { topic, ack_ids })).acked;
    },
    waiting: async ({ tenantId, instanceId }: GuestIdentity) =>
      (await surface.get(tenantId, inboxKind, instanceId))?.value.waiting ?? 0,
    setWaiting: (guest: GuestIdentity, waiting: number) =>
      changeInbox(guest, async (unit) => {
        const inbox = await unit.get(inboxKind, guest.instanceId);
        if (inbox !== undefined) unit.put(inboxKind, guest.instanceId, { ...inbox, waiting });
      }),
  };
}
