import { expect, it } from "vitest";
import * as z from "zod";

import { intents } from "../../functions/catalog.ts";
import { createApp } from "../../shared/http/app.ts";
import type { JsonObject } from "../../shared/json.ts";
import { EVENTS_TOPIC } from "../../shared/state/cloud-event.ts";
import { topicsOf } from "../../shared/state/topics.ts";
import { openRuntime } from "../kit/runtime.ts";
import { fetchApp } from "../kit/fetch-app.ts";

/** The structure of AsyncAPI 3.0.0 as far as the document uses it, strict where the specification is. */
const ref = z.strictObject({ $ref: z.string().startsWith("#/") });
const jsonSchema = z.record(z.string(), z.unknown());
const messageShape = z.strictObject({
  name: z.string().min(1),
  summary: z.string().min(1),
  contentType: z.string(),
  headers: jsonSchema.optional(),
  payload: jsonSchema,
});
const asyncApi = z.strictObject({
  asyncapi: z.literal("3.0.0"),
  info: z.strictObject({ title: z.string(), version: z.string(), description: z.string() }),
  defaultContentType: z.string(),
  channels: z.record(
    z.string().regex(/^[\w.-]+$/),
    z.strictObject({ address: z.string(), description: z.string(), messages: z.record(z.string(), ref) }),
  ),
  operations: z.record(
    z.string().regex(/^[\w.-]+$/),
    z.strictObject({ action: z.enum(["send", "receive"]), channel: ref, messages: z.array(ref).min(1) }),
  ),
  components: z.strictObject({ messages: z.record(z.string().regex(/^[\w.-]+$/), messageShape) }),
});
type AsyncApi = z.infer<typeof asyncApi>;

async function served() {
  const runtime = await openRuntime({ intents });
  const app = createApp(runtime.services);
  const get = async (path: string) => fetchApp(app, new Request(`http://localhost${path}`));
  return { runtime, get };
}

function resolve(document: AsyncApi, { $ref }: z.infer<typeof ref>): unknown {
  let found: unknown = document;
  for (const name of $ref.slice(2).split("/")) found = (found as Readonly<Record<string, unknown>> | undefined)?.[name];
  return found;
}

it("serves a valid AsyncAPI 3.0 document, whose references lead somewhere, over every topic of the build", async () => {
  const { runtime, get } = await served();
  await using _ = runtime;
  const document = asyncApi.parse(await (await get("/asyncapi.json")).json());

  const topics = Object.values(document.channels).map(({ address }) => address);
  expect(topics.toSorted()).toEqual(topicsOf(intents.map(({ type }) => type)).toSorted());
  for (const { messages } of Object.values(document.channels))
    for (const one of Object.values(messages))
      expect(messageShape.safeParse(resolve(document, one)).success).toBe(true);
  for (const { channel, messages } of Object.values(document.operations)) {
    expect(resolve(document, channel)).toHaveProperty("address");
    // Section "Operation Object": a message of an operation is one of its channel's, not of the components.
    for (const one of messages) {
      expect(one.$ref.startsWith(`${channel.$ref}/messages/`)).toBe(true);
      expect(resolve(document, one)).toHaveProperty("$ref");
    }
  }
  for (const { payload } of Object.values(document.components.messages))
    expect(() => z.fromJSONSchema(payload as JsonObject)).not.toThrow();
});

it("tells of every event that the intents emit and of every end, as they really are", async () => {
  const { runtime, get } = await served();
  await using _ = runtime;
  const document = asyncApi.parse(await (await get("/asyncapi.json")).json());
  const channel = Object.values(document.channels).find(({ address }) => address === EVENTS_TOPIC);
  const known = Object.values(channel?.messages ?? {}).map((one) => messageShape.parse(resolve(document, one)));
  const published: { readonly type: string }[] = [];
  runtime.bus.subscribe(EVENTS_TOPIC, "watcher", async (request) => {
    const { message } = z.object({ message: z.looseObject({ data: z.string() }) }).parse(await request.json());
    published.push(JSON.parse(Buffer.from(message.data, "base64").toString()) as { readonly type: string });
    return new Response(null, { status: 204 });
  });

  const content_base64 = Buffer.from("a\n1\n").toString("base64");
  const file = await runtime.run("content.ingest_file", { ui_name: "a.csv", content_base64 });
  const { file_id, boundary_contract_id } = z
    .object({ file_id: z.string(), boundary_contract_id: z.string() })
    .parse(file.output);
  await runtime.run("content.save_materialization", { file_id, boundary_contract_id });
  await runtime.run("content.parse_content", { file_id });
  await runtime.run("content.parse_content", { file_id: "file_none" });
  await runtime.services.relay.drain();
  await expect
    .poll(() => published.map(({ type }) => type).toSorted())
    .toEqual(
      [
        "artifact_ingested",
        "artifact_materialized",
        "content_parsed",
        "execution_completed",
        "execution_completed",
        "execution_completed",
        "execution_failed",
      ].toSorted(),
    );
  for (const event of published) {
    const message = known.find(({ name }) => name === event.type);
    const judged = z.fromJSONSchema(message?.payload ?? false).safeParse(event);
    expect({ type: event.type, faults: judged.error?.issues }).toEqual({ type: event.type, faults: undefined });
    // That a wrong one would be noticed.
    expect(z.fromJSONSchema(message?.payload ?? false).safeParse({ ...event, data: 1 }).success).toBe(false);
  }
});

it("serves the schemas of each version of each intent, and 404 for any other", async () => {
  const { runtime, get } = await served();
  await using _ = runtime;
  for (const { type, version } of intents) {
    const answer = await get(`/schemas/${type}.${version}.json`);
    expect(answer.headers.get("content-type")).toBe("application/schema+json");
    const { $defs } = z
      .looseObject({ $defs: z.record(z.string(), z.record(z.string(), z.unknown())) })
      .parse(await answer.json());
    expect(Object.keys($defs)).toEqual(expect.arrayContaining(["input", "output"]));
    for (const schema of Object.values($defs)) expect(() => z.fromJSONSchema(schema as JsonObject)).not.toThrow();
  }
  const input = z.fromJSONSchema(
    ((await (await get("/schemas/content.ingest_file.2.json")).json()) as { $defs: { input: JsonObject } }).$defs.input,
  );
  expect(input.safeParse({ ui_name: "a.csv", content_base64: "" }).success).toBe(true);
  expect(input.safeParse({ ui_name: 1 }).success).toBe(false);
  for (const none of ["content.ingest_file.999", "content.none.1", "content.ingest_file", "..%2F.1"]) {
    const answer = await get(`/schemas/${none}.json`);
    expect([none, answer.status]).toEqual([none, 404]);
  }
});
