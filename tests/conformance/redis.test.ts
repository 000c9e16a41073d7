import { afterAll, describe } from "vitest";

import { deliveredLate, deliveredTwice } from "../kit/redis-deliveries.ts";
import { redisStores, startRedisParts } from "../kit/redis-parts.ts";
import { describeExecutionStore } from "./execution-store.ts";

const parts = await startRedisParts();
afterAll(() => parts[Symbol.asyncDispose]());

describeExecutionStore("redis over TCP", redisStores(parts.tcp));
describeExecutionStore("redis over REST", redisStores(parts.rest));

describe("R2: what the network delivers more than once", () => {
  describeExecutionStore(
    "each script twice",
    redisStores(() => deliveredTwice(parts.tcp())),
  );
  describeExecutionStore(
    "each script again after the next one",
    redisStores(() => deliveredLate(parts.tcp(), [1])),
  );
  describeExecutionStore(
    "each script again after the second, the fourth and the ninth from it",
    redisStores(() => deliveredLate(parts.tcp(), [2, 4, 9])),
  );
});
