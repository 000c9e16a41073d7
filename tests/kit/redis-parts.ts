import { randomUUID } from "node:crypto";

import type { RedisConnection } from "../../infra/adapters/redis/connection.ts";
import { createRedisStore } from "../../infra/adapters/redis/execution-store.ts";
import { createRestConnection } from "../../infra/adapters/redis/rest-connection.ts";
import { createTcpConnection } from "../../infra/adapters/redis/tcp-connection.ts";
import { startUpstashBridge } from "../../infra/dev/parts/upstash-bridge.ts";
import type { ExecutionStore } from "../../shared/ports/execution-store.ts";
import { type MortalRedis, startMortalRedis } from "./mortal-redis.ts";

/** A real redis-server of its own, with the REST bridge in front of it. */
export interface RedisParts extends AsyncDisposable {
  readonly redis: MortalRedis;
  tcp(): RedisConnection;
  rest(): RedisConnection;
}

const TOKEN = "token-of-the-tests";

export async function startRedisParts(): Promise<RedisParts> {
  const redis = await startMortalRedis();
  const bridge = await startUpstashBridge({ redisPort: redis.port, token: TOKEN });
  return {
    redis,
    tcp: () => createTcpConnection(redis.url),
    rest: () => createRestConnection({ url: `http://${bridge.host}:${bridge.port}`, token: TOKEN }),
    [Symbol.asyncDispose]: async () => {
      await bridge.stop();
      await redis[Symbol.asyncDispose]();
    },
  };
}

/** A store that is empty because its namespace is new. */
export function openRedisStore(connection: RedisConnection, namespace: string = randomUUID()): ExecutionStore {
  return createRedisStore(connection, { senderName: randomUUID(), namespace });
}
