import { createHash } from "node:crypto";

import { RuntimeError } from "./errors.ts";

/** Where an object is that is named by its content. */
export function contentPath(
  { directory, extension }: { readonly directory: string; readonly extension: string },
  sha256: string,
): string {
  return `${directory}/${sha256}.${extension}`;
}

/**
 * Passes on the bytes of an object that is named by its content.
 * Throws `object.damaged` at their end when they are not the ones that the name tells.
 */
export async function* verifiedBytes(path: string, source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const digest = createHash("sha256");
  for await (const chunk of source) {
    digest.update(chunk);
    yield chunk;
  }
  const named = path.slice(path.lastIndexOf("/") + 1).split(".", 1)[0];
  if (digest.digest("hex") !== named) {
    throw new RuntimeError("object.damaged", `The bytes of ${path} are not the ones that were stored.`);
  }
}
