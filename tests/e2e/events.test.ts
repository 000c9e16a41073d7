import * as fc from "fast-check";
import { describe, expect, it, vi } from "vitest";
import * as z from "zod";

import { RuntimeError } from "../../shared/errors.ts";
import { HANDED_ON } from "../../shared/executions/shift.ts";
import { createApp } from "../../shared/http/app.ts";
import { intent } from "../../shared/sagas/intent.ts";
import { DEAD_LETTER_TOPIC } from "../../shared/state/topics.ts";
import { createSqliteStore } from "../../infra/adapters/sqlite/execution-store.ts";
import { createGate } from "../kit/gate.ts";
import { openRuntime, testIds, type TestRuntimeOptions } from "../kit/runtime.ts";
import { binary, type Publication, pushOf, structured } from "./event-producer.ts";
import { fetchApp } from "../kit/fetch-app.ts";

const greet = intent("test.greet", {
  version: 1,
  description: "Greets.",
  input: z.strictObject({ name: z.string().min(1) }),
  output: z.object({ greeting: z.string() }),
})
  .step("greet", { run: ({ input: { name } }) => ({ greeting: `Hello ${name}` }) })
  .returns(({ outputs: { greet: said } }) => said);

const outcomeShape = z.looseObject({
  outcome: z.enum(["accepted", "resumed", "dead_lettered"]),
  execution_id: z.string().optional(),
  duplicate: z.boolean().optional(),
  code: z.string().optional(),
});
const letterShape = z.object({
  message: z.looseObject({ attributes: z.record(z.string(), z.string()), data: z.string() }),
});

/** A runtime whose app takes pushes, and whose dead letters are seen. */
async function open(options: TestRuntimeOptions = {}) {
  const runtime = await openRuntime({ intents: [greet], ...options });
  const app = createApp(runtime.services);
  const letters: { readonly attributes: Readonly<Record<string, string>>; readonly data: string }[] = [];
  const deadLetters = { status: 204 };
  runtime.bus.subscribe(DEAD_LETTER_TOPIC, "dead-letters", async (request) => {
    const { message } = letterShape.parse(await request.json());
    if (deadLetters.status === 204) {
      letters.push({ attributes: message.attributes, data: Buffer.from(message.data, "base64").toString() });
    }
    return new Response(null, { status: deadLetters.status });
  });
  const push = async (publication: Publication, messageId?: string) => {
    const response = await fetchApp(app, pushOf(publication, messageId));
    return { status: response.status, headers: response.headers, body: await response.json() };
  };
  const executions = async () => {
    const page = await runtime.store.listExecutions(runtime.tenantId, {}, { limit: 1_000 });
    return page.items.map((head) => String(head["execution_id"]));
  };
  const body = (name: unknown = "Ada") => ({
    tenant_id: "acme",
    session_id: runtime.sessionId,
    parameters: { name },
  });
  return {
    ...runtime,
    [Symbol.asyncDispose]: () => runtime[Symbol.asyncDispose](),
    app,
    letters,
    deadLetters,
    push,
    executions,
    body,
    taken: async (publication: Publication, messageId?: string) => {
      const answer = await push(publication, messageId);
      expect(answer).toMatchObject({ status: 200 });
      return outcomeShape.parse(answer.body);
    },
  };
}

describe("an intent that comes as an event", () => {
  it.each([
    ["structured", structured],
    ["binary", binary],
  ])("runs, published in %s mode", async (_mode, publish) => {
    await using on = await open();
    const { outcome, execution_id, duplicate } = await on.taken(publish({ type: "test.greet", data: on.body() }));
    expect({ outcome, duplicate }).toEqual({ outcome: "accepted", duplicate: false });
    const [id] = await on.executions();
    expect(execution_id).toBe(id);
    await vi.waitFor(async () => {
      const { items } = await on.store.listExecutions(on.tenantId, { status: "completed" }, { limit: 10 });
      expect(items).toHaveLength(1);
    });
  });

  it("runs, its data in base64 as clients of binary formats send it", async () => {
    await using on = await open();
    const data_base64 = Buffer.from(JSON.stringify(on.body())).toString("base64");
    const event = structured({ type: "test.greet", data: undefined, extensions: { data_base64 } });
    expect(await on.taken(event)).toMatchObject({ outcome: "accepted", duplicate: false });
  });

  it("goes on with its producer's trace", async () => {
    await using on = await open();
    const traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    await on.taken(structured({ type: "greet", data: on.body(), extensions: { traceparent } }));
    const { items } = await on.store.readLog(
      on.tenantId,
      { eventType: "intent_received", order: "newest" },
      { limit: 1 },
    );
    expect(items[0]).toContain("trace_0af76519-16cd-43dd-8448-eb211c80319c");
  });

  it("is one execution, however often its event is delivered or published, also at once (I2)", async () => {
    await using on = await open();
    const event = { id: "order-7", source: "/shop", type: "test.greet", data: on.body() };
    const first = await on.taken(structured(event), "message-1");
    const again = await on.taken(structured(event), "message-1");
    const published = await on.taken(binary(event), "message-2");
    expect([again, published]).toMatchObject([
      { execution_id: first.execution_id, duplicate: true },
      { execution_id: first.execution_id, duplicate: true },
    ]);
    const other = { ...event, id: "order-8" };
    const racing = await Promise.all(Array.from({ length: 20 }, () => on.taken(structured(other), "message-3")));
    expect(new Set(racing.map(({ execution_id }) => execution_id)).size).toBe(1);
    expect(racing.filter(({ duplicate }) => duplicate === false)).toHaveLength(1);
    expect(await on.executions()).toHaveLength(2);
  });

  it("is another execution when another source uses the same id", async () => {
    await using on = await open();
    for (const source of ["/a", "/b"]) {
      await on.taken(structured({ id: "1", source, type: "test.greet", data: on.body() }));
    }
    expect(await on.executions()).toHaveLength(2);
  });
});

describe("a message that can never become an execution", () => {
  type Open = Awaited<ReturnType<typeof open>>;
  const event = (on: Open, more: object = {}) => structured({ type: "test.greet", data: { ...on.body(), ...more } });
  const cases: readonly (readonly [string, string, RegExp, (on: Open) => Publication])[] = [
    ["is no JSON", "request.malformed_json", /not JSON/, () => ({ attributes: {}, data: "hello" })],
    ["is empty", "request.malformed_json", /not JSON/, () => ({ attributes: {}, data: "" })],
    [
      "is no event",
      "request.invalid",
      /^the body: Invalid input: expected object, received array$/,
      () => ({ attributes: {}, data: "[]" }),
    ],
    [
      "is of another version of CloudEvents",
      "request.invalid",
      /specversion/,
      () => ({ attributes: { "ce-specversion": "2.0" }, data: "{}" }),
    ],
    [
      "is nested too deep",
      "request.too_deep",
      /256/,
      () => ({ attributes: {}, data: "[".repeat(300) + "]".repeat(300) }),
    ],
    [
      "carries no JSON",
      "event.data_not_json",
      /text\/plain/,
      (on) => structured({ type: "test.greet", data: on.body(), extensions: { datacontenttype: "text/plain" } }),
    ],
    [
      "has no data",
      "request.invalid",
      /expected object, received undefined/,
      () => structured({ type: "test.greet", data: undefined }),
    ],
    [
      "has its data elsewhere",
      "event.dataref_refused",
      /nobody fetches them .* \/files\/upload-url/,
      () => structured({ type: "test.greet", data: undefined, extensions: { dataref: "gs://acme/payload.json" } }),
    ],
    [
      "has its data elsewhere, in binary form",
      "event.dataref_refused",
      /nobody fetches them/,
      () => ({
        attributes: {
          "ce-specversion": "1.0",
          "ce-id": "1",
          "ce-source": "/test",
          "ce-type": "test.greet",
          "ce-dataref": "http://169.254.169.254/",
        },
        data: "",
      }),
    ],
    ["names no tenant", "request.invalid", /tenant_id is required/, (on) => event(on, { tenant_id: undefined })],
    ["names an impossible tenant", "tenant.not_found", /no tenant/, (on) => event(on, { tenant_id: "a/b" })],
    [
      "names another tenant than its session's",
      "session.not_found",
      /no session/,
      (on) => event(on, { tenant_id: "other" }),
    ],
    [
      "names a session that is not there",
      "session.not_found",
      /no session/,
      (on) => event(on, { session_id: "session_x" }),
    ],
    [
      "is of an unknown type",
      "intent.unknown_type",
      /No handler found for intent type: test.nothing/,
      (on) => structured({ type: "test.nothing", data: on.body() }),
    ],
    ["says two types", "event.other_type", /test.other/, (on) => event(on, { intent_type: "test.other" })],
    ["has bad parameters", "intent.bad_parameters", /parameters.name/, (on) => event(on, { parameters: { name: 7 } })],
    [
      "is too large",
      "request.too_large",
      /larger than/,
      (on) => event(on, { parameters: { name: "x".repeat(3_000_000) } }),
    ],
  ];

  it.each(cases)(
    "because it %s is acknowledged, and is a dead letter that says %s (I1, I3)",
    async (_what, code, reason, publish) => {
      await using on = await open();
      const publication = publish(on);
      expect(await on.taken(publication, "message-1")).toMatchObject({ outcome: "dead_lettered", code });
      expect(on.letters).toEqual([
        {
          data: publication.data,
          attributes: {
            ...publication.attributes,
            code,
            reason: expect.stringMatching(reason),
            message_id: "message-1",
            subscription: "projects/test/subscriptions/intents",
          },
        },
      ]);
      expect(await on.executions()).toEqual([]);
    },
  );

  it("because its event was another before leaves that one alone", async () => {
    await using on = await open();
    const first = await on.taken(structured({ id: "1", type: "test.greet", data: on.body("Ada") }));
    expect(await on.taken(structured({ id: "1", type: "test.greet", data: on.body("Eve") }))).toMatchObject({
      code: "idempotency.other_body",
    });
    expect(await on.executions()).toEqual([first.execution_id]);
  });

  it("comes again while the dead-letter topic does not take it (I1)", async () => {
    await using on = await open();
    on.deadLetters.status = 500;
    const poison = { attributes: {}, data: "poison" };
    const refused = await on.push(poison, "message-1");
    expect(refused).toMatchObject({ status: 503, body: { code: "event.not_buried", retryable: true } });
    expect(refused.headers.get("retry-after")).toBe("1");
    on.deadLetters.status = 204;
    expect(await on.taken(poison, "message-1")).toMatchObject({ outcome: "dead_lettered" });
    expect(on.letters).toHaveLength(1);
  });

  it("is buried whatever it is made of: no message is answered with a 5xx", async () => {
    await using on = await open();
    const name = fc.constantFrom("content-type", "ce-specversion", "ce-type", "ce-id", "ce-source", "x");
    const value = fc.oneof(fc.constantFrom("1.0", "test.greet", HANDED_ON, "application/json"), fc.string());
    const data = fc.oneof(
      fc.string(),
      fc.json(),
      fc
        .object()
        .map((each) => JSON.stringify({ specversion: "1.0", id: "1", source: "s", type: "test.greet", data: each })),
    );
    await fc.assert(
      fc.asyncProperty(fc.dictionary(name, value), data, async (attributes, text) => {
        expect(await on.taken({ attributes, data: text })).toMatchObject({
          outcome: expect.stringMatching(/dead_lettered|resumed/),
        });
      }),
      { numRuns: 300 },
    );
  });
});

describe("an event that cannot be taken right now", () => {
  it("comes again while the store is away, and is one execution in the end", async () => {
    const inner = createSqliteStore(":memory:");
    let away: "no" | "before" | "after" = "no";
    const gone = () => Promise.reject(new RuntimeError("store.unavailable", "away", { status: 503, retryable: true }));
    await using on = await open({
      store: {
        ...inner,
        accept: async (acceptance) => {
          if (away === "before") return gone();
          const outcome = await inner.accept(acceptance);
          return away === "after" ? gone() : outcome;
        },
      },
    });
    const event = structured({ type: "test.greet", data: on.body() });
    for (const when of ["before", "after"] as const) {
      away = when;
      expect(await on.push(event)).toMatchObject({ status: 503, body: { code: "store.unavailable", retryable: true } });
    }
    away = "no";
    const { duplicate } = await on.taken(event);
    expect(duplicate, "the acceptance whose answer was lost counts").toBe(true);
    expect(await on.executions()).toHaveLength(1);
    expect(on.letters).toEqual([]);
  });

  it("comes again when the failure is one that nobody foresaw, and says nothing of it", async () => {
    const inner = createSqliteStore(":memory:");
    await using on = await open({ store: { ...inner, accept: () => Promise.reject(new TypeError("inner secret")) } });
    const answer = await on.push(structured({ type: "test.greet", data: on.body() }));
    expect(answer).toMatchObject({ status: 503, body: { code: "event.not_taken", retryable: true } });
    expect(JSON.stringify(answer.body)).not.toContain("secret");
    expect(on.letters).toEqual([]);
  });

  it("comes again while this instance holds as much as it may", async () => {
    const gate = createGate();
    const waits = intent("test.waits", { version: 1, description: "Waits.", input: z.object({}), output: z.object({}) })
      .step("wait", { run: () => gate.pass().then(() => ({})) })
      .returns(() => ({}));
    await using on = await open({ intents: [waits], config: { maxRunning: 1, maxQueued: 0 } });
    const data = { ...on.body(), parameters: {} };
    await on.taken(structured({ type: "test.waits", data }));
    expect(await on.push(structured({ type: "test.waits", data }))).toMatchObject({
      status: 503,
      body: { code: "runtime.overloaded", retryable: true },
    });
    gate.open();
  });
});

describe("what is no push of our Pub/Sub", () => {
  it.each([
    ["no JSON", "}{", 400],
    ["no envelope", "{}", 422],
    ["data that is no base64", JSON.stringify({ message: { messageId: "1", data: "%" } }), 422],
  ])("is refused, and never counts as a message: %s", async (_what, body, status) => {
    await using on = await open();
    const headers = { "content-type": "application/json" };
    const url = "http://localhost/projects/test/topics/intents";
    const response = await fetchApp(on.app, new Request(url, { method: "POST", headers, body }));
    expect(response.status).toBe(status);
    expect(on.letters).toEqual([]);
  });

  it("is refused where nobody can tell whose it is: outside dev mode, until pushes prove themselves", async () => {
    await using on = await open();
    const { services } = on;
    const app = createApp({ ...services, adapters: { ...services.adapters, devTokens: undefined } });
    const hint = { tenant_id: "acme", execution_id: testIds.execution() };
    for (const event of [
      { type: "test.greet", data: on.body() },
      { type: HANDED_ON, data: hint },
    ]) {
      expect((await fetchApp(app, pushOf(structured(event)))).status).toBe(401);
    }
    expect(await on.executions()).toEqual([]);
    expect(on.letters).toEqual([]);
  });
});

describe("the news that an execution was handed on", () => {
  it("does no harm when it is late, comes twice, or is about one that is not there", async () => {
    await using on = await open();
    const { execution } = await on.submit("test.greet", { name: "Ada" });
    await on.services.lifecycle.idle();
    for (const id of [execution.execution_id, execution.execution_id, testIds.execution()]) {
      const news = structured({ type: HANDED_ON, data: { tenant_id: "acme", execution_id: id } });
      expect(await on.taken(news)).toEqual({ outcome: "resumed", execution_id: id });
    }
    expect(await on.executions()).toEqual([execution.execution_id]);
    expect((await on.store.readExecution(on.tenantId, execution.execution_id))?.epoch).toBe(1);
  });
});
