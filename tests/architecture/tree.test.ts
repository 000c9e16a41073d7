import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import { expect, it } from "vitest";
import * as z from "zod";
import { treeFaults } from "./tree-faults.ts";

const root = path.resolve(import.meta.dirname, "../..");

it("the tree keeps to its rules", () => {
  const listed = execFileSync("git", ["ls-files", "--cached", "--others", "--exclude-standard"], {
    cwd: root,
    encoding: "utf8",
  });
  const files = listed.split("\n").filter((file) => file !== "" && existsSync(path.join(root, file)));
  expect(files).toContain("package.json");
  expect(treeFaults(files, (file) => readFileSync(path.join(root, file), "utf8"))).toEqual([]);
});

it.each([
  ["notes.txt", "", "notes.txt is no entry of the top level"],
  ["scripts/build.ts", "", "scripts is no entry of the top level"],
  ["shared/sagaPlan.ts", "", "shared/sagaPlan.ts: sagaPlan.ts is not in kebab-case"],
  ["infra/Adapters/store.ts", "", "infra/Adapters/store.ts: Adapters is not in kebab-case"],
  ["infra/schema/data2.sql", "", 'infra/schema/data2.sql: "data2" says nothing'],
  ["terraform/modules/common/main.tf", "", 'terraform/modules/common/main.tf: "common" says nothing'],
  ["shared/long.ts", "\n".repeat(401), "shared/long.ts has 401 lines, more than 400"],
])("%s is a fault", (file, text, fault) => {
  expect(treeFaults([file], () => text)).toEqual([fault]);
});

it.each([
  "README.md",
  "shared/adr/0001-one-commit.md",
  "tests/unit/content/csv.test.ts",
  "tests/types/intent.test-d.ts",
])("%s is fine", (file) => {
  expect(treeFaults([file], () => "")).toEqual([]);
});

it("package-lock.json holds every optional dependency that it names, without which npm ci refuses to install", () => {
  const Entry = z.object({ optionalDependencies: z.record(z.string(), z.string()).optional() });
  const lock = z
    .object({ packages: z.record(z.string(), Entry) })
    .parse(JSON.parse(readFileSync(path.join(root, "package-lock.json"), "utf8")));
  const missing = Object.entries(lock.packages).flatMap(([place, entry]) =>
    Object.keys(entry.optionalDependencies ?? {}).filter(
      (name) => !(`node_modules/${name}` in lock.packages || `${place}/node_modules/${name}` in lock.packages),
    ),
  );
  expect(missing).toEqual([]);
});

it("package-lock.json names no registry", () => {
  expect(readFileSync(path.join(root, "package-lock.json"), "utf8")).not.toContain('"resolved"');
});
