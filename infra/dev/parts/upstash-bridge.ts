import { fileURLToPath } from "node:url";

import { answersGet, type Part, startPart } from "./part.ts";

export interface UpstashBridgeOptions {
  readonly redisPort: number;
  readonly token: string;
  readonly port?: number | undefined;
}

/** Upstash's REST interface over a Redis of this machine. Stands in for the service, which cannot be run locally. */
export async function startUpstashBridge({ redisPort, token, port }: UpstashBridgeOptions): Promise<Part> {
  const script = fileURLToPath(new URL("./upstash-bridge-process.ts", import.meta.url));
  return startPart({
    name: "upstash-bridge",
    program: process.execPath,
    args: (chosen) => [script, String(chosen), String(redisPort), token],
    port,
    isReady: answersGet,
  });
}
