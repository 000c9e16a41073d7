import { randomUUID } from "node:crypto";

import type { JsonObject } from "../../shared/json.ts";

/** What a producer publishes: the attributes and the bytes of a Pub/Sub message. */
export interface Publication {
  readonly attributes: Readonly<Record<string, string>>;
  readonly data: string;
}

export interface EventParts {
  readonly id?: string;
  readonly source?: string;
  readonly type?: string;
  readonly data: unknown;
  readonly extensions?: JsonObject;
}

/** A CloudEvent in structured mode: all of it in the data. */
export function structured({ id = randomUUID(), source = "/tests", type, data, extensions }: EventParts): Publication {
  const event = { specversion: "1.0", id, source, type, datacontenttype: "application/json", ...extensions, data };
  return { attributes: { "content-type": "application/cloudevents+json" }, data: JSON.stringify(event) };
}

/** A CloudEvent in binary mode: its attributes are the message's, its data is the message's data. */
export function binary({ id = randomUUID(), source = "/tests", type = "", data }: EventParts): Publication {
  const attributes = { "ce-specversion": "1.0", "ce-id": id, "ce-source": source, "ce-type": type };
  return { attributes: { ...attributes, "content-type": "application/json" }, data: JSON.stringify(data) };
}

/** The push of a publication, as Pub/Sub posts it; each delivery of it has the same message id. */
export function pushOf({ attributes, data }: Publication, messageId: string = randomUUID()): Request {
  const envelope = {
    subscription: "projects/test/subscriptions/intents",
    message: { messageId, publishTime: "2026-01-01T00:00:00Z", attributes, data: Buffer.from(data).toString("base64") },
  };
  return new Request("http://localhost/projects/test/topics/intents", {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(envelope),
  });
}
