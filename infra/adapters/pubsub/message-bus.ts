import type { v1 } from "@google-cloud/pubsub";

import type { BusMessage, MessageBus } from "../../../shared/ports/message-bus.ts";
import { busError, openPublisher, type PubsubOptions, within } from "./client.ts";

const PUBLISH_TIMEOUT_MS = 5_000;
const PING_TIMEOUT_MS = 2_000;

export interface PubsubBusOptions extends PubsubOptions {
  /** The topic that readiness asks for. */
  readonly pingTopic: string;
}

export interface PubsubBus extends MessageBus {
  close(): Promise<void>;
}

/**
 * The bus on Google Pub/Sub.
 *  P1  A message is taken once Pub/Sub has answered with its id; any other end rejects, within 5 seconds.
 *  P2  Nothing is queued here: messages of one ordering key keep their order when they are published one after the other.
 *  P3  After an outage the next publish goes out again: no ordering key stays closed.
 * Push bodies lack the ordering key, so it is an attribute too, as is the message's stable id.
 */
export async function createPubsubBus(options: PubsubBusOptions): Promise<PubsubBus> {
  const publisher = await openPublisher(options);
  const pathOf = (topic: string): string => `projects/${options.projectId}/topics/${topic}`;
  return {
    publish: async (message) => {
      const request = { topic: pathOf(message.topic), messages: [toPubsub(message)] };
      await publisher.publish(request, within(PUBLISH_TIMEOUT_MS)).catch((error: unknown) => {
        throw busError(message.topic, error);
      });
    },
    ping: async () => {
      await publisher
        .getTopic({ topic: pathOf(options.pingTopic) }, within(PING_TIMEOUT_MS))
        .catch((error: unknown) => {
          throw busError(options.pingTopic, error);
        });
    },
    close: () => publisher.close(),
  };
}

type PubsubMessage = NonNullable<NonNullable<Parameters<v1.PublisherClient["publish"]>[0]>["messages"]>[number];

function toPubsub({ id, orderingKey, attributes, data, bytes }: BusMessage): PubsubMessage {
  return {
    data: bytes ?? Buffer.from(data),
    orderingKey,
    attributes: { ...attributes, event_id: id, ordering_key: orderingKey },
  };
}
