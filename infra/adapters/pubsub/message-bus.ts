import type { BusMessage, MessageBus } from "../../../shared/ports/message-bus.ts";
import { busError } from "./bus-error.ts";
import { googleAuthorization } from "./google-authorization.ts";
import { createTimedPublishing, type TimedPublishingOptions } from "./timed-publishing.ts";
import { createRestCalls, type RestAnswer, type RestCalls } from "./rest-calls.ts";

const SERVICE_URL = "https://pubsub.googleapis.com";
const SCOPE = "https://www.googleapis.com/auth/pubsub";
const PUBLISH_TIMEOUT_MS = 5_000;
const PING_TIMEOUT_MS = 2_000;

export interface PubsubBusOptions {
  readonly projectId: string;
  /** `host:port` of an emulator; absent means Google's own service. */
  readonly emulatorHost?: string | undefined;
  /** What publishes on time; absent where nothing does. */
  readonly timers?: TimedPublishingOptions | undefined;
  /** The topic that readiness asks for. */
  readonly pingTopic: string;
}

export interface PubsubBus extends MessageBus {
  close(): Promise<void>;
}

/**
 * The bus on Google Pub/Sub, by its REST interface: the client library would take longer to load than all the rest of a function.
 *  P1  A message is taken once Pub/Sub has answered with its id; any other end rejects, within 5 seconds.
 *  P2  Nothing is queued here: messages of one ordering key keep their order when they are published one after the other.
 *  P3  After an outage the next publish goes out again: no ordering key stays closed.
 * Push bodies lack the ordering key, so it is an attribute too, as is the message's stable id.
 */
export function createPubsubBus({ projectId, emulatorHost, timers, pingTopic }: PubsubBusOptions): PubsubBus {
  const url = emulatorHost === undefined ? SERVICE_URL : `http://${emulatorHost}`;
  const calls: RestCalls = createRestCalls(
    emulatorHost === undefined ? { url, authorization: googleAuthorization(projectId, SCOPE) } : { url },
  );
  const timed = timers === undefined ? undefined : createTimedPublishing(timers, projectId, SCOPE);
  const pathOf = (topic: string): string => `/v1/projects/${projectId}/topics/${encodeURIComponent(topic)}`;
  const accepted = async (topic: string, calling: Promise<RestAnswer>): Promise<void> => {
    const answer = await calling.catch((cause: unknown) => {
      throw busError(topic, undefined, cause);
    });
    if (answer.status !== 200) throw busError(topic, answer.status, new Error(answer.body.slice(0, 500)));
  };
  return {
    publish: (message) => {
      const body = JSON.stringify({ messages: [toPubsub(message)] });
      return accepted(message.topic, calls.call("POST", `${pathOf(message.topic)}:publish`, body, PUBLISH_TIMEOUT_MS));
    },
    ...(timed === undefined
      ? {}
      : {
          publishAt: (message, atMs, name) =>
            timed.post({
              url: `${url}${pathOf(message.topic)}:publish`,
              body: JSON.stringify({ messages: [toPubsub(message)] }),
              atMs,
              name,
            }),
        }),
    ping: () => accepted(pingTopic, calls.call("GET", pathOf(pingTopic), undefined, PING_TIMEOUT_MS)),
    close: () => {
      calls.close();
      timed?.close();
      return Promise.resolve();
    },
  };
}

function toPubsub({ id, orderingKey, attributes, data, bytes }: BusMessage): object {
  return {
    data: Buffer.from(bytes ?? data).toString("base64"),
    orderingKey,
    attributes: { ...attributes, event_id: id, ordering_key: orderingKey },
  };
}
