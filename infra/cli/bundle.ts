import path from "node:path";

import { build } from "esbuild";

import { consoleText } from "../build/console-text.ts";
import { placeFiles } from "../build/place-files.ts";

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
  plugins: [consoleText],
  // Names of classes and functions are in logs and errors.
  keepNames: true,
  format: "esm",
  platform: "node",
  target: "node24",
  logLevel: "error",
  write: false,
});
await placeFiles(outdir, new Map(outputFiles.map(({ path: file, contents }) => [file, contents])));
