import { randomUUID } from "node:crypto";

import { afterAll } from "vitest";

import { createRedisStore } from "../../infra/adapters/redis/execution-store.ts";
import { createTcpConnection } from "../../infra/adapters/redis/tcp-connection.ts";
import { startRedis } from "../../infra/dev/parts/redis-server.ts";
import { temporaryFolder } from "../kit/temporary-folder.ts";
import { describeExecutionStore } from "./execution-store.ts";
import type { StoreUnderTest } from "./execution-store/scenario.ts";

const folder = await temporaryFolder();
const redis = await startRedis({ directory: folder.path });
const url = `redis://${redis.host}:${redis.port}`;

afterAll(async () => {
  await redis.stop();
  await folder[Symbol.asyncDispose]();
});

describeExecutionStore("redis over TCP", () => {
  const namespace = randomUUID();
  const open = () => createRedisStore(createTcpConnection(url), { senderName: randomUUID(), namespace });
  let store = open();
  const under: StoreUnderTest = {
    store,
    close: () => store.close(),
    reopen: async () => {
      await store.close();
      store = open();
      return store;
    },
  };
  return Promise.resolve(under);
});
