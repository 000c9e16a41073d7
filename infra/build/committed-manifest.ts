import { readFile, writeFile } from "node:fs/promises";
import path from "node:path";

import type { FunctionSpec } from "./functions.ts";
import { functionsManifest, manifestSchema } from "./manifest.ts";

const FOLDER = path.resolve(import.meta.dirname, "../schema");

/** The manifest and its schema as they are to lie in infra/schema, by the names of their files. */
function documents(specs: readonly FunctionSpec[]): readonly (readonly [file: string, text: string])[] {
  const written = (document: object): string => `${JSON.stringify(document, undefined, 2)}\n`;
  return [
    ["functions.manifest.json", written(functionsManifest(specs))],
    ["functions.manifest.schema.json", written(manifestSchema())],
  ];
}

/** The names of those that are not what this build would write. */
export async function staleDocuments(specs: readonly FunctionSpec[]): Promise<readonly string[]> {
  const checked = documents(specs).map(async ([file, text]) => {
    const committed = await readFile(path.join(FOLDER, file), "utf8").catch(() => undefined);
    return committed === text ? [] : [file];
  });
  return (await Promise.all(checked)).flat();
}

export async function writeDocuments(specs: readonly FunctionSpec[]): Promise<void> {
  await Promise.all(documents(specs).map(([file, text]) => writeFile(path.join(FOLDER, file), text)));
}
