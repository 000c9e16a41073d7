import { execFile } from "node:child_process";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { promisify } from "node:util";

import { build } from "esbuild";

import { type BuiltFiles, placeFiles } from "./place-files.ts";

const ROOT = path.resolve(import.meta.dirname, "../..");
const ENTRY = "shared/client/client.ts";

/**
 * `node infra/build/client-package.ts`, which npm runs before it packs: makes what `symphainy/client` is in an installed package,
 * one module for Node and browsers alike, and its declarations. In the repository the condition `symphainy-source` of
 * package.json leads to the sources instead.
 */
const outdir = path.resolve(import.meta.dirname, "dist/client");
const bundled = await build({
  entryPoints: [path.join(ROOT, ENTRY)],
  outdir,
  bundle: true,
  // Callers look at the names of errors.
  keepNames: true,
  format: "esm",
  platform: "browser",
  target: ["chrome110", "firefox115", "safari16", "node20"],
  logLevel: "error",
  write: false,
});
await placeFiles(
  outdir,
  new Map([
    ...bundled.outputFiles.map(({ path: file, contents }) => [file, contents] as const),
    ...(await declarations(outdir)),
  ]),
);

/** What the compiler says of the entry and of all that it imports, in folders as the sources are. */
async function declarations(folder: string): Promise<BuiltFiles> {
  const draft = await mkdtemp(path.join(tmpdir(), "symphainy-types-"));
  try {
    const options = [
      "--noEmit",
      "false",
      "--declaration",
      "--emitDeclarationOnly",
      "--rootDir",
      ".",
      "--outDir",
      draft,
    ];
    const project = ["--project", path.join(import.meta.dirname, "client-package.tsconfig.json")];
    await promisify(execFile)(path.join(ROOT, "node_modules/.bin/tsc"), [...project, ...options], { cwd: ROOT });
    const emitted = (await readdir(draft, { recursive: true })).filter((name) => name.endsWith(".d.ts"));
    return new Map(
      await Promise.all(
        emitted.map(async (name) => {
          const text = await readFile(path.join(draft, name), "utf8");
          return [path.join(folder, "types", name), Buffer.from(forConsumers(text))] as const;
        }),
      ),
    );
  } finally {
    await rm(draft, { recursive: true, force: true });
  }
}

/** Imports by `.js`, which every compiler resolves, where the sources have `.ts`, which only some allow. */
function forConsumers(declaration: string): string {
  return declaration.replaceAll(/(from|import\() ?"(\.{1,2}\/[^"]+)\.ts"/g, '$1 "$2.js"');
}
