import * as z from "zod";

import { type Clock, rfc3339 } from "../../clock.ts";
import type { Ids } from "../../ids.ts";
import { jsonValue } from "../../json.ts";
import type { ExecutionStore } from "../../ports/execution-store.ts";
import type { CapabilityProvider } from "../../ports/wasm-capabilities.ts";
import { EVENTS_TOPIC } from "../../state/cloud-event.ts";
import { refused, result, withParams } from "./provider-reply.ts";

const MAX_DATA_BYTES = 128 * 1024;
/** The CloudEvent type of what guests publish; its subject is the guest's topic. */
const MESSAGE_TYPE = "wasm_message";

const publishParams = z.strictObject({
  topic: z.string().regex(/^[A-Za-z0-9._-]{1,128}$/, "is 1 to 128 letters, digits, dots, underscores and dashes"),
  data: jsonValue,
});

export interface MessagingProviderDeps {
  readonly store: Pick<ExecutionStore, "write">;
  readonly clock: Clock;
  readonly ids: Pick<Ids, "event">;
  /** Says that there are messages in the outbox. */
  readonly nudge: () => void;
}

/**
 * What guests publish, as CloudEvents through the outbox: committed before the guest is told so, published after, at least once.
 * The messages of an instance keep their order. `subscribe` is not provided.
 */
export function createMessagingProvider({ store, clock, ids, nudge }: MessagingProviderDeps): CapabilityProvider {
  let running = false;
  return {
    type: "messaging",
    initialize: () => {
      running = true;
      return Promise.resolve();
    },
    shutdown: () => {
      running = false;
      return Promise.resolve();
    },
    invoke: ({ tenantId, instanceId }, operation, params) => {
      if (!running) return Promise.resolve(refused("WASM_RUNTIME_ERROR", "The provider messaging is stopped."));
      if (operation !== "publish")
        return Promise.resolve(refused("INVALID_REQUEST", `The provider messaging does not ${operation}.`));
      return withParams(publishParams, params, async ({ topic, data }) => {
        const sizeBytes = Buffer.byteLength(JSON.stringify(data) ?? "null");
        if (sizeBytes > MAX_DATA_BYTES)
          return refused("RESOURCE_EXHAUSTED", `The message has ${sizeBytes} bytes; ${MAX_DATA_BYTES} are allowed.`);
        const eventId = ids.event();
        const event = {
          specversion: "1.0",
          id: eventId,
          type: MESSAGE_TYPE,
          source: `/wasm/instances/${instanceId}`,
          subject: topic,
          time: rfc3339(clock.now()),
          datacontenttype: "application/json",
          tenantid: tenantId,
          data,
        };
        const message = {
          eventId,
          tenantId,
          topic: EVENTS_TOPIC,
          orderingKey: instanceId,
          attributes: {
            "content-type": "application/cloudevents+json",
            ce_type: MESSAGE_TYPE,
            ce_subject: topic,
            tenant_id: tenantId,
          },
          data: JSON.stringify(event),
        };
        await store.write(tenantId, { records: [], log: [], outbox: [message], mail: [] });
        nudge();
        return result({ event_id: eventId });
      });
    },
  };
}
