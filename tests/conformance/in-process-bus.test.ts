import { describe, expect, it } from "vitest";
import * as z from "zod";

import { createInProcessBus, type PushEndpoint } from "../../infra/adapters/in-process/message-bus.ts";
import type { BusMessage } from "../../shared/ports/message-bus.ts";

const PUBLISHED_AT = "2026-01-01T00:00:00.000Z";

const Envelope = z.strictObject({
  subscription: z.string(),
  message: z.strictObject({
    messageId: z.string(),
    publishTime: z.string(),
    orderingKey: z.string(),
    attributes: z.record(z.string(), z.string()),
    data: z.string(),
  }),
});

function note(id: string): BusMessage {
  return { topic: "events", orderingKey: "k", id, attributes: { type: "note" }, data: `data of ${id}: ünïcödé` };
}

/** An endpoint that remembers the messages' ids and answers with the given status. */
function inbox(status = 204): { readonly ids: string[]; readonly endpoint: PushEndpoint } {
  const ids: string[] = [];
  return {
    ids,
    endpoint: async (request) => {
      ids.push(Envelope.parse(await request.json()).message.messageId);
      return new Response(null, { status });
    },
  };
}

describe("the in-process bus", () => {
  it("posts the push envelope of Pub/Sub", async () => {
    const bus = createInProcessBus(() => PUBLISHED_AT);
    const requests: Request[] = [];
    bus.subscribe("events", "reader", (request) => {
      requests.push(request);
      return Promise.resolve(new Response());
    });
    await bus.publish(note("1"));
    expect(requests).toHaveLength(1);
    expect(requests[0]?.method).toBe("POST");
    expect(requests[0]?.headers.get("content-type")).toBe("application/json");
    expect(await requests[0]?.json()).toEqual({
      subscription: "projects/local/subscriptions/reader",
      message: {
        messageId: "1",
        publishTime: PUBLISHED_AT,
        orderingKey: "k",
        attributes: { type: "note" },
        data: Buffer.from("data of 1: ünïcödé").toString("base64"),
      },
    });
  });

  it.each([200, 201, 204, 299])("takes status %d as taken", async (status) => {
    const bus = createInProcessBus(() => PUBLISHED_AT);
    bus.subscribe("events", "reader", inbox(status).endpoint);
    await expect(bus.publish(note("1"))).resolves.toBeUndefined();
  });

  it.each([302, 400, 404, 429, 500, 503])("refuses a message that a subscriber answers with %d", async (status) => {
    const bus = createInProcessBus(() => PUBLISHED_AT);
    bus.subscribe("events", "reader", inbox(status).endpoint);
    await expect(bus.publish(note("1"))).rejects.toMatchObject({ code: "bus.refused", retryable: true });
  });

  it("refuses a message whose subscriber throws", async () => {
    const bus = createInProcessBus(() => PUBLISHED_AT);
    bus.subscribe("events", "reader", () => Promise.reject(new Error("down")));
    await expect(bus.publish(note("1"))).rejects.toThrow();
  });

  it("resolves only once every subscriber has it, and keeps the order of publishing", async () => {
    const bus = createInProcessBus(() => PUBLISHED_AT);
    const [first, second] = [inbox(), inbox()];
    bus.subscribe("events", "first", first.endpoint);
    bus.subscribe("events", "second", second.endpoint);
    for (const id of ["1", "2", "3"]) {
      await bus.publish(note(id));
      expect(first.ids.at(-1)).toBe(id);
      expect(second.ids.at(-1)).toBe(id);
    }
    expect(first.ids).toEqual(["1", "2", "3"]);
    expect(second.ids).toEqual(["1", "2", "3"]);
  });

  it("delivers to the topic's subscribers only, and to none after they ended", async () => {
    const bus = createInProcessBus(() => PUBLISHED_AT);
    const [events, others] = [inbox(), inbox()];
    const end = bus.subscribe("events", "reader", events.endpoint);
    bus.subscribe("others", "reader", others.endpoint);
    await bus.publish(note("1"));
    end();
    await bus.publish(note("2"));
    expect(events.ids).toEqual(["1"]);
    expect(others.ids).toEqual([]);
  });

  it("takes a message that nobody wants, and answers a ping", async () => {
    const bus = createInProcessBus(() => PUBLISHED_AT);
    await expect(bus.publish(note("1"))).resolves.toBeUndefined();
    await expect(bus.ping()).resolves.toBeUndefined();
  });
});
