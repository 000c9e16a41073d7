import { execFile } from "node:child_process";
import { readFile, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { join } from "node:path";
import { promisify } from "node:util";

import { temporaryFolder } from "../temporary-folder.ts";
import { wat } from "./wat.ts";

const run = promisify(execFile);

/** Builds a guest as first-module.md says; the compiler is chosen by the file's extension. */
export async function buildGuest(name: string, source: string): Promise<Uint8Array> {
  if (name.endsWith(".wat")) return wat(source);
  await using folder = await temporaryFolder();
  const from = join(folder.path, name);
  const to = join(folder.path, "guest.wasm");
  await writeFile(from, source);
  // In a process of its own: binaryen's own tables are larger than what a process that runs guests allows.
  if (name.endsWith(".ts")) {
    const require = createRequire(import.meta.url);
    const asc = require.resolve("assemblyscript/bin/asc.js");
    await run(process.execPath, [asc, name, "-O", "--runtime", "stub", "-o", to], { cwd: folder.path });
  } else await run("clang", ["--target=wasm32-wasi", "-O2", from, "-o", to]);
  return await readFile(to);
}

/** Whether this machine can build commands from C. */
export async function buildsC(): Promise<boolean> {
  try {
    await buildGuest("none.c", "int main(void) { return 0; }");
    return true;
  } catch {
    return false;
  }
}
