import * as z from "zod";

import { RuntimeError } from "../errors.ts";
import { checked } from "./checked-input.ts";
import { isJsonType, parseJson } from "./json-body.ts";
import type { PushedMessage } from "./push-envelope.ts";

const MAX_ATTRIBUTE_CHARS = 2_048;
const text = z.string().min(1).max(MAX_ATTRIBUTE_CHARS);

/** CloudEvents 1.0.2, section 3: what every event has, and of the optional attributes those that are read here. */
const cloudEventSchema = z.object({
  specversion: z.literal("1.0"),
  id: text,
  source: text,
  type: text,
  datacontenttype: z.string().optional(),
  traceparent: z.string().optional(),
  dataref: z.string().optional(),
  data: z.unknown().optional(),
  data_base64: z.base64().optional(),
});

/** An event of somebody else's, its data already JSON. */
export interface IncomingEvent {
  readonly id: string;
  readonly source: string;
  readonly type: string;
  readonly traceparent: string | undefined;
  readonly data: unknown;
}

/**
 * The CloudEvent in a Pub/Sub message: structured when its content type says so, or else binary, with its attributes as
 * `ce-…` (CloudEvents Pub/Sub protocol binding 1.0.2).
 * Throws `request.malformed_json`, `request.too_deep`, `request.invalid`, `event.data_not_json`, `event.dataref_refused` (4xx).
 */
export function readCloudEvent({ attributes, data }: PushedMessage): IncomingEvent {
  const contentType = attributes["content-type"] ?? attributes["Content-Type"] ?? "";
  if (/^application\/cloudevents\b/i.test(contentType) || !("ce-specversion" in attributes)) {
    return eventOf(parseJson(data));
  }
  const members = Object.entries(attributes).filter(([name]) => name.startsWith("ce-"));
  const event = Object.fromEntries(members.map(([name, value]) => [name.slice("ce-".length), value]));
  // By reference alone, the message has no data to be read as JSON.
  if (data.length === 0) mustHaveData(event["dataref"]);
  mustBeJson(event["datacontenttype"] ?? contentType);
  return eventOf({ ...event, data: parseJson(data) });
}

/** The event that a value is. Throws `request.invalid`, `event.data_not_json`, `event.dataref_refused` (422). */
export function eventOf(value: unknown): IncomingEvent {
  const event = checked(value, cloudEventSchema);
  if (event.data === undefined && event.data_base64 === undefined) mustHaveData(event.dataref);
  mustBeJson(event.datacontenttype ?? "");
  const { id, source, type, traceparent, data_base64 } = event;
  const data = data_base64 === undefined ? event.data : parseJson(Buffer.from(data_base64, "base64"));
  return { id, source, type, traceparent, data };
}

/** Nothing is fetched from where a message says: it would be our network that asks, and our rights that it asks with. */
function mustHaveData(dataref: string | undefined): void {
  if (dataref === undefined) return;
  const message =
    "An intent's event carries its data: nobody fetches them from where dataref says. What is large goes to /files/upload-url.";
  throw new RuntimeError("event.dataref_refused", message, { status: 422, faults: [{ path: "dataref", message }] });
}

/** An absent type means JSON (section 3.1.1 of the JSON format). */
function mustBeJson(contentType: string): void {
  if (contentType === "" || isJsonType(contentType)) return;
  throw new RuntimeError("event.data_not_json", `The event's data is ${contentType}; an intent is JSON.`, {
    status: 422,
  });
}
