import { VAGUE } from "../../infra/dev/lint/no-vague-names.ts";

const MAX_LINES = 400;
const SOURCE = /\.(ts|mjs|js|sql|lua|tf|html|css)$/;
const KEBAB = /^[a-z0-9]+(-[a-z0-9]+)*(\.[a-z0-9-]+)*$/;

const TOP_LEVEL = new Set(["functions", "infra", "shared", "terraform", "tests", "README.md"]);
const TOP_LEVEL_CONFIGURATION = new Set([
  ".ci",
  ".editorconfig",
  ".gitignore",
  ".npmrc",
  ".oxfmtrc.json",
  ".oxlintrc.json",
  "firebase.json",
  "knip.json",
  "package-lock.json",
  "package.json",
  "tsconfig.json",
  "vitest.config.ts",
]);

/** What the repository's files, as paths from its root, break of the rules for the tree; `read` returns a file's text. */
export function treeFaults(files: readonly string[], read: (file: string) => string): readonly string[] {
  const faults = new Set<string>();
  for (const file of files) {
    const [top = "", ...rest] = file.split("/");
    if (!TOP_LEVEL.has(top) && !TOP_LEVEL_CONFIGURATION.has(top)) faults.add(`${top} is no entry of the top level`);
    if (file.startsWith("tests/architecture/fixtures/")) continue;
    for (const name of TOP_LEVEL.has(top) ? rest : []) {
      const fault = nameFault(name);
      if (fault !== undefined) faults.add(`${file}: ${fault}`);
    }
    const lines = SOURCE.test(file) ? read(file).split("\n").length - 1 : 0;
    if (lines > MAX_LINES) faults.add(`${file} has ${lines} lines, more than ${MAX_LINES}`);
  }
  return [...faults];
}

function nameFault(name: string): string | undefined {
  if (!KEBAB.test(name) && !["README.md", "RUNBOOK.md"].includes(name) && !name.startsWith("."))
    return `${name} is not in kebab-case`;
  const vague = name.split(/[.-]/).find((word) => VAGUE.has(word));
  return vague === undefined ? undefined : `"${vague}" says nothing`;
}
