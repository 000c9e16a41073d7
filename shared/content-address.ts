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

/**
 * The path as it is. Throws `object.bad_path` for one that is not made of plain names: "payloads/acme/../rival" would leave
 * its tenant. What begins with a dot belongs to the stores themselves.
 */
export function expectPlainPath(path: string): string {
  const parts = path.split(/[/\\]/);
  const plain = parts.every((part) => part !== "" && part !== "." && part !== "..");
  if (plain && parts[0]?.startsWith(".") !== true) return path;
  throw new RuntimeError("object.bad_path", "An object's path is made of plain names, each below the one before.");
}
