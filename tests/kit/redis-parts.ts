import { randomUUID } from "node:crypto";

import type { RedisConnection } from "../../infra/adapters/redis/connection.ts";
import { createRedisStore } from "../../infra/adapters/redis/execution-store.ts";
import { createRestConnection } from "../../infra/adapters/redis/rest-connection.ts";
import { createTcpConnection } from "../../infra/adapters/redis/tcp-connection.ts";
import type { Part } from "../../infra/dev/parts/part.ts";
import { startRedis } from "../../infra/dev/parts/redis-server.ts";
import { startUpstashBridge } from "../../infra/dev/parts/upstash-bridge.ts";
import type { OpenStore } from "../conformance/execution-store/scenario.ts";
import { temporaryFolder } from "./temporary-folder.ts";

export interface RedisParts extends AsyncDisposable {
  /** The Redis of now: another process after `restart`, at the same place with the same files. */
  readonly redis: Part;
  readonly bridge: Part;
  readonly directory: string;
  restart(): Promise<void>;
  tcp(): RedisConnection;
  rest(): RedisConnection;
}

const TOKEN = "token-of-the-tests";

/** A real redis-server of its own, with the REST bridge in front of it. */
export async function startRedisParts(): Promise<RedisParts> {
  const folder = await temporaryFolder();
  let redis = await startRedis({ directory: folder.path });
  const { host, port } = redis;
  const bridge = await startUpstashBridge({ redisPort: port, token: TOKEN });
  return {
    get redis() {
      return redis;
    },
    bridge,
    directory: folder.path,
    restart: async () => {
      await redis.kill();
      redis = await startRedis({ directory: folder.path, port });
    },
    tcp: () => createTcpConnection(`redis://${host}:${port}`),
    rest: () => createRestConnection({ url: `http://${host}:${bridge.port}`, token: TOKEN }),
    [Symbol.asyncDispose]: async () => {
      await Promise.all([redis.stop(), bridge.stop()]);
      await folder[Symbol.asyncDispose]();
    },
  };
}

/** Empty stores, each below a namespace of its own. */
export function redisStores(connect: () => RedisConnection): OpenStore {
  return () => {
    const namespace = randomUUID();
    const open = () => createRedisStore(connect(), { senderName: randomUUID(), namespace });
    let store = open();
    return Promise.resolve({
      store,
      close: () => store.close(),
      reopen: async () => {
        await store.close();
        store = open();
        return store;
      },
    });
  };
}
