import { randomUUID } from "node:crypto";
import { createServer } from "node:http";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { performance } from "node:perf_hooks";

import { describe, expect, it, vi } from "vitest";

import { createPubsubBus } from "../../infra/adapters/pubsub/message-bus.ts";
import { setUpTopics, type Topology } from "../../infra/adapters/pubsub/set-up-topics.ts";
import { startPubsubEmulator } from "../../infra/dev/parts/pubsub-emulator.ts";
import type { BusMessage } from "../../shared/ports/message-bus.ts";
import { sharedPubsub, withParts } from "../kit/parts.ts";
import { openInbox } from "./pubsub-inbox.ts";

const TOPIC = "events";
const TOPOLOGY: Topology = {
  topics: [TOPIC],
  pushes: [],
  deadLetters: { topic: "dead-letters", subscription: "dead-letters", maxDeliveryAttempts: 5 },
};

function note(id: string, orderingKey = "k"): BusMessage {
  return { topic: TOPIC, orderingKey, id, attributes: { ce_type: "note" }, data: `data of ${id}: ünïcödé` };
}

/** A project of its own on the shared emulator, with its topics. */
async function openProject(emulatorHost: string) {
  const projectId = `test-${randomUUID()}`;
  const options = { projectId, emulatorHost };
  await setUpTopics(options, TOPOLOGY);
  return { options, bus: createPubsubBus({ ...options, pingTopic: TOPIC }) };
}

withParts(["pubsub"], () => {
  describe("the bus on Pub/Sub", () => {
    it("publishes data and attributes as they are, with the ordering key and the stable id as attributes (P1)", async () => {
      const { options, bus } = await openProject(await sharedPubsub());
      await using inbox = await openInbox(options.emulatorHost, options.projectId, TOPIC);
      await bus.publish(note("event_1", "execution_1"));
      await vi.waitFor(async () =>
        expect(await inbox.pull()).toMatchObject([
          {
            orderingKey: "execution_1",
            data: "data of event_1: ünïcödé",
            attributes: { ce_type: "note", event_id: "event_1", ordering_key: "execution_1" },
          },
        ]),
      );
      await bus.close();
    });

    it("passes on bytes that are no text", async () => {
      const { options, bus } = await openProject(await sharedPubsub());
      await using inbox = await openInbox(options.emulatorHost, options.projectId, TOPIC);
      await bus.publish({ ...note("1"), bytes: Buffer.from("as it came") });
      await vi.waitFor(async () => expect((await inbox.pull())[0]?.data).toBe("as it came"));
      await bus.close();
    });

    it("keeps the order of each key, also while other keys go out side by side (P2)", async () => {
      const { options, bus } = await openProject(await sharedPubsub());
      await using inbox = await openInbox(options.emulatorHost, options.projectId, TOPIC);
      const keys = ["a", "b", "c", "d"];
      const ids = Array.from({ length: 25 }, (_, index) => String(index).padStart(2, "0"));
      await Promise.all(
        keys.map(async (key) => {
          for (const id of ids) await bus.publish(note(id, key));
        }),
      );
      await vi.waitFor(async () => expect(await inbox.pull()).toHaveLength(keys.length * ids.length), 5_000);
      const received = Map.groupBy(await inbox.pull(), ({ orderingKey }) => orderingKey);
      for (const key of keys) {
        expect(received.get(key)?.map(({ attributes }) => attributes["event_id"])).toEqual(ids);
      }
      await bus.close();
    });

    it("publishes a repeated message again under the same id, which is how a consumer drops it", async () => {
      const { options, bus } = await openProject(await sharedPubsub());
      await using inbox = await openInbox(options.emulatorHost, options.projectId, TOPIC);
      await bus.publish(note("same"));
      await bus.publish(note("same"));
      await vi.waitFor(async () => expect(await inbox.pull()).toHaveLength(2));
      const [first, second] = await inbox.pull();
      expect(first?.id).not.toBe(second?.id);
      expect(new Set((await inbox.pull()).map(({ attributes }) => attributes["event_id"]))).toEqual(new Set(["same"]));
      await bus.close();
    });

    it("refuses a message for a topic that is not there, and says so when it is asked whether it is ready", async () => {
      const options = { projectId: `test-${randomUUID()}`, emulatorHost: await sharedPubsub() };
      const bus = createPubsubBus({ ...options, pingTopic: TOPIC });
      await expect(bus.publish(note("1"))).rejects.toMatchObject({ code: "bus.no_topic", retryable: true });
      await expect(bus.ping()).rejects.toMatchObject({ code: "bus.no_topic" });
      await setUpTopics(options, TOPOLOGY);
      await expect(bus.ping()).resolves.toBeUndefined();
      await expect(bus.publish(note("1"))).resolves.toBeUndefined();
      await bus.close();
    });

    it("tells what Pub/Sub refuses for good from what is worth repeating", async () => {
      const { bus } = await openProject(await sharedPubsub());
      await expect(bus.publish({ ...note("1"), topic: "no topic's name" })).rejects.toMatchObject({
        code: "bus.bad_message",
        retryable: false,
      });
      await bus.close();
    });
  });

  describe("the bus on Pub/Sub through an outage", () => {
    it("rejects within seconds while Pub/Sub is away or frozen, and publishes again by itself, the same key too (P3)", async () => {
      await using emulator = await startPubsubEmulator();
      const { options, bus } = await openProject(`${emulator.host}:${emulator.port}`);
      await bus.publish(note("before"));

      emulator.pause();
      const refusedAfterMs = async (): Promise<number> => {
        const begunMs = performance.now();
        await expect(bus.publish(note("frozen"))).rejects.toMatchObject({ code: "bus.unavailable", status: 503 });
        return performance.now() - begunMs;
      };
      // A busy machine freezes it a moment late: until then it takes what is published.
      expect(await vi.waitFor(refusedAfterMs, { timeout: 20_000 })).toBeLessThan(7_000);
      emulator.resume();
      await vi.waitFor(() => bus.publish(note("thawed")), { timeout: 5_000 });

      await emulator.kill();
      await expect(bus.publish(note("away"))).rejects.toMatchObject({ code: "bus.unavailable", retryable: true });
      await expect(bus.ping()).rejects.toMatchObject({ code: "bus.unavailable" });

      await using again = await startPubsubEmulator({ port: emulator.port });
      expect(again.port).toBe(emulator.port);
      await vi.waitFor(() => setUpTopics(options, TOPOLOGY), { timeout: 5_000 });
      await using inbox = await openInbox(options.emulatorHost, options.projectId, TOPIC);
      await vi.waitFor(() => bus.publish(note("after")), { timeout: 5_000 });
      await vi.waitFor(async () => expect((await inbox.pull()).at(-1)?.attributes["event_id"]).toBe("after"));
      await bus.close();
    }, 60_000);
  });

  describe("setting the topics up", () => {
    it("may run twice, also at once, and moves a push subscription to its new endpoint", async () => {
      const pushed: string[] = [];
      const server = createServer((request, response) => {
        pushed.push(request.url ?? "");
        request.resume().on("end", () => response.writeHead(204).end());
      }).listen(0, "127.0.0.1");
      await once(server, "listening");
      const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
      const { options, bus } = await openProject(await sharedPubsub());
      const push = { name: "reader", topic: TOPIC, ackDeadlineSeconds: 10 };
      const before = { ...TOPOLOGY, pushes: [{ ...push, endpoint: "http://127.0.0.1:9/old" }] };
      const after = { ...TOPOLOGY, pushes: [{ ...push, endpoint: `${url}/new` }] };
      await Promise.all([setUpTopics(options, before), setUpTopics(options, before)]);
      await setUpTopics(options, after);
      await bus.publish(note("1"));
      await vi.waitFor(() => expect(pushed).toContain("/new"), 5_000);
      await bus.close();
      server.close();
    });
  });
});
