import { mkdir, readdir, rm } from "node:fs/promises";
import { join } from "node:path";

/** A fresh folder of this process below `base`, named after it; those of processes that were killed are removed. */
export async function openRunFolder(base: string): Promise<string> {
  await mkdir(base, { recursive: true });
  for (const name of await readdir(base)) {
    if (!isAlive(Number(name))) await rm(join(base, name), { recursive: true, force: true });
  }
  const folder = join(base, String(process.pid));
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder);
  return folder;
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}
