import { spawnSync } from "node:child_process";

import { describe, expect, it } from "vitest";

import { COMMANDS } from "../../../infra/cli/commands.ts";
import { completionScript } from "../../../infra/cli/completion-scripts.ts";

const bash = completionScript("bash", COMMANDS);

/** What bash offers after these words, the last of which is being typed. */
function offered(words: readonly string[]): readonly string[] {
  const list = words.map((word) => `'${word}'`).join(" ");
  const ask = `COMP_WORDS=(${list}); COMP_CWORD=${words.length - 1}; _symphainy; printf '%s\\n' "\${COMPREPLY[@]}"`;
  const { status, stdout, stderr } = spawnSync("bash", ["--norc", "-c", `${bash}\n${ask}`], { encoding: "utf8" });
  expect([status, stderr]).toEqual([0, ""]);
  return stdout.split("\n").filter((line) => line !== "");
}

describe("completion", () => {
  it("is sound bash", () => {
    const { status, stderr } = spawnSync("bash", ["--norc", "-n"], { input: bash, encoding: "utf8" });
    expect([status, stderr]).toEqual([0, ""]);
  });

  it("offers commands, options, and the values of those that have a choice", () => {
    expect(offered(["symphainy", "w"])).toEqual(["watch", "wal"]);
    expect(offered(["symphainy", "wal", "--f"])).toEqual(["--from", "--follow"]);
    expect(offered(["symphainy", "wal", "--type", "step_c"])).toEqual(["step_completed", "step_compensated"]);
    expect(offered(["symphainy", "status", "--status", "d"])).toEqual(["dead"]);
    expect(offered(["symphainy", "completion", "z"])).toEqual(["zsh"]);
    expect(offered(["symphainy", "nonsense", ""])).toEqual([]);
  });

  it("knows every command and every option in each shell", () => {
    for (const shell of ["bash", "zsh", "fish"] as const) {
      const script = completionScript(shell, COMMANDS);
      for (const { name, flags } of COMMANDS) {
        expect(script).toContain(name);
        for (const flag of Object.keys(flags)) expect(script).toContain(shell === "fish" ? `-l ${flag}` : `--${flag}`);
      }
    }
  });

  it("quotes what it says for the shells that read it", () => {
    // POSIX shells and fish take single quotes the same way, and every line of these two is words in single quotes.
    for (const shell of ["zsh", "fish"] as const) {
      const script = completionScript(shell, COMMANDS);
      const { stderr } = spawnSync("bash", ["--norc", "-n"], {
        input: script.replace(/^ {2}if \(\(.*$/m, "  if true; then"),
        encoding: "utf8",
      });
      expect(stderr).toBe("");
    }
  });
});
