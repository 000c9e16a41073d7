import { spawn } from "node:child_process";
import { once } from "node:events";
import { text } from "node:stream/consumers";

export interface TerraformRun {
  readonly ok: boolean;
  readonly stdout: string;
  /** Both streams, for a person. */
  readonly output: string;
}

/** A run is over before its garbage matters: collecting it less often saves time. */
const LESS_GARBAGE_COLLECTION = { GOGC: "400" };

/** Runs terraform in a folder; `env` is all that it knows of its surroundings besides PATH, HOME and TMPDIR. */
export async function runTerraform(
  folder: string,
  [command, ...args]: readonly [command: string, ...args: string[]],
  env: Readonly<Record<string, string>>,
): Promise<TerraformRun> {
  const { PATH = "", HOME = "", TMPDIR = "/tmp" } = process.env;
  const child = spawn("terraform", [command, "-no-color", ...args], {
    cwd: folder,
    env: { PATH, HOME, TMPDIR, ...LESS_GARBAGE_COLLECTION, ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const ended = once(child, "close");
  const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr)]);
  const [code] = (await ended) as [number | null];
  return { ok: code === 0, stdout, output: `${stdout}\n${stderr}`.trim() };
}
