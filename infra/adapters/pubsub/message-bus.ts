import type { BusMessage, MessageBus } from "../../../shared/ports/message-bus.ts";
import { busError } from "./bus-error.ts";
import { createRestCalls, type RestAnswer, type RestCalls } from "./rest-calls.ts";

const SERVICE_URL = "https://pubsub.googleapis.com";
const SCOPE = "https://www.googleapis.com/auth/pubsub";
const PUBLISH_TIMEOUT_MS = 5_000;
const PING_TIMEOUT_MS = 2_000;

export interface PubsubBusOptions {
  readonly projectId: string;
  /** `host:port` of an emulator; absent means Google's own service. */
  readonly emulatorHost?: string | undefined;
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
export function createPubsubBus({ projectId, emulatorHost, pingTopic }: PubsubBusOptions): PubsubBus {
  const calls: RestCalls =
    emulatorHost === undefined
      ? createRestCalls({ url: SERVICE_URL, authorization: googleAuthorization(projectId) })
      : createRestCalls({ url: `http://${emulatorHost}` });
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
    ping: () => accepted(pingTopic, calls.call("GET", pathOf(pingTopic), undefined, PING_TIMEOUT_MS)),
    close: () => {
      calls.close();
      return Promise.resolve();
    },
  };
}

/** The token of whom the function runs as; the library keeps it until it is about to expire. */
function googleAuthorization(projectId: string): () => Promise<string> {
  let opening: Promise<{ getAccessToken(): Promise<string | null | undefined> }> | undefined;
  const open = async () => {
    const { GoogleAuth } = await import("google-auth-library");
    return new GoogleAuth({ projectId, scopes: [SCOPE] });
  };
  return async () => {
    opening ??= open();
    const token = await (await opening).getAccessToken();
    return `Bearer ${token ?? ""}`;
  };
}

function toPubsub({ id, orderingKey, attributes, data, bytes }: BusMessage): object {
  return {
    data: Buffer.from(bytes ?? data).toString("base64"),
    orderingKey,
    attributes: { ...attributes, event_id: id, ordering_key: orderingKey },
  };
}
