import { existsSync } from "node:fs";
import { cp, readFile } from "node:fs/promises";
import path from "node:path";

const MODULES = path.resolve(import.meta.dirname, "../../node_modules");

interface PackageJson {
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

/**
 * Copies packages, with all that they depend on, as npm has installed them here into `<folder>/node_modules`. Compiled parts are
 * those of this machine's platform, so the image is built on the platform that it is for.
 */
export async function copyPackages(names: readonly string[], folder: string): Promise<void> {
  for (const name of await withDependencies(names)) {
    await cp(path.join(MODULES, name), path.join(folder, "node_modules", name), { recursive: true });
  }
}

async function withDependencies(names: readonly string[]): Promise<ReadonlySet<string>> {
  const all = new Set(names);
  for (const name of all) {
    const { dependencies, optionalDependencies } = JSON.parse(
      await readFile(path.join(MODULES, name, "package.json"), "utf8"),
    ) as PackageJson;
    for (const each of Object.keys({ ...dependencies, ...optionalDependencies })) {
      // Of those for other platforms npm installs none.
      if (existsSync(path.join(MODULES, each))) all.add(each);
    }
  }
  return all;
}
