import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { createSqliteStore } from "../../../infra/adapters/sqlite/execution-store.ts";
import { asId, trustedTenantId } from "../../../shared/ids.ts";
import type { ExecutionStore } from "../../../shared/ports/execution-store.ts";
import { createMessaging, type Pulled } from "../../kit/wasm/messaging.ts";

const acme = trustedTenantId("acme");
const rival = trustedTenantId("rival");
const from = { tenantId: acme, instanceId: asId.instance("instance_from") };
const one = { tenantId: acme, instanceId: asId.instance("instance_one") };
const two = { tenantId: acme, instanceId: asId.instance("instance_two") };
const theirs = { tenantId: rival, instanceId: asId.instance("instance_one") };

const dataOf = (messages: readonly Pulled[]) => messages.map(({ data }) => data);

async function open(inner: ExecutionStore = createSqliteStore(":memory:")) {
  const on = createMessaging(inner);
  await on.messaging.initialize();
  return { ...on, [Symbol.asyncDispose]: () => inner.close() };
}

describe("an inbox", () => {
  it("has each message of its topics once, in order, until it is acknowledged, and none of other tenants", async () => {
    await using on = await open();
    await on.subscribe(one, ["orders"]);
    await on.subscribe(two, ["*"]);
    await on.subscribe(theirs, ["*"]);
    for (let n = 0; n < 12; n += 1) await on.publish(from, n % 3 === 2 ? "bills" : "orders", n);
    const first = await on.pull(one, "orders", 5);
    expect(dataOf(first)).toEqual([0, 1, 3, 4, 6]);
    expect(await on.ack(one, "orders", [first[0], first[1]])).toBe(2);
    expect(await on.ack(one, "orders", [first[0]])).toBe(0);
    expect(dataOf(await on.pull(one, "orders", 100))).toEqual([3, 4, 6, 7, 9, 10]);
    expect(dataOf(await on.pull(two, "orders", 100))).toEqual([0, 1, 3, 4, 6, 7, 9, 10]);
    expect(dataOf(await on.pull(two, "bills", 100))).toEqual([2, 5, 8, 11]);
    expect(await on.pull(theirs, "orders", 100)).toEqual([]);
    expect(await on.pull(one, "bills", 100)).toEqual([]);
  });

  it("acknowledges nothing of a topic by the numbers of another", async () => {
    await using on = await open();
    await on.subscribe(one, ["*"]);
    await on.publish(from, "bills", 1);
    const [bill] = await on.pull(one, "bills", 1);
    expect(await on.ack(one, "orders", [bill])).toBe(0);
    expect(await on.pull(one, "bills", 1)).toHaveLength(1);
  });

  it("is full at a thousand messages: the next one is refused whole, until there is room", async () => {
    await using on = await open();
    await on.subscribe(one, ["orders"]);
    await on.subscribe(two, ["orders"]);
    await on.setWaiting(one, 999);
    await on.publish(from, "orders", "last");
    const before = (await on.store.unpublished(10)).length;
    expect(await on.ask(from, "publish", { topic: "orders", data: 1 })).toMatchObject({
      outcome: "error",
      errorCode: "RESOURCE_EXHAUSTED",
      message: expect.stringContaining("instance_one"),
    });
    expect(await on.store.unpublished(10)).toHaveLength(before);
    expect(dataOf(await on.pull(two, "orders", 10))).toEqual(["last"]);
    await on.ack(one, "orders", await on.pull(one, "orders", 1));
    await on.publish(from, "orders", "again");
  });

  it("gives a message five times at most; then it is published as dead, and those behind it come (P2)", async () => {
    await using on = await open();
    await on.subscribe(one, ["orders"]);
    await on.publish(from, "orders", "poison");
    for (let attempt = 1; attempt <= 5; attempt += 1)
      expect(await on.pull(one, "orders", 1)).toMatchObject([{ data: "poison", attempt }]);
    await on.publish(from, "orders", "good");
    expect(await on.pull(one, "orders", 1)).toMatchObject([{ data: "good", attempt: 1 }]);
    const dead = (await on.store.unpublished(10)).map(({ data }) => JSON.parse(data) as unknown);
    expect(dead).toContainEqual(
      expect.objectContaining({
        type: "wasm_message_dead",
        source: "/wasm/instances/instance_one",
        subject: "orders",
        data: expect.objectContaining({ data: "poison", attempts: 5 }),
      }),
    );
    expect(await on.waiting(one)).toBe(1);
  });

  it("answers with what has room in an answer, and at least with one", async () => {
    await using on = await open();
    await on.subscribe(one, ["orders"]);
    const large = "x".repeat(120_000);
    for (let n = 0; n < 8; n += 1) await on.publish(from, "orders", large);
    expect(await on.pull(one, "orders", 100)).toHaveLength(4);
  });

  it("gives what many publish at once each once, and in the order of each publisher (P3)", async () => {
    await using on = await open();
    await on.subscribe(one, ["orders"]);
    const publishers = Array.from({ length: 20 }, (_, n) => asId.instance(`instance_p${n}`));
    await Promise.all(
      publishers.map(async (instanceId) => {
        for (let n = 0; n < 5; n += 1) await on.publish({ tenantId: acme, instanceId }, "orders", [instanceId, n]);
      }),
    );
    const messages = dataOf(await on.pull(one, "orders", 100)) as [string, number][];
    expect(messages).toHaveLength(100);
    for (const publisher of publishers)
      expect(messages.filter(([who]) => who === publisher).map(([, n]) => n)).toEqual([0, 1, 2, 3, 4]);
  });

  it("loses and doubles nothing when its store fails before or after any write: what was told is there", async () => {
    for (let contact = 1, reached = true; reached; contact += 1) {
      for (const when of ["before", "after"] as const) {
        const inner = createSqliteStore(":memory:");
        let seen = 0;
        reached = false;
        await using on = await open({
          ...inner,
          write: async (tenantId, change) => {
            seen += 1;
            const fails = seen === contact;
            reached ||= fails;
            if (fails && when === "before") throw new Error("away");
            const outcome = await inner.write(tenantId, change);
            if (fails) throw new Error("away");
            return outcome;
          },
        });
        await on.subscribe(one, ["orders"]).catch(() => on.subscribe(one, ["orders"]));
        const told: number[] = [];
        for (let n = 0; n < 3; n += 1) {
          const reply = await on.ask(from, "publish", { topic: "orders", data: n }).catch(() => undefined);
          if (reply?.outcome === "result") told.push(n);
        }
        const inbox = dataOf(await on.pull(one, "orders", 10).catch(() => on.pull(one, "orders", 10)));
        const published = (await on.store.unpublished(10)).map(({ data }) => (JSON.parse(data) as Pulled).data);
        // What is in the outbox is in the inbox, no more and no less.
        expect(inbox).toEqual(published);
        expect(inbox).toEqual(expect.arrayContaining(told));
        expect(await on.waiting(one)).toBe(inbox.length);
      }
    }
  });

  it("over any sequence of subscribing, publishing, pulling and acknowledging it is a list of what was not acknowledged", async () => {
    const topic = fc.constantFrom("a", "b");
    const step = fc.oneof(
      { weight: 6, arbitrary: fc.record({ kind: fc.constant("publish" as const), topic, n: fc.nat() }) },
      {
        weight: 3,
        arbitrary: fc.record({ kind: fc.constant("take" as const), topic, n: fc.integer({ min: 1, max: 4 }) }),
      },
      { weight: 2, arbitrary: fc.record({ kind: fc.constant("follow" as const), topic, n: fc.nat() }) },
      { weight: 1, arbitrary: fc.record({ kind: fc.constant("leave" as const), topic, n: fc.nat() }) },
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 10, maxLength: 40 }), async (steps) => {
        await using on = await open();
        const expected: Record<string, number[]> = { a: [], b: [] };
        let topics = new Set<string>();
        for (const each of steps) {
          if (each.kind === "publish") {
            await on.publish(from, each.topic, each.n);
            if (topics.has(each.topic)) expected[each.topic]?.push(each.n);
          } else if (each.kind === "take") {
            const pulled = await on.pull(one, each.topic, each.n);
            expect(dataOf(pulled)).toEqual(expected[each.topic]?.splice(0, each.n));
            await on.ack(one, each.topic, pulled);
          } else {
            topics = new Set(topics);
            if (each.kind === "follow") topics.add(each.topic);
            else topics.delete(each.topic);
            await on.subscribe(one, [...topics]);
          }
        }
        expect(await on.waiting(one)).toBe((expected["a"]?.length ?? 0) + (expected["b"]?.length ?? 0));
      }),
      { numRuns: 60 },
    );
  });
});
