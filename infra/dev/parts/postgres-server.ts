import { execFile } from "node:child_process";
import { chown, mkdir, readdir } from "node:fs/promises";
import path from "node:path";
import { promisify } from "node:util";

import postgres from "postgres";

import { REMEDIES } from "./find-parts.ts";
import { findPostgres } from "./find-postgres.ts";
import { missingPart, type Part, startPart } from "./part.ts";

const run = promisify(execFile);
const SUPERUSER = "postgres";

export interface PostgresOptions {
  /** Where its data is: the same folder again is the same data. */
  readonly directory: string;
  readonly port?: number | undefined;
}

export interface PostgresPart extends Part {
  /** The superuser's connection URL for one of its databases. */
  url(database: string): string;
}

/** A real Postgres server, without flushing to the disk. Throws `part.missing` where there is none. */
export async function startPostgres({ directory, port }: PostgresOptions): Promise<PostgresPart> {
  const programs = await findPostgres();
  if (programs === undefined) throw missingPart("Postgres", REMEDIES.postgres);
  const owner = await unprivileged();
  await mkdir(directory, { recursive: true });
  if (owner !== undefined) await chown(directory, owner, owner);
  if ((await readdir(directory)).length === 0) {
    const settings = ["-D", directory, "-U", SUPERUSER, "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync"];
    await run(path.join(programs, "initdb"), settings, {
      ...(owner === undefined ? {} : { uid: owner, gid: owner }),
      cwd: directory,
    });
  }
  const part = await startPart({
    name: "postgres",
    program: path.join(programs, "postgres"),
    args: (chosen) => ["-D", directory, "-h", "127.0.0.1", "-p", String(chosen), "-k", "", "-F", "-N", "60"],
    port,
    // Its user may not see the folder that this process is in.
    cwd: directory,
    // Fast: without waiting for its clients to go.
    stopSignal: "SIGINT",
    uid: owner,
    isReady: answers,
  });
  const url = (database: string) => `postgres://${SUPERUSER}@${part.host}:${part.port}/${database}`;
  return Object.assign(part, { url });
}

async function answers(port: number): Promise<boolean> {
  const sql = postgres(`postgres://${SUPERUSER}@127.0.0.1:${port}/postgres`, { max: 1, connect_timeout: 2 });
  try {
    return (await sql`select 1`).length === 1;
  } finally {
    await sql.end({ timeout: 1 });
  }
}

/** Postgres refuses to run as root. */
async function unprivileged(): Promise<number | undefined> {
  if (process.getuid?.() !== 0) return undefined;
  for (const user of [SUPERUSER, "nobody"]) {
    const found = await run("id", ["-u", user]).catch(() => undefined);
    if (found !== undefined) return Number(found.stdout);
  }
  return undefined;
}
