import * as z from "zod";

import { idSchemas, type InstanceId } from "../ids.ts";
import { jsonValue } from "../json.ts";
import type { RecordWrite } from "../ports/execution-store.ts";
import type { RecordKind } from "../state/record-kind.ts";
import type { UnitOfWork } from "../state/unit-of-work.ts";
import type { InstanceRecord } from "./instance-record.ts";
import { INBOX_KIND, MESSAGE_KIND, ofInstance } from "./owned-records.ts";

const SUBSCRIBE = "msg:subscribe";
/** Listings are newest first, by a time: what has the lowest number is to be first. */
const NEWEST_FIRST = 9_999_999_999_999;
/** Stands for every topic. */
export const EVERY_TOPIC = "*";

/**
 * What an instance is subscribed to, and how many messages wait for it (ADR 0031). Every message that comes or goes changes this record
 * in the same commit: so it is the inbox's order, its bound, and what ends it.
 */
const inboxSchema = z.object({
  instance_id: idSchemas.instance,
  topics: z.array(z.string()),
  /** The number of the next message. */
  next: z.int().positive(),
  waiting: z.int().nonnegative(),
});
export type Inbox = z.infer<typeof inboxSchema>;

export const inboxKind: RecordKind<Inbox> = {
  name: INBOX_KIND,
  schema: inboxSchema,
  facets: ({ instance_id, topics }) => [ofInstance(instance_id), ...topics.map(topicFacet)],
};

/** A message that waits for an instance. */
const messageSchema = z.object({
  instance_id: idSchemas.instance,
  number: z.int().positive(),
  topic: z.string(),
  event_id: idSchemas.event,
  published_at: z.string(),
  data: jsonValue,
  /** How often it was pulled. */
  attempts: z.int().nonnegative(),
});
export type InboxMessage = z.infer<typeof messageSchema>;

export const messageKind: RecordKind<InboxMessage> = {
  name: MESSAGE_KIND,
  schema: messageSchema,
  facets: ({ instance_id, topic }) => [ofInstance(instance_id), waitingFacet(instance_id, topic)],
};

/** The message as a record, over the version that was read; the oldest is first in its listings. */
export function messageWrite(message: InboxMessage, expectedVersion: number): RecordWrite {
  const { instance_id, number } = message;
  const id = messageId(instance_id, number);
  const place = { kind: MESSAGE_KIND, id, sortMs: NEWEST_FIRST - number };
  return { ...place, expectedVersion, body: message, facets: messageKind.facets(message) };
}

/** A message that is there no more. */
export function messageRemoval({ instance_id, number }: InboxMessage, expectedVersion: number): RecordWrite {
  const id = messageId(instance_id, number);
  return { kind: MESSAGE_KIND, id, expectedVersion, body: undefined, facets: [], sortMs: 0 };
}

/** The listing of the inboxes of a topic. */
export function topicFacet(topic: string): string {
  return `topic=${topic}`;
}

/** The listing of what waits for an instance of a topic. */
export function waitingFacet(instanceId: InstanceId, topic: string): string {
  return `waiting=${instanceId}/${topic}`;
}

export function messageId(instanceId: InstanceId, number: number): string {
  return `${instanceId}/${number}`;
}

/** Makes the inbox follow what the instance may subscribe to, in the commit that changes that; a stopped one gets no more. */
export async function followTopics(unit: UnitOfWork, record: InstanceRecord): Promise<void> {
  const { instance_id } = record.metadata;
  const topics = topicsOf(record);
  const before = await unit.get(inboxKind, instance_id);
  if (before === undefined) {
    if (topics.length > 0) unit.put(inboxKind, instance_id, { instance_id, topics: [...topics], next: 1, waiting: 0 });
  } else if (topics.join() !== before.topics.join()) {
    unit.put(inboxKind, instance_id, { ...before, topics: [...topics] });
  }
}

function topicsOf({ metadata, capabilities }: InstanceRecord): readonly string[] {
  if (metadata.status === "stopped") return [];
  const topics = capabilities
    .flatMap(({ permissions }) => permissions)
    .filter((permission) => permission.startsWith(SUBSCRIBE))
    .map((permission) => permission.slice(SUBSCRIBE.length + 1) || EVERY_TOPIC);
  return [...new Set(topics)].toSorted();
}
