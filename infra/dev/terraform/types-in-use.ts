import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";

/** The types of a provider that the `.tf` files below a folder declare: `google_project`, or `data.google_project` for a source. */
export function typesInUse(folder: string, provider: string): ReadonlySet<string> {
  const files = readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((name) => name.endsWith(".tf"));
  const declarations = /^(resource|data) "([a-z0-9_]+)"/gm;
  return new Set(
    files.flatMap((name) =>
      [...readFileSync(path.join(folder, name), "utf8").matchAll(declarations)].flatMap(([, kind, type = ""]) => {
        if (!type.startsWith(`${provider}_`)) return [];
        return [kind === "data" ? `data.${type}` : type];
      }),
    ),
  );
}
