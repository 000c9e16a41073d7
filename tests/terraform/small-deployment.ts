import { readFileSync, writeFileSync } from "node:fs";

import type { TerraformTree } from "../../infra/dev/terraform/terraform-tree.ts";

/** Few functions and few indexes, so that one apply takes a second: an intent, the API, the job that alerts are about and the runner. */
export function makeSmall(tree: TerraformTree): void {
  edit(tree, "../infra/schema/functions.manifest.json", (text) => {
    const manifest = JSON.parse(text) as { functions: { name: string; kind: string }[] };
    const intent = manifest.functions.find(({ kind }) => kind === "intent");
    const kept = new Set([intent?.name, "runtime_api", "recovery_sweep", "wasm_runner"]);
    return JSON.stringify({ ...manifest, functions: manifest.functions.filter(({ name }) => kept.has(name)) });
  });
  edit(tree, "../infra/schema/firestore.indexes.json", (text) => {
    const { indexes, fieldOverrides } = JSON.parse(text) as { indexes: unknown[]; fieldOverrides: { ttl?: boolean }[] };
    const fields = [...fieldOverrides.slice(0, 1), ...fieldOverrides.filter(({ ttl }) => ttl).slice(0, 1)];
    return JSON.stringify({ indexes: indexes.slice(0, 2), fieldOverrides: fields });
  });
}

/** Replaces one place of a file of terraform/. Throws when it is not there exactly once: then the mutation would change nothing. */
export function replaceOnce(tree: TerraformTree, file: string, find: string, replacement: string): void {
  edit(tree, file, (text) => {
    const places = text.split(find).length - 1;
    if (places !== 1) throw new Error(`${file} has ${places} times: ${find}`);
    return text.replace(find, () => replacement);
  });
}

function edit(tree: TerraformTree, file: string, change: (text: string) => string): void {
  const at = tree.at(file);
  writeFileSync(at, change(readFileSync(at, "utf8")));
}
