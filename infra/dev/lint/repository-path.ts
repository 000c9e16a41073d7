import path from "node:path";
import type { Context } from "@oxlint/plugins";

export const repositoryRoot = path.resolve(import.meta.dirname, "../../..");

/** The linted file's path from the repository's root, with forward slashes. */
export function repositoryPath(context: Context): string {
  return path.relative(repositoryRoot, context.physicalFilename).replaceAll("\\", "/");
}
