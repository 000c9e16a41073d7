import { afterAll, beforeAll } from "vitest";

import { Redis } from "ioredis";

import { createSqliteStore } from "../../infra/adapters/sqlite/execution-store.ts";
import type { Part } from "../../infra/dev/parts/part.ts";
import { startRedis } from "../../infra/dev/parts/redis-server.ts";
import { trustedTenantId } from "../../shared/ids.ts";
import { temporaryFolder } from "../kit/temporary-folder.ts";
import { describeExecutionStore } from "./execution-store.ts";
import { openTiered } from "./tiered-kit.ts";

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let redis: Part;
let admin: Redis;
beforeAll(async () => {
  folder = await temporaryFolder();
  redis = await startRedis({ directory: folder.path });
  admin = new Redis(redis.port, redis.host);
});
afterAll(async () => {
  admin.disconnect();
  await redis.stop();
  await folder[Symbol.asyncDispose]();
});

describeExecutionStore("tiered, read from Redis wherever it may be", async () => {
  await admin.flushall();
  const cold = createSqliteStore(":memory:");
  const { store } = openTiered({ cold, redisUrl: `redis://${redis.host}:${redis.port}` });
  // An empty log is known to be empty from here on: the tail holds all that follows.
  for (const tenant of ["acme", "rival", "other"]) {
    await store.readLog(trustedTenantId(tenant), { order: "newest" }, { limit: 1 });
  }
  return { store, close: () => store.close() };
});
