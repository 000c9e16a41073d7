import path from "node:path";

import { build } from "esbuild";

import { NATIVE_PACKAGES } from "../../infra/build/bundle.ts";

/** The Google clients are CommonJS: bundled into a module they still ask for these. */
const COMMONJS_NAMES = `import { createRequire as __createRequire } from "node:module";
const require = __createRequire(import.meta.url);
const __filename = import.meta.filename;
const __dirname = import.meta.dirname;`;

/** A server of the bench as a deployed one is: bundled, so that its process strips no types, for which it would keep 50 MB more. Answers its file. */
export async function bundled(script: string, directory: string): Promise<string> {
  const name = path.basename(script, ".ts");
  await build({
    entryPoints: [{ in: script, out: name }],
    outdir: directory,
    outExtension: { ".js": ".mjs" },
    absWorkingDir: path.resolve(import.meta.dirname, "../.."),
    bundle: true,
    splitting: true,
    format: "esm",
    platform: "node",
    target: "node24",
    // The framework finds itself by its place among the packages.
    external: [...NATIVE_PACKAGES, "@google-cloud/functions-framework"],
    banner: { js: COMMONJS_NAMES },
    logLevel: "error",
  });
  return path.resolve(directory, `${name}.mjs`);
}
