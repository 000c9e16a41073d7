import * as z from "zod";

import { type JsonObject, jsonValue } from "../../json.ts";
import type { CapabilityProvider, CapabilityReply, GuestIdentity } from "../../ports/wasm-capabilities.ts";
import { refused, withParams } from "./provider-reply.ts";
import { createPublish, type PublishDeps } from "./publish.ts";
import { createReadInbox, type ReadInboxDeps } from "./read-inbox.ts";

const MAX_PULLED = 100;

const topicSchema = z
  .string()
  .regex(/^[A-Za-z0-9._-]{1,128}$/, "is 1 to 128 letters, digits, dots, underscores and dashes");
const publishParams = z.strictObject({ topic: topicSchema, data: jsonValue });
const pullParams = z.strictObject({ topic: topicSchema, max: z.int().min(1).max(MAX_PULLED).default(10) });
const ackParams = z.strictObject({
  topic: topicSchema,
  ack_ids: z.array(z.string().regex(/^[1-9][0-9]{0,14}$/, "is none that was given")).max(MAX_PULLED),
});

/**
 * Messages between a tenant's instances, and out of them (ADR 0031).
 *  P1  A message is published and in the inbox of each instance that is subscribed to its topic, in one commit, before its guest is told.
 *  P2  A message stays in an inbox until it is acknowledged, or was given five times; then it is published as `wasm_message_dead`.
 *  P3  An inbox gives its messages in the order of their commits; the messages of an instance keep theirs.
 */
export function createMessagingProvider(deps: PublishDeps & ReadInboxDeps): CapabilityProvider {
  const publish = createPublish(deps);
  const inbox = createReadInbox(deps);
  let running = false;

  const operations: Readonly<Record<string, (caller: GuestIdentity, params: JsonObject) => Promise<CapabilityReply>>> =
    {
      publish: (caller, params) => withParams(publishParams, params, (message) => publish(caller, message)),
      pull: (caller, params) => withParams(pullParams, params, ({ topic, max }) => inbox.pull(caller, topic, max)),
      ack: (caller, params) => withParams(ackParams, params, ({ topic, ack_ids }) => inbox.ack(caller, topic, ack_ids)),
    };

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
    invoke: async (caller, operation, params) => {
      if (!running) return refused("WASM_RUNTIME_ERROR", "The provider messaging is stopped.");
      const run = Object.hasOwn(operations, operation) ? operations[operation] : undefined;
      return run?.(caller, params) ?? refused("INVALID_REQUEST", `The provider messaging does not ${operation}.`);
    },
  };
}
