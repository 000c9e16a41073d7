import type { Plugin } from "esbuild";

import { WORKER_ENTRIES, workerCode } from "../adapters/wasm/worker-code.ts";

/** Puts the code of guests' threads into a bundle as texts: where a bundle runs there are neither their sources nor esbuild. */
export const threadCode: Plugin = {
  name: "thread-code",
  setup: (building) => {
    building.onLoad({ filter: /adapters[\\/]wasm[\\/]worker-code\.ts$/ }, async () => {
      const codes: Record<string, string> = {};
      for (const entry of WORKER_ENTRIES) codes[entry] = (await workerCode(entry)).href;
      const contents = `const codes = ${JSON.stringify(codes)};
        export async function workerCode(entry) { return new URL(codes[entry]); }`;
      return { contents, loader: "js" };
    });
  },
};
