import { Command, Redis } from "ioredis";

import { type RedisConnection, redisRefused, type Reply, storeUnavailable } from "./connection.ts";

/** How long Redis may be silent while it owes an answer, before the connection counts as dead. */
const SILENCE_MS = 5_000;
/** How long a call waits for a connection that is being made. */
const CONNECT_WITHIN_MS = 2_000;
const RECONNECT_MIN_MS = 50;
const RECONNECT_MAX_MS = 1_000;
/** A connection to what was demoted is given up for a new one no more often: what only reads could still use it. */
const FORSAKE_EVERY_MS = 1_000;

/**
 * A Redis over TCP. Commands of one turn of the event loop travel together, in the order in which they were given.
 *  T1  Nothing is sent twice: what was under way when a connection broke is rejected, and may have been done.
 *  T2  While Redis is away every call is rejected within `CONNECT_WITHIN_MS`, and one that it does not answer within `SILENCE_MS`.
 *  T3  The connection is made again by itself, for as long as it takes.
 *  T4  It is also made again when who answers has become a replica: behind the same address there may be another master now.
 */
export function createTcpConnection(url: string): RedisConnection {
  let forsakenAtMs = Number.NEGATIVE_INFINITY;
  const redis = new Redis(url, {
    protocol: 2,
    enableOfflineQueue: false,
    autoResendUnfulfilledCommands: false,
    maxRetriesPerRequest: 0,
    socketTimeout: SILENCE_MS,
    connectTimeout: CONNECT_WITHIN_MS,
    disableClientInfo: true,
    retryStrategy: (times) => Math.min(RECONNECT_MIN_MS * 2 ** Math.min(times, 10), RECONNECT_MAX_MS),
    reconnectOnError: ({ message }) => {
      if (!message.startsWith("READONLY") || performance.now() - forsakenAtMs < FORSAKE_EVERY_MS) return false;
      forsakenAtMs = performance.now();
      return true;
    },
  });
  let closed = false;
  let away: Error | undefined;
  let waiting: ((error: Error | undefined) => void)[] = [];
  let underWay = 0;
  let drained: PromiseWithResolvers<void> | undefined;
  const tell = (error: Error | undefined): void => {
    away = error;
    const told = waiting;
    waiting = [];
    for (const hear of told) hear(error);
  };
  redis.on("ready", () => tell(undefined));
  redis.on("close", () => tell(away ?? new Error("the connection was closed")));
  redis.on("error", tell);

  /** Resolves when commands can be sent; throws when the last try to connect failed, or takes too long. */
  const ready = async (): Promise<void> => {
    if (away !== undefined) throw away;
    const { promise, resolve } = Promise.withResolvers<Error | undefined>();
    waiting.push(resolve);
    const patience = setTimeout(resolve, CONNECT_WITHIN_MS, new Error("connecting takes too long"));
    const error = await promise;
    clearTimeout(patience);
    if (error !== undefined) throw error;
  };

  /** What is asked in one turn of the event loop is one text, written at its end: a write for each command costs more than the command. */
  let gathered = "";
  const turn = {
    isPipeline: true,
    destination: { redis },
    write: (text: string): void => {
      if (gathered === "") {
        const { stream } = redis;
        setImmediate(() => {
          const all = gathered;
          gathered = "";
          // What cannot be written is rejected when the connection closes.
          if (stream.writable) stream.write(all);
        });
      }
      gathered += text;
    },
  } as const;

  const send = async (name: string, args: string[]): Promise<Reply> => {
    underWay += 1;
    try {
      if (closed) throw new Error("the store was closed");
      if (redis.status !== "ready") await ready();
      return (await redis.sendCommand(new Command(name, args, { replyEncoding: "utf8" }), turn)) as Reply;
    } catch (error) {
      throw error instanceof Error && error.name === "ReplyError"
        ? redisRefused(error.message)
        : storeUnavailable(error);
    } finally {
      underWay -= 1;
      if (underWay === 0) drained?.resolve();
    }
  };

  return {
    evalsha: (sha, keys, args) => send("evalsha", [sha, String(keys.length), ...keys, ...args]),
    eval: (script, keys, args) => send("eval", [script, String(keys.length), ...keys, ...args]),
    ping: async () => {
      await send("ping", []);
    },
    close: async () => {
      closed = true;
      if (underWay > 0) drained ??= Promise.withResolvers();
      await drained?.promise;
      redis.disconnect();
    },
  };
}
