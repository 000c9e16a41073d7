import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";

const REPOSITORY = path.resolve(import.meta.dirname, "../../..");
/** What the Terraform code reads besides itself. */
const READ_TOO = "infra/schema";
const LOCAL_BACKEND = 'terraform {\n  backend "local" {}\n}\n';

/** A copy of the Terraform code in which terraform may write, and tests may change what they like. */
export interface TerraformTree extends Disposable {
  /** The folders of modules, as paths from terraform/. */
  readonly modules: readonly string[];
  /** The folders that are applied, as paths from terraform/. */
  readonly roots: readonly string[];
  /** The absolute path of a folder or file of terraform/. */
  at(folder: string): string;
}

/** State stays in the copy: the roots' bucket is replaced by an override file, which wins over what they say. */
export function copyTerraformTree(): TerraformTree {
  const copy = mkdtempSync(path.join(tmpdir(), "terraform-tree-"));
  const terraform = path.join(copy, "terraform");
  cpSync(path.join(REPOSITORY, "terraform"), terraform, {
    recursive: true,
    filter: (source) => path.basename(source) !== ".terraform" && !source.endsWith(".lock.hcl"),
  });
  cpSync(path.join(REPOSITORY, READ_TOO), path.join(copy, READ_TOO), { recursive: true });
  const { modules, roots } = terraformFolders(terraform);
  for (const root of roots) writeFileSync(path.join(terraform, root, "backend_override.tf"), LOCAL_BACKEND);
  return {
    modules,
    roots,
    at: (folder) => path.join(terraform, folder),
    [Symbol.dispose]: () => rmSync(copy, { recursive: true, force: true }),
  };
}

/** A root is a folder that has a backend; every other folder with Terraform code is a module. */
export function terraformFolders(terraform = path.join(REPOSITORY, "terraform")): {
  readonly modules: readonly string[];
  readonly roots: readonly string[];
} {
  const folders = readdirSync(terraform, { recursive: true, encoding: "utf8" })
    .filter((name) => path.basename(name) === "versions.tf" && !name.includes(".terraform/"))
    .map((name) => path.dirname(name))
    .toSorted();
  const isRoot = (folder: string): boolean =>
    readFileSync(path.join(terraform, folder, "versions.tf"), "utf8").includes("backend ");
  return { modules: folders.filter((folder) => !isRoot(folder)), roots: folders.filter(isRoot) };
}
