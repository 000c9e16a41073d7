import path from "node:path";

import { type Part, startPart } from "./part.ts";

const ROOT = path.resolve(import.meta.dirname, "../../..");
const FRAMEWORK = path.join(ROOT, "node_modules/@google-cloud/functions-framework/build/src/main.js");
const LOOPBACK_ONLY = path.join(ROOT, "infra/serve/loopback-only.ts");

export interface FunctionProcessOptions {
  /** The bundle, as `bundleFunctions` names it. */
  readonly file: string;
  readonly target: string;
  readonly signature?: "http" | "cloudevent";
  readonly env: Readonly<Record<string, string>>;
  readonly port?: number | undefined;
  readonly onLine?: (line: string) => void;
}

/** A deployed function as on Cloud Run: a process of functions-framework's own CLI over its bundle, on loopback only. */
export function startFunction({ file, target, signature = "http", ...options }: FunctionProcessOptions): Promise<Part> {
  return startPart({
    ...options,
    name: target,
    program: process.execPath,
    args: (port) => [
      "--import",
      LOOPBACK_ONLY,
      FRAMEWORK,
      `--source=${file}`,
      `--target=${target}`,
      `--signature-type=${signature}`,
      `--port=${port}`,
    ],
    // It builds itself on its first request, and answers 503 when it cannot; under the cloudevent signature any answer will do,
    // because what is no event makes the framework itself stumble.
    isReady: async (port) => {
      const url = `http://127.0.0.1:${port}/health`;
      const { status } = await fetch(url, { signal: AbortSignal.timeout(10_000) });
      return signature === "cloudevent" || status < 500;
    },
  });
}
