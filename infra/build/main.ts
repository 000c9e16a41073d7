import path from "node:path";

import { bundleFunctions } from "./bundle.ts";

/** `node infra/build/main.ts`: bundles every function into dist/ and prints what each weighs. */
const started = performance.now();
const bundles = await bundleFunctions(path.resolve(import.meta.dirname, "../../dist"));
const kilobytes = (bytes: number): string => `${(bytes / 1024).toFixed(0).padStart(6)} KB`;
console.log(`${"function".padEnd(24)} at load     in all      intent`);
for (const { spec, loadBytes, totalBytes } of bundles) {
  console.log(`${spec.name.padEnd(24)}${kilobytes(loadBytes)}  ${kilobytes(totalBytes)}   ${spec.intentType ?? ""}`);
}
console.log(`${bundles.length} functions in ${((performance.now() - started) / 1000).toFixed(1)} s`);
