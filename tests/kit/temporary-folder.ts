import { access, constants, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

export interface TemporaryFolder {
  readonly path: string;
  [Symbol.asyncDispose](): Promise<void>;
}

/** Linux's own place for files in memory. */
const MEMORY = "/dev/shm";

/** A folder of its own for one test: `await using folder = await temporaryFolder()` removes it at the end. */
export function temporaryFolder(): Promise<TemporaryFolder> {
  return folderIn(tmpdir());
}

/** As `temporaryFolder`, in memory where that can be: for small files by the thousand, most of whose time would go to flushing them. */
export async function folderInMemory(): Promise<TemporaryFolder> {
  const there = await access(MEMORY, constants.W_OK).then(
    () => MEMORY,
    () => tmpdir(),
  );
  return folderIn(there);
}

async function folderIn(place: string): Promise<TemporaryFolder> {
  const path = await mkdtemp(join(place, "symphainy-test-"));
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) };
}
