/**
 * `node warm-up.mjs`, beside the bundles, while the image is built: loads each of them with all that it may load later, so that V8's
 * compiled code lies in NODE_COMPILE_CACHE and no start has to compile it again.
 */
import { readdirSync, readFileSync } from "node:fs";
import { flushCompileCache, getCompileCacheDir } from "node:module";

if (getCompileCacheDir() === undefined) throw new Error("NODE_COMPILE_CACHE names no folder that can be written to.");

const here = import.meta.dirname;
const { functions } = JSON.parse(readFileSync(`${here}/functions.manifest.json`, "utf8"));
const chunks = readdirSync(`${here}/chunks`).filter((file) => file.endsWith(".mjs"));
for (const file of [...functions.map(({ name }) => `${name}.mjs`), ...chunks.map((chunk) => `chunks/${chunk}`)]) {
  await import(`${here}/${file}`);
}
flushCompileCache();
