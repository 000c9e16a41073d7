import { mkdtemp, readdir, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

const PREFIX = "symphainy-tables-";
const NAME = /^symphainy-tables-(\d+)-/;

/**
 * A folder for this process alone, with its id in the name; those of processes that are no more go first: a killed one removes nothing,
 * and what it copied is its tenants' data.
 */
export async function openCopiesFolder(): Promise<string> {
  await removeLeftFolders();
  return mkdtemp(join(tmpdir(), `${PREFIX}${process.pid}-`));
}

async function removeLeftFolders(): Promise<void> {
  for (const name of await readdir(tmpdir())) {
    const [, owner] = NAME.exec(name) ?? [];
    if (owner === undefined) continue;
    const place = join(tmpdir(), name);
    // Somebody else's, or gone since.
    if (await isLeft(place, Number(owner))) await rm(place, { recursive: true, force: true }).catch(() => undefined);
  }
}

async function isLeft(place: string, owner: number): Promise<boolean> {
  if (owner !== process.pid) return !isAlive(owner);
  // In a container that started again this process has the id of the one before it.
  const made = await stat(place).catch(() => undefined);
  return made !== undefined && made.birthtimeMs < Date.now() - process.uptime() * 1_000;
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    // There is one, of another user.
    return error instanceof Error && "code" in error && error.code === "EPERM";
  }
}
