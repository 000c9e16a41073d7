import * as z from "zod";

import { executionEndedSchema } from "../executions/execution-events.ts";
import { ENDS } from "../executions/execution.ts";
import { HANDED_ON, handedOnSchema } from "../executions/shift.ts";
import type { IntentDefinition } from "../sagas/intent-definition.ts";
import { EVENTS_TOPIC } from "../state/cloud-event.ts";
import { DEAD_LETTER_TOPIC, intentTopic } from "../state/topics.ts";
import { eventBody } from "./event-intake.ts";
import { bare } from "./json-schemas.ts";

const STRUCTURED = "application/cloudevents+json";

type Node = Readonly<Record<string, unknown>>;

/** The message in a channel, by the key that references to it use. */
interface Message {
  readonly key: string;
  readonly message: Node;
}

interface Info {
  readonly title: string;
  readonly version: string;
}

/**
 * Every event that goes in and out, as an AsyncAPI 3.0 document: the intents that producers publish, what executions tell, and the
 * dead letters. Payloads are JSON Schema draft 7, made from the zod schemas that check them.
 */
export function asyncApiDocument(info: Info, intents: readonly IntentDefinition[]) {
  const submissions = intents.map(submissionChannel);
  const events = eventsChannel(intents);
  const letters = deadLetterChannel();
  const channels = [...submissions, events, letters];
  return {
    asyncapi: "3.0.0",
    info: {
      ...info,
      description:
        "Events are CloudEvents 1.0, at least once; the same `id` is the same event. Those of one execution come in their order.",
    },
    defaultContentType: STRUCTURED,
    channels: Object.fromEntries(
      channels.map(({ key, address, description, messages }) => [
        key,
        {
          address,
          description,
          messages: Object.fromEntries(messages.map((one) => [one.key, { $ref: `#/components/messages/${one.key}` }])),
        },
      ]),
    ),
    operations: Object.fromEntries([
      ...submissions.map((channel) => [`receive.${channel.key}`, operation("receive", channel)] as const),
      [`send.${events.key}`, operation("send", events)] as const,
      [`send.${letters.key}`, operation("send", letters)] as const,
    ]),
    components: {
      messages: Object.fromEntries(channels.flatMap(({ messages }) => messages).map((one) => [one.key, one.message])),
    },
  };
}

interface Channel {
  readonly key: string;
  readonly address: string;
  readonly description: string;
  readonly messages: readonly Message[];
}

function operation(action: "send" | "receive", { key, messages }: Channel): Node {
  return {
    action,
    channel: { $ref: `#/channels/${key}` },
    messages: messages.map((one) => ({ $ref: `#/channels/${key}/messages/${one.key}` })),
  };
}

function submissionChannel({ type, description, input }: IntentDefinition): Channel {
  const parameters = input.prefault({});
  const data = draft7(eventBody.extend({ parameters }), "input");
  const handedOn = draft7(handedOnSchema, "output");
  return {
    key: type,
    address: intentTopic(type),
    description: "Also in binary mode: the attributes as `ce-…`, the data as the message.",
    messages: [
      message(`${type}.submit`, `Submit: ${description}`, { type, data, required: ["specversion", "id", "source"] }),
      message(`${type}.handed_on`, "The runtime's own: an execution of this intent waits to be taken up.", {
        type: HANDED_ON,
        data: handedOn,
        required: ["specversion", "id", "source", "subject", "time"],
      }),
    ],
  };
}

function eventsChannel(intents: readonly IntentDefinition[]): Channel {
  const required = ["specversion", "id", "source", "subject", "time", "datacontenttype", "tenantid", "sessionid"];
  const told = ENDS.map((status) => {
    const type = `execution_${status}`;
    const data = draft7(executionEndedSchema.extend({ status: z.literal(status) }), "output");
    return message(type, `An execution ended: it is ${status}.`, { type, data, required });
  });
  const emitted = intents.flatMap((intent) =>
    Object.entries(intent.events).map(([type, schema]) =>
      message(`${intent.type}.${type}`, `Emitted by ${intent.type}, once the step that did it is committed.`, {
        type,
        data: draft7(schema, "output"),
        mayBeLarge: true,
        source: `/intents/${intent.type}`,
        required,
      }),
    ),
  );
  return {
    key: "events",
    address: EVENTS_TOPIC,
    description: "What executions tell the world. `subject` and the ordering key are the execution's id.",
    messages: [...told, ...emitted],
  };
}

function deadLetterChannel(): Channel {
  const text = { type: "string" };
  const headers = {
    type: "object",
    properties: { code: text, reason: text, message_id: text, subscription: text },
    required: ["code", "reason", "message_id", "subscription"],
    additionalProperties: text,
  };
  return {
    key: "dead_letters",
    address: DEAD_LETTER_TOPIC,
    description: "Messages that can never become an execution, as they came; why is in their attributes.",
    messages: [
      {
        key: "dead_letter",
        message: {
          name: "dead_letter",
          summary: "A message that was refused for good.",
          contentType: "application/octet-stream",
          headers,
          payload: {},
        },
      },
    ],
  };
}

function message(
  key: string,
  summary: string,
  event: {
    readonly type: string;
    readonly data: Node;
    readonly required: readonly string[];
    readonly source?: string;
    /** Whether its data may be so large that they lie elsewhere. */
    readonly mayBeLarge?: boolean;
  },
): Message {
  const text = { type: "string" };
  const dataref = { ...text, format: "uri", description: "where the data lie, instead of `data`, above 128 KiB" };
  const payload = {
    type: "object",
    properties: {
      specversion: { const: "1.0" },
      id: text,
      source: event.source === undefined ? text : { const: event.source },
      type: { const: event.type },
      subject: text,
      time: { type: "string", format: "date-time" },
      datacontenttype: { type: "string" },
      tenantid: text,
      sessionid: text,
      traceparent: text,
      data: event.data,
      ...(event.mayBeLarge === true ? { dataref } : {}),
    },
    ...(event.mayBeLarge === true
      ? { required: [...event.required, "type"], anyOf: [{ required: ["data"] }, { required: ["dataref"] }] }
      : { required: [...event.required, "type", "data"] }),
  };
  return { key, message: { name: event.type, summary, contentType: STRUCTURED, payload } };
}

function draft7(schema: z.ZodType, io: "input" | "output"): Node {
  return bare(z.toJSONSchema(schema, { target: "draft-7", io }));
}
