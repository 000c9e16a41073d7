/**
 * `npm run build`: bundles every function into dist/, writes the functions manifest to infra/schema, and prints what each bundle weighs.
 * `-- --check` fails where what is committed is not what this build would write, and writes nothing there.
 */
import path from "node:path";

import { bundleFunctions } from "./bundle.ts";
import { staleDocuments, writeDocuments } from "./committed-manifest.ts";
import { functionSpecs } from "./functions.ts";

const started = performance.now();
const checks = process.argv.includes("--check");
const specs = functionSpecs();

if (checks) {
  for (const file of await staleDocuments(specs)) {
    console.log(
      `infra/schema/${file} is not what the definitions say: npm run build, and commit it with what changed it.`,
    );
    process.exitCode = 1;
  }
} else {
  await writeDocuments(specs);
}

const bundles = await bundleFunctions(path.resolve(import.meta.dirname, "../../dist"), specs);
const kilobytes = (bytes: number): string => `${(bytes / 1024).toFixed(0).padStart(6)} KB`;
console.log(`${"function".padEnd(24)} at load     in all      intent`);
for (const { spec, loadBytes, totalBytes } of bundles) {
  console.log(`${spec.name.padEnd(24)}${kilobytes(loadBytes)}  ${kilobytes(totalBytes)}   ${spec.intentType ?? ""}`);
}
console.log(`${bundles.length} functions in ${((performance.now() - started) / 1000).toFixed(1)} s`);
