import path from "node:path";
import { pathToFileURL } from "node:url";

import type { setLogFunction } from "@google-cloud/firestore";
import { build } from "esbuild";

import type { createFirestoreStore } from "../../infra/adapters/firestore/execution-store.ts";
import { leanClients } from "../../infra/build/lean-clients.ts";
import { temporaryFolder } from "./temporary-folder.ts";

const ENTRY = `
  export { createFirestoreStore } from "./infra/adapters/firestore/execution-store.ts";
  export { setLogFunction } from "@google-cloud/firestore";`;

/**
 * The store on Firestore with as much of its client as the functions' bundle holds, which is what is deployed: a call that needs more
 * of it fails here.
 */
export interface BundledFirestore {
  readonly createFirestoreStore: typeof createFirestoreStore;
  readonly setLogFunction: typeof setLogFunction;
}

export async function bundledFirestore(): Promise<BundledFirestore> {
  await using folder = await temporaryFolder();
  const outfile = path.join(folder.path, "firestore.cjs");
  await build({
    stdin: { contents: ENTRY, resolveDir: path.resolve(import.meta.dirname, "../.."), loader: "ts" },
    outfile,
    bundle: true,
    minify: true,
    keepNames: true,
    format: "cjs",
    platform: "node",
    target: "node24",
    plugins: [leanClients],
    logLevel: "error",
  });
  return (await import(pathToFileURL(outfile).href)) as BundledFirestore;
}
