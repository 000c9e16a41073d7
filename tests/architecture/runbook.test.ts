import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import path from "node:path";
import { promisify } from "node:util";

import { describe, expect, it } from "vitest";
import * as z from "zod";

import { parseCommandLine } from "../../infra/cli/command.ts";
import { COMMANDS } from "../../infra/cli/commands.ts";
import { findProgram } from "../../infra/dev/parts/find-program.ts";

const ROOT = path.resolve(import.meta.dirname, "../..");
const PLACES = ["infra/RUNBOOK.md"];
const run = promisify(execFile);

const text = (await Promise.all(PLACES.map((place) => readFile(path.join(ROOT, place), "utf8")))).join("\n");
/** The lines of its blocks of commands, with what they assign set aside and what they substitute as one word. */
const commands = [...text.matchAll(/```sh\n([^]*?)```/g)]
  .flatMap(([, block = ""]) => block.trim().split("\n"))
  .map((line) => line.replace(/^[A-Z]+=\$\((.*?)\)\/.*$/, "$1").replace(/\$\([^)]*\)/g, "word"));
const withProgram = (program: string): readonly string[] =>
  commands.filter((line) => line.startsWith(`${program} `)).map((line) => line.slice(program.length + 1));
/** The words of a command as a shell would see them, for the quotes that the runbook uses. */
const wordsOf = (line: string): readonly string[] =>
  (line.match(/(?:'[^']*'|[^\s'])+/g) ?? []).map((word) => word.replaceAll("'", ""));

describe("the runbook", () => {
  it("is made of commands that this test knows how to check", () => {
    expect(commands.length).toBeGreaterThan(20);
    const known =
      /^(?:npm (?:ci|run )|npx symphainy |terraform |gcloud |docker (?:build|push) |curl -f \$SYMPHAINY_URL\/)/;
    expect(commands.filter((line) => !known.test(line))).toEqual([]);
  });

  it("names scripts that there are", async () => {
    const { scripts } = z
      .object({ scripts: z.record(z.string(), z.string()) })
      .parse(JSON.parse(await readFile(path.join(ROOT, "package.json"), "utf8")));
    const named = withProgram("npm run").map((line) => wordsOf(line)[0] ?? "");
    expect(named.length).toBeGreaterThan(3);
    expect(named.filter((name) => !Object.hasOwn(scripts, name))).toEqual([]);
  });

  it("names files, and tests that prove what it says", () => {
    const named = [...text.matchAll(/`((?:tests|terraform|infra)\/[\w./-]+)`/g)].map(([, file = ""]) => file);
    expect(named.filter((file) => file.startsWith("tests/")).length).toBeGreaterThan(8);
    expect(named.filter((file) => !existsSync(path.join(ROOT, file)))).toEqual([]);
    for (const line of withProgram("docker build")) {
      const [, file = ""] = /-f (\S+)/.exec(line) ?? [];
      expect(existsSync(path.join(ROOT, file))).toBe(true);
    }
  });

  it("calls the command line by commands and flags that it has", () => {
    const lines = withProgram("npx symphainy");
    expect(lines.length).toBeGreaterThan(3);
    for (const line of lines) {
      const [name = "", ...argv] = wordsOf(line);
      const command = COMMANDS.find((each) => each.name === name);
      if (command === undefined) throw new Error(`symphainy has no command ${name}`);
      expect(() => parseCommandLine(command, argv)).not.toThrow();
    }
  });

  it("calls Terraform in folders that there are, by its own commands", () => {
    const lines = withProgram("terraform");
    expect(lines.length).toBeGreaterThan(4);
    for (const line of lines) {
      const [, folder = "", command = ""] = /^-chdir=(\S+) (\w+)/.exec(line) ?? [];
      expect(existsSync(path.join(ROOT, folder, "versions.tf"))).toBe(true);
      expect(["init", "plan", "apply", "output", "import", "state"]).toContain(command);
    }
  });

  it("reaches into Terraform's state for what its modules have", async () => {
    const addresses = [...text.matchAll(/ module\.runtime\.module\.(\w+)\.(\w+)\.(\w+)/g)];
    expect(addresses.length).toBeGreaterThan(0);
    for (const [, module = "", type = "", name = ""] of addresses) {
      const source = await readFile(path.join(ROOT, "terraform/modules", module, "main.tf"), "utf8");
      expect(source).toContain(`resource "${type}" "${name}"`);
    }
  });

  it("calls gcloud as its own linter takes it", async ({ skip, annotate }) => {
    const gcloud = await findProgram("gcloud");
    if (gcloud === undefined) {
      await annotate("gcloud is not installed: its commands in the runbook were NOT checked");
      return skip("gcloud is not installed: its commands in the runbook were not checked");
    }
    const judge = async (line: string) => {
      const command = `gcloud ${wordsOf(line.replace(/\$[A-Z]+/g, "word")).join(" ")}`;
      const { stdout } = await run(gcloud, ["meta", "lint-gcloud-commands", `--command-string=${command}`]);
      const [judged] = z
        .array(z.object({ success: z.boolean(), error_message: z.string().nullish() }))
        .parse(JSON.parse(stdout));
      return judged?.success === true ? [] : [`${command}: ${judged?.error_message ?? "not judged"}`];
    };
    expect(await judge("run services update-traffic a --to-revisions=b=100 --regionn=c")).toHaveLength(1);
    const lines = withProgram("gcloud");
    expect(lines.length).toBeGreaterThan(5);
    expect((await Promise.all(lines.map(judge))).flat()).toEqual([]);
  }, 120_000);
});
