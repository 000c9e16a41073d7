/**
 * `npm run build`: fills dist/ with what the image holds (infra/build/image.dockerfile) and the documents of its APIs beside it, brings the
 * functions manifest in infra/schema up to date, and prints what each bundle weighs; a bundle over its budget fails it.
 * `-- --check` changes nothing in infra/schema and fails where that is not what this build would write.
 */
import { writeFile } from "node:fs/promises";
import path from "node:path";

import { staleDocuments, writeDocuments } from "./committed-manifest.ts";
import { functionSpecs } from "./functions.ts";
import { buildImageFolder } from "./image.ts";
import { servedContracts } from "./served-contracts.ts";
import { overBudget } from "./size-budget.ts";

const DIST = path.resolve(import.meta.dirname, "../../dist");

const started = performance.now();
const specs = functionSpecs();
const faults: string[] = [];

if (process.argv.includes("--check")) {
  const remedy = "is not what the definitions say: npm run build, and commit it with what changed it.";
  faults.push(...(await staleDocuments(specs)).map((file) => `infra/schema/${file} ${remedy}`));
} else {
  await writeDocuments(specs);
}

const bundles = await buildImageFolder(path.join(DIST, "image"), specs);
const { openapi, asyncapi } = await servedContracts();
for (const [file, document] of Object.entries({ "openapi.json": openapi, "asyncapi.json": asyncapi }))
  await writeFile(path.join(DIST, file), `${JSON.stringify(document, undefined, 2)}\n`);

const kilobytes = (bytes: number): string => `${(bytes / 1024).toFixed(0).padStart(6)} KB`;
console.log(`${"function".padEnd(24)} at load     in all      intent`);
for (const bundle of bundles) {
  const { spec, loadBytes, totalBytes } = bundle;
  console.log(`${spec.name.padEnd(24)}${kilobytes(loadBytes)}  ${kilobytes(totalBytes)}   ${spec.intentType ?? ""}`);
  faults.push(...overBudget(bundle));
}
console.log(`${bundles.length} functions in ${((performance.now() - started) / 1000).toFixed(1)} s`);
for (const fault of faults) console.log(fault);
process.exitCode = faults.length === 0 ? 0 : 1;
