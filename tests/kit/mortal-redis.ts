import { once } from "node:events";
import { connect } from "node:net";

import { startRedis } from "../../infra/dev/parts/redis-server.ts";
import { temporaryFolder } from "./temporary-folder.ts";

/** A Redis that is killed and comes back on its port, with its data. */
export interface MortalRedis extends AsyncDisposable {
  readonly host: string;
  readonly port: number;
  readonly url: string;
  /** SIGKILL: what it has acknowledged is in its append-only file. */
  kill(): Promise<void>;
  /** Starts it again after `kill`. */
  restart(): Promise<void>;
  /** Freezes it: connections stay open, and nothing is answered. */
  pause(): void;
  resume(): void;
  /** Forgets everything (FLUSHALL), the append-only file included. */
  wipe(): Promise<void>;
}

export async function startMortalRedis(): Promise<MortalRedis> {
  const folder = await temporaryFolder();
  // With `everysec` Redis answers before it writes, for up to two seconds, while the disk is busy with the last flush.
  const start = (at?: number) => startRedis({ directory: folder.path, port: at, appendFsync: "always" });
  let redis = await start();
  const { host, port } = redis;
  return {
    host,
    port,
    url: `redis://${host}:${port}`,
    kill: () => redis.kill(),
    restart: async () => {
      redis = await start(port);
    },
    pause: () => redis.pause(),
    resume: () => redis.resume(),
    wipe: async () => {
      const socket = connect(port, host);
      socket.end("FLUSHALL\r\n");
      const [answer] = (await once(socket, "data", { signal: AbortSignal.timeout(5_000) })) as [Buffer];
      if (!answer.toString().startsWith("+OK")) throw new Error(`Redis was not wiped: ${answer.toString()}`);
    },
    [Symbol.asyncDispose]: async () => {
      await redis.stop();
      await folder[Symbol.asyncDispose]();
    },
  };
}
