import { mkdir } from "node:fs/promises";
import { join } from "node:path";

import { Redis } from "ioredis";

import { startRedis } from "../../infra/dev/parts/redis-server.ts";
import { startUpstashBridge } from "../../infra/dev/parts/upstash-bridge.ts";
import { cpuMsOf, memoryOf } from "./child.ts";

const TOKEN = "bench";

/** A store as the bench runs the runtime on it, and the server that shows its limit. */
export interface Backend {
  readonly name: string;
  /** For our server and the limit's alike. */
  readonly environment: Readonly<Record<string, string>>;
  readonly limitScript: string;
  /** The paths of the limit's server, by what they write. */
  readonly limits: Readonly<Record<string, string>>;
  readonly redis: WatchedRedis | undefined;
  stop(): Promise<void>;
}

export interface WatchedRedis {
  /** CPU time that it has used so far; 0 where the system does not tell. */
  cpuMs(): number;
  peakBytes(): number;
  /** How many scripts it has run. */
  scriptsRun(): Promise<number>;
}

/** How each backend is started; `directory` is where it keeps its data. */
export const backends: Readonly<Record<string, (directory: string) => Promise<Backend>>> = {
  sqlite: async (directory) => ({
    name: "sqlite",
    environment: { DATA_DIR: await made(directory) },
    limitScript: "tests/bench/limit-server.ts",
    limits: { "limit with shared flushes": "/grouped" },
    redis: undefined,
    stop: () => Promise.resolve(),
  }),
  "redis-tcp, fsync each second": (directory) => onRedis("redis-tcp, fsync each second", directory, "everysec"),
  "redis-tcp, fsync always": (directory) => onRedis("redis-tcp, fsync always", directory, "always"),
  "redis-tcp, both under functions-framework": async (directory) => {
    const name = "redis-tcp, both under functions-framework";
    const backend = await onRedis(name, directory, "everysec");
    return { ...backend, environment: { ...backend.environment, BENCH_HOST: "functions-framework" } };
  },
  "redis-upstash": (directory) => onRedis("redis-upstash", directory, "everysec", true),
};

export async function onRedis(
  name: string,
  directory: string,
  appendFsync: "everysec" | "always",
  overRest = false,
): Promise<Backend> {
  const redis = await startRedis({ directory: await made(join(directory, "redis")), appendFsync });
  const bridge = overRest ? await startUpstashBridge({ redisPort: redis.port, token: TOKEN }) : undefined;
  const client = new Redis(redis.port, { protocol: 2 });
  // Rewriting the file in the background takes half the machine for seconds, in whichever round it falls.
  await client.config("SET", "auto-aof-rewrite-percentage", "0");
  const store: Record<string, string> =
    bridge === undefined
      ? { STORE: "redis", REDIS_URL: `redis://127.0.0.1:${redis.port}` }
      : {
          STORE: "upstash",
          UPSTASH_REDIS_REST_URL: `http://127.0.0.1:${bridge.port}`,
          UPSTASH_REDIS_REST_TOKEN: TOKEN,
        };
  return {
    name,
    environment: { DATA_DIR: await made(join(directory, "data")), ...store },
    limitScript: "tests/bench/redis-limit-server.ts",
    limits: { limit: "/plain", "limit of as many bytes": "/bytes", "limit of the same scripts": "/scripts" },
    redis: {
      cpuMs: () => cpuMsOf(redis.pid) ?? 0,
      peakBytes: () => memoryOf(redis.pid)?.peakBytes ?? 0,
      scriptsRun: async () => {
        const stats = await client.info("commandstats");
        const calls = [...stats.matchAll(/^cmdstat_(?:eval|evalsha):calls=(\d+)/gm)];
        return calls.reduce((sum, [, count]) => sum + Number(count), 0);
      },
    },
    stop: async () => {
      client.disconnect();
      await bridge?.stop();
      await redis.stop();
    },
  };
}

async function made(directory: string): Promise<string> {
  await mkdir(directory, { recursive: true });
  return directory;
}
