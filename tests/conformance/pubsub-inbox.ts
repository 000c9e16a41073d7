import { randomUUID } from "node:crypto";

import { openSubscriber, within } from "../../infra/adapters/pubsub/client.ts";

export interface ReceivedMessage {
  readonly id: string;
  readonly orderingKey: string;
  readonly data: string;
  readonly attributes: Readonly<Record<string, string>>;
}

/** A pull subscription of its own on a topic, to see what really arrives there. */
export interface Inbox extends AsyncDisposable {
  /** What has come so far, in the order of its coming; acknowledged. */
  pull(): Promise<readonly ReceivedMessage[]>;
}

export async function openInbox(
  emulatorHost: string,
  projectId: string,
  topic: string,
  existing?: string,
): Promise<Inbox> {
  const subscriber = await openSubscriber({ projectId, emulatorHost });
  const subscription = `projects/${projectId}/subscriptions/${existing ?? `inbox-${randomUUID()}`}`;
  if (existing === undefined) {
    const request = { name: subscription, topic: `projects/${projectId}/topics/${topic}`, enableMessageOrdering: true };
    await subscriber.createSubscription(request, within(10_000));
  }
  const received: ReceivedMessage[] = [];
  return {
    pull: async () => {
      const request = { subscription, maxMessages: 1_000, returnImmediately: true };
      const [{ receivedMessages }] = await subscriber.pull(request, within(10_000));
      for (const { message } of receivedMessages ?? []) {
        received.push({
          id: message?.messageId ?? "",
          orderingKey: message?.orderingKey ?? "",
          data: Buffer.from((message?.data ?? "") as Uint8Array).toString(),
          attributes: message?.attributes ?? {},
        });
      }
      const ackIds = (receivedMessages ?? []).map(({ ackId }) => ackId ?? "");
      if (ackIds.length > 0) await subscriber.acknowledge({ subscription, ackIds }, within(10_000));
      return received;
    },
    [Symbol.asyncDispose]: () => subscriber.close(),
  };
}
