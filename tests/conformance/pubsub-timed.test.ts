import { randomUUID } from "node:crypto";

import { describe, expect, it, vi } from "vitest";

import { createPubsubBus } from "../../infra/adapters/pubsub/message-bus.ts";
import { setUpTopics } from "../../infra/adapters/pubsub/set-up-topics.ts";
import type { BusMessage } from "../../shared/ports/message-bus.ts";
import { sharedPubsub, withParts } from "../kit/parts.ts";
import { startTasksStandin } from "../kit/tasks-standin.ts";
import { openInbox } from "./pubsub-inbox.ts";

const TOPIC = "events";
const QUEUE = "projects/p/locations/europe-west3/queues/timers";
const ACCOUNT = "timers@p.iam.gserviceaccount.com";
const message: BusMessage = { topic: TOPIC, orderingKey: "k", id: "event_1", attributes: { a: "b" }, data: "later" };

async function openBus(emulatorHost = "127.0.0.1:1", projectId = "p") {
  const tasks = await startTasksStandin();
  const timers = { queue: QUEUE, serviceAccount: ACCOUNT, emulatorHost: tasks.host };
  const bus = createPubsubBus({ projectId, emulatorHost, timers, pingTopic: TOPIC });
  const publishAt = bus.publishAt;
  if (publishAt === undefined) throw new Error("the bus publishes nothing at a time");
  const close = async () => {
    await bus.close();
    await tasks[Symbol.asyncDispose]();
  };
  return { tasks, publishAt, [Symbol.asyncDispose]: close };
}

/** Against a stand-in that speaks what Cloud Tasks documents: there is no emulator of Google's. */
describe("publishing at a time", () => {
  it("makes one task for one name, that calls Pub/Sub in the name of its account", async () => {
    await using on = await openBus();
    const atMs = Date.parse("2099-01-01T00:00:00.250Z");
    await on.publishAt(message, atMs, "execution/1");
    await on.publishAt({ ...message, id: "event_2" }, atMs, "execution/1");
    await on.publishAt(message, atMs + 1, "execution/2");
    expect(on.tasks.tasks).toHaveLength(2);
    expect(on.tasks.tasks[0]).toMatchObject({
      name: expect.stringMatching(new RegExp(`^${QUEUE}/tasks/[0-9a-f]{64}$`)),
      scheduleTime: "2099-01-01T00:00:00.250Z",
      httpRequest: {
        url: "http://127.0.0.1:1/v1/projects/p/topics/events:publish",
        oauthToken: { serviceAccountEmail: ACCOUNT, scope: "https://www.googleapis.com/auth/pubsub" },
      },
    });
  });

  it.each([403, 404, 500])("answers %i of Cloud Tasks with an error that says so", async (status) => {
    await using on = await openBus();
    on.tasks.refuse(status);
    await expect(on.publishAt(message, Date.now(), "n")).rejects.toMatchObject({ code: "timers.unavailable" });
    on.tasks.refuse(undefined);
    await on.publishAt(message, Date.parse("2099-01-01T00:00:00Z"), "n");
    expect(on.tasks.tasks).toHaveLength(1);
  });

  it("is not there where no queue is configured", () => {
    expect(
      createPubsubBus({ projectId: "p", emulatorHost: "127.0.0.1:1", pingTopic: TOPIC }).publishAt,
    ).toBeUndefined();
  });
});

withParts(["pubsub"], () => {
  it("a message of later comes to its topic as one of now does, when it is due and not before", async () => {
    const projectId = `test-${randomUUID()}`;
    const emulatorHost = await sharedPubsub();
    const deadLetters = { topic: "dead-letters", subscription: "dead-letters", maxDeliveryAttempts: 5 };
    await setUpTopics({ projectId, emulatorHost }, { topics: [TOPIC], pushes: [], deadLetters });
    await using inbox = await openInbox(emulatorHost, projectId, TOPIC);
    await using on = await openBus(emulatorHost, projectId);
    const atMs = Date.now() + 700;
    await on.publishAt(message, atMs, "n");
    const early = await inbox.pull();
    expect({ early: early.length, stillEarly: Date.now() < atMs }).not.toEqual({ early: 1, stillEarly: true });
    await vi.waitFor(
      async () =>
        expect(await inbox.pull()).toMatchObject([
          { orderingKey: "k", data: "later", attributes: { a: "b", event_id: "event_1", ordering_key: "k" } },
        ]),
      { timeout: 10_000 },
    );
    expect(Date.now()).toBeGreaterThanOrEqual(atMs);
  }, 30_000);
});
