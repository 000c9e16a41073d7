import { connect } from "node:net";
import { once } from "node:events";

import { findProgram } from "./find-program.ts";
import { missingPart, type Part, startPart } from "./part.ts";

export interface RedisOptions {
  /** Where it keeps its append-only file: the same folder again is the same data. */
  readonly directory: string;
  readonly port?: number | undefined;
  readonly appendFsync?: "everysec" | "always" | undefined;
}

/** A real redis-server with its append-only file on. Throws `part.missing` where it is not installed. */
export async function startRedis({ directory, port, appendFsync = "everysec" }: RedisOptions): Promise<Part> {
  const program = await findProgram("redis-server");
  if (program === undefined) throw missingPart("redis-server", "apt-get install redis-server");
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
    const [answer] = (await once(socket, "data")) as [Buffer];
    return answer.toString();
  } finally {
    socket.destroy();
  }
}
