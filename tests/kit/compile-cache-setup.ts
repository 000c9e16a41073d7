import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

/**
 * Keeps what Node makes of a source file for all processes of a run, the workers of the tests and the hundreds that the tests start: it
 * is a third and more of what such a process costs. The folder is the run's own, so that nothing in it is older than the sources.
 */
export async function setup(): Promise<() => Promise<void>> {
  const folder = await mkdtemp(join(tmpdir(), "symphainy-compile-cache-"));
  process.env["NODE_COMPILE_CACHE"] = folder;
  // The last workers may write to it while they end.
  return () => rm(folder, { recursive: true, force: true, maxRetries: 10 });
}
