import { randomUUID } from "node:crypto";

import { createRestConnection } from "../../infra/adapters/redis/rest-connection.ts";
import { createTcpConnection } from "../../infra/adapters/redis/tcp-connection.ts";
import type { RedisConnection, Reply } from "../../infra/adapters/redis/connection.ts";
import { createRedisStore } from "../../infra/adapters/redis/execution-store.ts";
import { createSession, openRuntime, runSaga } from "./runtime.ts";

interface Sent {
  readonly sha: string;
  readonly keys: readonly string[];
  readonly args: readonly string[];
  readonly reply: Reply;
}

/**
 * The scripts of one saga of ours with all that they were sent, to be sent again as another saga's: everything is made, sealed and
 * encoded beforehand, so what is left is what Redis and the way to it take for what a saga writes.
 */
export async function recordScripts(): Promise<(executionId: string) => Promise<void>> {
  const { recordedId, commits } = await recordSaga();
  const connection = connect();
  return async (executionId) => {
    const renamed = (text: string): string => text.replaceAll(recordedId, executionId);
    for (const { sha, keys, args, reply } of commits) {
      const told = await connection.evalsha(sha, keys.map(renamed), args.map(renamed));
      if (told !== reply) throw new Error(`Redis answered ${String(told)} where it had answered ${String(reply)}`);
    }
  };
}

async function recordSaga(): Promise<{ readonly recordedId: string; readonly commits: readonly Sent[] }> {
  const connection = connect();
  const sent: Sent[] = [];
  const recording: RedisConnection = {
    ...connection,
    evalsha: async (sha, keys, args) => {
      const reply = await connection.evalsha(sha, keys, args);
      sent.push({ sha, keys, args, reply });
      return reply;
    },
  };
  const environment = { ...process.env, DATA_DIR: `${process.env["DATA_DIR"] ?? ""}/recorded` };
  // In a namespace of its own: the runtime beside it would take up what nobody works on.
  const options = { senderName: `recorded-${randomUUID()}`, namespace: "recorded" };
  const runtime = await openRuntime(environment, () => createRedisStore(recording, options));
  const session = await createSession(runtime.services);
  // Redis does not know the scripts by their hashes before they were once sent whole.
  await runSaga(runtime.services, session);
  const { execution_id: recordedId } = await runSaga(runtime.services, session);
  await runtime.services.relay.idle();
  await runtime.stop();
  const commits = sent.filter(({ keys }) => keys[0]?.endsWith(`:x:${recordedId}`) === true);
  if (commits.length !== 4) throw new Error(`a saga of three steps sent ${commits.length} scripts of its own, not 4`);
  return { recordedId, commits };
}

function connect(): RedisConnection {
  const { REDIS_URL, UPSTASH_REDIS_REST_URL, UPSTASH_REDIS_REST_TOKEN = "" } = process.env;
  return UPSTASH_REDIS_REST_URL === undefined
    ? createTcpConnection(REDIS_URL ?? "")
    : createRestConnection({ url: UPSTASH_REDIS_REST_URL, token: UPSTASH_REDIS_REST_TOKEN });
}
