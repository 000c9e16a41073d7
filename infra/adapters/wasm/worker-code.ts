import { fileURLToPath } from "node:url";

/** What runs in threads of its own. */
export const WORKER_ENTRIES = ["guest-worker", "compiler-worker"] as const;
export type WorkerEntry = (typeof WORKER_ENTRIES)[number];

/**
 * The code of a thread in one piece, as a URL. A thread that had to strip types and to look for its imports would take 150 ms
 * and 20 MB to start, instead of 30 ms and 7. In bundles this module is replaced by one that has the codes as texts (infra/build).
 */
export async function workerCode(entry: WorkerEntry): Promise<URL> {
  const { build } = await import("esbuild");
  const { outputFiles } = await build({
    entryPoints: [fileURLToPath(new URL(`${entry}.ts`, import.meta.url))],
    bundle: true,
    write: false,
    minify: true,
    format: "esm",
    platform: "node",
    target: "node24",
    logLevel: "error",
  });
  return new URL(`data:text/javascript,${encodeURIComponent(outputFiles[0]?.text ?? "")}`);
}
