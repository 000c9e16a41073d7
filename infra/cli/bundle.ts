import { mkdir, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import path from "node:path";

import { build } from "esbuild";

/**
 * `node infra/cli/bundle.ts`, which npm runs before it packs: makes infra/cli/dist, what an installed package runs, because Node
 * strips no types below node_modules. Packages stay outside, as the dependencies that npm installs; the runtime itself and each
 * adapter are chunks, loaded by `dev` alone.
 */
const outdir = path.resolve(import.meta.dirname, "dist");
const { outputFiles } = await build({
  entryPoints: { main: path.resolve(import.meta.dirname, "main.ts") },
  outdir,
  outExtension: { ".js": ".mjs" },
  chunkNames: "chunks/[name]-[hash]",
  bundle: true,
  splitting: true,
  packages: "external",
  // Names of classes and functions are in logs and errors.
  keepNames: true,
  format: "esm",
  platform: "node",
  target: "node24",
  logLevel: "error",
  write: false,
});

// What is as it should be stays untouched: two packings at once do not take each other's files away.
await mkdir(path.join(outdir, "chunks"), { recursive: true });
await Promise.all(
  outputFiles.map(async ({ path: file, contents }) => {
    const present = await readFile(file).catch(() => undefined);
    if (present?.equals(contents) === true) return;
    const draft = `${file}.${process.pid}`;
    await writeFile(draft, contents);
    await rename(draft, file);
  }),
);
const wanted = new Set(outputFiles.map(({ path: file }) => file));
const found = await readdir(outdir, { recursive: true, withFileTypes: true });
const stale = found.filter((entry) => entry.isFile() && entry.name.endsWith(".mjs"));
await Promise.all(
  stale
    .map((entry) => path.join(entry.parentPath, entry.name))
    .filter((file) => !wanted.has(file))
    .map((file) => rm(file)),
);
