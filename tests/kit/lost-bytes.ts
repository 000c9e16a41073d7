import { readdir } from "node:fs/promises";
import { join } from "node:path";

import type { JsonObject } from "../../shared/json.ts";

const KINDS = new Set(["artifact", "abandoned_bytes"]);

/** The folders of artifacts in an object store of files that no record knows of: nothing counts what lies there, and nothing ever deletes it. */
export async function lostBytes(
  objects: string,
  records: readonly { readonly kind: string; readonly body: JsonObject }[],
): Promise<readonly string[]> {
  const known = new Set(records.filter(({ kind }) => KINDS.has(kind)).map(({ body }) => body["artifact_id"]));
  const found = await readdir(join(objects, "artifacts"), { recursive: true, withFileTypes: true }).catch(() => []);
  const folders = new Set(found.filter((entry) => entry.isFile()).map(({ parentPath }) => parentPath));
  return [...folders].filter((folder) => !known.has(folder.split("/").at(-1)));
}
