import { connect } from "node:http2";
import { fileURLToPath, pathToFileURL } from "node:url";

import { SECRET_VARIABLES } from "../../../shared/config.ts";
import { type Part, startPart } from "./part.ts";

const SOURCE = fileURLToPath(new URL("../../../functions/wasm-runner.ts", import.meta.url));

export interface RunnerProcessOptions {
  readonly name?: string;
  /** The bundle; default the source. */
  readonly file?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly port?: number | undefined;
  readonly onLine?: (line: string) => void;
}

/** With a secret it does not start, so none of this process is handed on to it. */
const NO_SECRETS = Object.fromEntries(SECRET_VARIABLES.map((name) => [name, undefined]));

/** A runner as a process of its own, on loopback. */
export function startWasmRunner({
  name = "wasm_runner",
  file = SOURCE,
  ...options
}: RunnerProcessOptions): Promise<Part> {
  return startPart({
    ...options,
    env: { ...NO_SECRETS, MODE: "dev", ...options.env },
    name,
    program: process.execPath,
    args: (port) => [
      "--input-type=module",
      "-e",
      `process.env.PORT = "${port}"; await (await import(${JSON.stringify(pathToFileURL(file).href)})).serve();`,
    ],
    isReady: isRunnerHealthy,
  });
}

/** Whether it answers `GET /health`, over HTTP/2 without TLS. */
export function isRunnerHealthy(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const session = connect(`http://127.0.0.1:${port}`);
    const end = (healthy: boolean): void => {
      resolve(healthy);
      session.destroy();
    };
    session.on("error", () => end(false));
    session
      .request({ ":path": "/health" })
      .on("error", () => end(false))
      .once("response", (headers) => end(headers[":status"] === 200));
  });
}
