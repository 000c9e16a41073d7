#!/usr/bin/env node
// What `npx symphainy` runs. Plain JavaScript that any Node from 18 on can read, because the machine's own Node may be older than
// the one that the program needs. In the repository it runs the TypeScript itself; in an installed package, where Node strips no
// types, the bundle that `npm pack` put beside it.
import { spawn } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

const NODE_MAJOR = 24;
const here = path.dirname(fileURLToPath(import.meta.url));
const source = path.join(here, "main.ts");
const program = existsSync(source) ? source : path.join(here, "dist", "main.mjs");

if (process.argv[2] === "--version") {
  const { version } = JSON.parse(readFileSync(path.join(here, "../../package.json"), "utf8"));
  process.stdout.write(`${version}\n`);
  process.exit();
}

// A fresh clone: the same that `npm start` does first.
if (program === source && !existsSync(path.join(here, "../../node_modules/.installed-from")))
  await import(new URL("../dev/ensure-installed.mjs", import.meta.url).href);

if (Number.parseInt(process.versions.node, 10) >= NODE_MAJOR) await import(pathToFileURL(program).href);
else handOver(newerNode());

/** The Node that came as the package `node`, in any node_modules above. */
function newerNode() {
  const name = process.platform === "win32" ? "node.cmd" : "node";
  for (let folder = here; ; folder = path.dirname(folder)) {
    const candidate = path.join(folder, "node_modules", ".bin", name);
    if (existsSync(candidate)) return candidate;
    if (folder === path.dirname(folder)) return undefined;
  }
}

function handOver(node) {
  if (node === undefined) {
    process.stderr.write(
      `symphainy needs Node ${NODE_MAJOR}, and this is ${process.version}. In the repository run npm ci, which brings it; elsewhere npm install node@${NODE_MAJOR}.\n`,
    );
    process.exitCode = 2;
    return;
  }
  const child = spawn(node, [program, ...process.argv.slice(2)], {
    stdio: "inherit",
    shell: process.platform === "win32",
  });
  // A terminal's Ctrl-C reaches both processes; the child decides how it ends. What is sent to this one alone is passed on.
  process.on("SIGINT", () => undefined);
  for (const signal of ["SIGTERM", "SIGHUP"]) process.on(signal, () => child.kill(signal));
  child.on("close", (code, signal) => {
    process.exitCode = code ?? 1;
    if (signal !== null) {
      process.removeAllListeners(signal);
      process.kill(process.pid, signal);
    }
  });
}
