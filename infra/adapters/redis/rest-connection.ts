import { Redis } from "@upstash/redis";

import { RuntimeError } from "../../../shared/errors.ts";
import { type RedisConnection, redisRefused, type Reply, storeUnavailable } from "./connection.ts";
import type { RestOptions } from "./rest-post.ts";
import { createRestRequester, type RestRequester } from "./rest-requester.ts";

/** The client of Upstash over a requester of ours; it leaves replies as they are. */
class UntouchedRedis extends Redis {
  constructor(requester: RestRequester) {
    super(requester);
    this.opts = { automaticDeserialization: false };
  }
}

/** A Redis over Upstash's REST interface. A request without an answer is sent again: see rest-requester.ts. */
export function createRestConnection(options: RestOptions): RedisConnection {
  const requester = createRestRequester(options);
  const redis = new UntouchedRedis(requester);

  const ask = async (command: () => Promise<unknown>): Promise<Reply> => {
    try {
      return (await command()) as Reply;
    } catch (error) {
      if (error instanceof RuntimeError) throw error;
      throw error instanceof Error && error.name === "UpstashError"
        ? redisRefused(error.message)
        : storeUnavailable(error);
    }
  };

  return {
    evalsha: (sha, keys, args) => ask(() => redis.evalsha(sha, [...keys], [...args])),
    eval: (script, keys, args) => ask(() => redis.eval(script, [...keys], [...args])),
    ping: async () => {
      await ask(() => redis.ping());
    },
    close: () => requester.close(),
  };
}
