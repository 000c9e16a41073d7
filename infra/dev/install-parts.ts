import { spawn } from "node:child_process";
import { text } from "node:stream/consumers";

import { findProgram } from "./parts/find-program.ts";

const INSTALL_WITHIN_MS = 180_000;
const TAIL_LINES = 12;

/**
 * `node infra/dev/install-parts.ts redis-server chromium buildah`, before `npm test`: installs what of these packages is missing, each
 * named as its program is, where this is root and there is an apt-get. When it cannot, the tests run without it and say so. The
 * emulators are Google's and come with its SDK; nothing here installs those.
 */
for (const name of process.argv.slice(2)) if ((await findProgram(name)) === undefined) await install(name);

async function install(name: string): Promise<void> {
  const apt = await findProgram("apt-get");
  if (apt === undefined || process.getuid?.() !== 0) return;
  process.stderr.write(`Installing ${name} with apt-get ... `);
  const startedMs = performance.now();
  const packages = ["install", "--yes", "--no-install-recommends", name];
  // A bare image has no package lists, or old ones.
  let failure = await failureOf(apt, packages);
  if (failure !== undefined) failure = (await failureOf(apt, ["update"])) ?? (await failureOf(apt, packages));
  if (failure === undefined && (await findProgram(name)) === undefined) {
    failure = `apt-get installed it, and yet there is no ${name} on PATH`;
  }
  if (failure === undefined) {
    process.stderr.write(`done in ${Math.round((performance.now() - startedMs) / 1_000)} s\n`);
    return;
  }
  process.stderr.write(`failed\n\n${failure.trimEnd().split("\n").slice(-TAIL_LINES).join("\n")}\n\n`);
}

/** What apt-get said, when it failed. */
async function failureOf(apt: string, args: readonly string[]): Promise<string | undefined> {
  const child = spawn(apt, args, {
    // The package starts a server of its own, unless the run level forbids it: the tests want none but theirs.
    env: { ...process.env, DEBIAN_FRONTEND: "noninteractive", RUNLEVEL: "1" },
    stdio: ["ignore", "pipe", "pipe"],
    timeout: INSTALL_WITHIN_MS,
  });
  const code = new Promise<number>((resolve) => {
    child.once("error", () => resolve(1));
    child.once("close", (status) => resolve(status ?? 1));
  });
  const [stdout, stderr, status] = await Promise.all([text(child.stdout), text(child.stderr), code]);
  return status === 0 ? undefined : `${stdout}\n${stderr}`;
}
