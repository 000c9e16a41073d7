import * as z from "zod";

/** What Pub/Sub posts to a push endpoint: https://cloud.google.com/pubsub/docs/push#receive_push */
export const pushEnvelope = z.object({
  message: z.object({
    messageId: z.string().min(1),
    attributes: z.record(z.string(), z.string()).default({}),
    data: z.base64().default(""),
  }),
  subscription: z.string().default(""),
});

/** A message as it was published, whichever way it was delivered. */
export interface PushedMessage {
  /** Pub/Sub's own: the same for each delivery of one publication, another when the producer publishes again. */
  readonly messageId: string;
  readonly subscription: string;
  readonly attributes: Readonly<Record<string, string>>;
  readonly data: Uint8Array;
}

export function pushedMessage({ message, subscription }: z.infer<typeof pushEnvelope>): PushedMessage {
  const { messageId, attributes, data } = message;
  return { messageId, subscription, attributes, data: Buffer.from(data, "base64") };
}
