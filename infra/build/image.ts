import { copyFile, writeFile } from "node:fs/promises";
import path from "node:path";

import { type Bundle, bundleFunctions, NATIVE_PACKAGES } from "./bundle.ts";
import type { FunctionSpec } from "./functions.ts";
import { functionsManifest } from "./manifest.ts";
import { copyPackages } from "./native-packages.ts";

const WARM_UP = path.resolve(import.meta.dirname, "warm-up.mjs");

/**
 * Fills a folder with all that the image holds: the bundle of every function and that of the runner, the two programs that serve one of the
 * functions, the manifest that names them, packages that cannot be bundled, and what infra/build/image.dockerfile runs while it builds.
 */
export async function buildImageFolder(outdir: string, specs: readonly FunctionSpec[]): Promise<readonly Bundle[]> {
  const bundles = await bundleFunctions(outdir, specs);
  const manifest = `${JSON.stringify(functionsManifest(specs), undefined, 2)}\n`;
  await Promise.all([
    writeFile(path.join(outdir, "functions.manifest.json"), manifest),
    copyPackages(NATIVE_PACKAGES, outdir),
    copyFile(WARM_UP, path.join(outdir, "warm-up.mjs")),
  ]);
  return bundles;
}
