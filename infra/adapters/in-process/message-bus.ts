import { RuntimeError } from "../../../shared/errors.ts";
import type { BusMessage, MessageBus } from "../../../shared/ports/message-bus.ts";

/** Takes a delivery as a function behind Pub/Sub push does: any status outside 2xx asks for it again. */
export type PushEndpoint = (request: Request) => Promise<Response>;

export interface InProcessBus extends MessageBus {
  /** Delivers what is published to the topic from now on; returns how to end it. */
  subscribe(topic: string, subscription: string, endpoint: PushEndpoint): () => void;
}

/** A bus within the process that posts the push envelope of Pub/Sub; a message is taken once every subscriber has answered 2xx. */
export function createInProcessBus(now: () => string): InProcessBus {
  const topics = new Map<string, Map<string, PushEndpoint>>();

  const deliver = async (subscription: string, endpoint: PushEndpoint, message: BusMessage): Promise<void> => {
    const response = await endpoint(pushRequest(subscription, message, now()));
    if (!response.ok) {
      throw new RuntimeError("bus.refused", `${subscription} answered ${response.status}.`, { retryable: true });
    }
  };

  return {
    subscribe: (topic, subscription, endpoint) => {
      const all = topics.get(topic) ?? new Map<string, PushEndpoint>();
      topics.set(topic, all.set(subscription, endpoint));
      return () => void all.delete(subscription);
    },
    publish: async (message) => {
      for (const [subscription, endpoint] of topics.get(message.topic) ?? [])
        await deliver(subscription, endpoint, message);
    },
    ping: () => Promise.resolve(),
  };
}

function pushRequest(subscription: string, message: BusMessage, publishTime: string): Request {
  const envelope = {
    subscription: `projects/local/subscriptions/${subscription}`,
    message: {
      messageId: message.id,
      publishTime,
      orderingKey: message.orderingKey,
      attributes: message.attributes,
      data: Buffer.from(message.bytes ?? Buffer.from(message.data)).toString("base64"),
    },
  };
  const headers = { "content-type": "application/json" };
  return new Request(`http://localhost/projects/local/topics/${message.topic}`, {
    method: "POST",
    headers,
    body: JSON.stringify(envelope),
  });
}
