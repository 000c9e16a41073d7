import { execFile } from "node:child_process";
import { cp, mkdtemp, readdir, readFile, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import * as z from "zod";

const root = path.resolve(import.meta.dirname, "../..");
export const fixturesFolder = path.join(import.meta.dirname, "fixtures");

const MARK = /\/\/ bites: (.+)$/;
const Report = z.object({
  diagnostics: z.array(
    z.object({
      code: z.string(),
      filename: z.string(),
      labels: z.array(z.object({ span: z.object({ line: z.int() }) })),
    }),
  ),
});

/** What oxlint, with this repository's own configuration, says of a miniature repository: `file:line rule`, sorted. */
export async function lintFixture(fixture: string): Promise<readonly string[]> {
  const home = await mkdtemp(path.join(tmpdir(), "lint-fixture-"));
  try {
    for (const own of [".oxlintrc.json", "tsconfig.json", "package.json", "infra/dev/lint"]) {
      await cp(path.join(root, own), path.join(home, own), { recursive: true });
    }
    await symlink(path.join(root, "node_modules"), path.join(home, "node_modules"), "dir");
    await cp(path.join(fixturesFolder, fixture), home, { recursive: true });
    const report = Report.parse(JSON.parse(await oxlint(home)));
    return report.diagnostics
      .map(({ code, filename, labels }) => `${filename}:${labels[0]?.span.line ?? 1} ${code}`)
      .filter((finding) => !finding.startsWith("infra/dev/lint/"))
      .toSorted();
  } finally {
    await rm(home, { recursive: true, force: true });
  }
}

/** What the comments `// bites: rule, rule` in the fixture's files promise, in the same form. */
export async function promisedFindings(fixture: string): Promise<readonly string[]> {
  const folder = path.join(fixturesFolder, fixture);
  const findings: string[] = [];
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const file = path.join(entry.parentPath, entry.name);
    const lines = (await readFile(file, "utf8")).split("\n");
    for (const [index, line] of lines.entries()) {
      const rules = MARK.exec(line)?.[1]?.split(", ") ?? [];
      findings.push(...rules.map((rule) => `${path.relative(folder, file)}:${index + 1} ${rule}`));
    }
  }
  return findings.toSorted();
}

async function oxlint(cwd: string): Promise<string> {
  const program = path.join(root, "node_modules", ".bin", "oxlint");
  return new Promise((resolve, reject) => {
    execFile(program, ["-f", "json"], { cwd, maxBuffer: 1e8 }, (_error, stdout, stderr) => {
      if (stdout.trimStart().startsWith("{")) resolve(stdout);
      else reject(new Error(`oxlint left no report: ${stdout}${stderr}`));
    });
  });
}
