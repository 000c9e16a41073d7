import { connect } from "node:net";
import { once } from "node:events";

import { REMEDIES } from "./find-parts.ts";
import { findProgram } from "./find-program.ts";
import { missingPart, type Part, startPart } from "./part.ts";

const ANSWER_WITHIN_MS = 1_000;

export interface RedisOptions {
  /** Where it keeps its append-only file: the same folder again is the same data. */
  readonly directory: string;
  readonly port?: number | undefined;
  readonly appendFsync?: "everysec" | "always" | undefined;
}

/** A real redis-server with its append-only file on. Throws `part.missing` where it is not installed. */
export async function startRedis({ directory, port, appendFsync = "everysec" }: RedisOptions): Promise<Part> {
  const program = await findProgram("redis-server");
  if (program === undefined) throw missingPart("redis-server", REMEDIES.redis);
  return startPart({
    name: "redis-server",
    program,
    args: (chosen) => [
      "--bind",
      "127.0.0.1",
      "--port",
      String(chosen),
      "--dir",
      directory,
      "--save",
      "",
      "--appendonly",
      "yes",
      "--appendfsync",
      appendFsync,
    ],
    port,
    isReady: async (chosen) => (await ask(chosen, "PING\r\n")).startsWith("+PONG"),
  });
}

async function ask(port: number, command: string): Promise<string> {
  const socket = connect(port, "127.0.0.1");
  try {
    socket.end(command);
    const [answer] = (await once(socket, "data", { signal: AbortSignal.timeout(ANSWER_WITHIN_MS) })) as [Buffer];
    return answer.toString();
  } finally {
    socket.destroy();
  }
}
