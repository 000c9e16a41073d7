import { Redis } from "ioredis";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import type { ExecutionStore } from "../../shared/ports/execution-store.ts";
import type { IntentDefinition } from "../../shared/sagas/intent-definition.ts";
import { priceOf } from "../../shared/sagas/price.ts";
import { kinds } from "../bench/saga-kinds.ts";
import { withParts } from "../kit/parts.ts";
import { openRedisStore, type RedisParts, startRedisParts } from "../kit/redis-parts.ts";
import { openRuntime } from "../kit/runtime.ts";

const RUNS = 5;
/** The calls that an execution needs to go on, which its price names. */
const PRICED = ["accept", "commit", "claim", "readMail"];

/** A store of which every call is counted, by its name. */
function counted(store: ExecutionStore): { readonly store: ExecutionStore; readonly calls: Map<string, number> } {
  const calls = new Map<string, number>();
  const get = (target: ExecutionStore, name: keyof ExecutionStore): unknown => {
    const member: unknown = target[name];
    if (typeof member !== "function") return member;
    return (...args: readonly unknown[]): unknown => {
      calls.set(name, (calls.get(name) ?? 0) + 1);
      return Reflect.apply(member, target, args);
    };
  };
  return { store: new Proxy(store, { get: (target, name) => get(target, name as keyof ExecutionStore) }), calls };
}

withParts(["redis"], () => {
  describe("the price of an intent, in commands to Redis", () => {
    let parts: RedisParts;
    let plain: Redis;
    beforeAll(async () => {
      parts = await startRedisParts();
      plain = new Redis(parts.redis.url, { protocol: 2 });
    });
    afterAll(async () => {
      plain.disconnect();
      await parts[Symbol.asyncDispose]();
    });

    /** How many scripts Redis has run for its clients, by its own count. */
    const scripts = async (): Promise<number> => {
      const lines = (await plain.info("commandstats")).matchAll(/^cmdstat_evalsha:calls=(\d+)/gm);
      return [...lines].reduce((sum, [, calls]) => sum + Number(calls), 0);
    };
    const three = kinds["3 steps"];
    const childrenOf = (name: string): readonly IntentDefinition[] =>
      name.startsWith("call") && three !== undefined ? [three] : [];

    it.each(Object.entries(kinds))(
      "of %s is what a run takes, and each of its calls is one command",
      async (name, definition) => {
        const inner = openRedisStore(parts.tcp());
        const { store, calls } = counted(inner);
        const children = childrenOf(name);
        const runtime = await openRuntime({ intents: [definition, ...children], store });
        try {
          // Scripts are known to the server from then on.
          await runtime.run(definition.type);
          await runtime.services.relay.drain();
          calls.clear();
          const before = await scripts();
          for (let n = 0; n < RUNS; n += 1) expect((await runtime.run(definition.type)).status).toBe("completed");
          await runtime.services.relay.drain();
          const all = (): number => [...calls.values()].reduce((sum, each) => sum + each, 0);
          // What is not priced, the relay's and the heartbeat's, may still be under way.
          await expect.poll(async () => (await scripts()) - before - all()).toBe(0);

          const price = [definition, ...children].map(priceOf);
          // The map of the bench has three items, of which one is in the price.
          const commands = price.reduce(
            (sum, { commands: each, perItem }) => sum + each + 2 * (perItem?.commits ?? 0),
            0,
          );
          const taken = PRICED.reduce((sum, call) => sum + (calls.get(call) ?? 0), 0);
          expect({ name, commands: taken / RUNS }).toEqual({ name, commands });
        } finally {
          await runtime[Symbol.asyncDispose]();
          await inner.close();
        }
      },
    );
  });
});
