import { randomUUID } from "node:crypto";

import { afterAll, beforeAll, describe } from "vitest";

import type { RedisConnection } from "../../infra/adapters/redis/connection.ts";
import { withParts } from "../kit/parts.ts";
import { deliveredLate, deliveredTwice } from "../kit/redis-deliveries.ts";
import { openRedisStore, type RedisParts, startRedisParts } from "../kit/redis-parts.ts";
import { describeExecutionStore } from "./execution-store.ts";
import type { OpenStore } from "./execution-store/scenario.ts";

withParts(["redis"], () => {
  let parts: RedisParts;
  beforeAll(async () => {
    parts = await startRedisParts();
  });
  afterAll(() => parts[Symbol.asyncDispose]());

  const over =
    (connect: () => RedisConnection): OpenStore =>
    () => {
      const namespace = randomUUID();
      let store = openRedisStore(connect(), namespace);
      return Promise.resolve({
        store,
        close: () => store.close(),
        reopen: async () => {
          await store.close();
          store = openRedisStore(connect(), namespace);
          return store;
        },
      });
    };

  describeExecutionStore(
    "redis over TCP",
    over(() => parts.tcp()),
  );
  describeExecutionStore(
    "redis over REST",
    over(() => parts.rest()),
  );

  describe("R2: what the network delivers more than once", () => {
    describeExecutionStore(
      "each script twice",
      over(() => deliveredTwice(parts.tcp())),
    );
    describeExecutionStore(
      "each script again after the next one",
      over(() => deliveredLate(parts.tcp(), [1])),
    );
    describeExecutionStore(
      "each script again after the second, the fourth and the ninth from it",
      over(() => deliveredLate(parts.tcp(), [2, 4, 9])),
    );
  });
});
