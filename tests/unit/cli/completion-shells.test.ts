import { spawnSync } from "node:child_process";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";

import { expect, it } from "vitest";

import { COMMANDS } from "../../../infra/cli/commands.ts";
import { completionScript, type Shell } from "../../../infra/cli/completion-scripts.ts";
import { withParts } from "../../kit/parts.ts";
import { temporaryFolder } from "../../kit/temporary-folder.ts";

/** What is typed, and what a shell then offers, in no order. */
const CASES: Readonly<Record<string, readonly string[]>> = {
  "symphainy w": ["wal", "watch"],
  "symphainy ver": ["verify-wal"],
  "symphainy wal --f": ["--follow", "--from"],
  "symphainy wal --type step_c": ["step_compensated", "step_completed"],
  "symphainy status --status d": ["dead"],
  "symphainy completion z": ["zsh"],
};

/** Makes a zsh on a terminal complete each line, and writes what its completion system is given to offer. */
const ZSHRC = `
autoload -Uz compinit && compinit -D -u
source $ZDOTDIR/completion
compadd() {
  if (( \${argv[(I)-[AOD]*]} )); then builtin compadd "$@"; return; fi
  local -a hits
  builtin compadd -A hits "$@"
  (( $#hits )) && print -rl -- $hits >> $ZDOTDIR/offered
  builtin compadd "$@"
}
zle -C offered list-choices _main_complete
zle-line-init() {
  local line
  for line in "\${(@f)$(<$ZDOTDIR/lines)}"; do
    BUFFER=$line CURSOR=$#line
    print -r -- "> $line" >> $ZDOTDIR/offered
    zle offered
  done
  exit
}
zle -N zle-line-init
`;
const FISH = `source completion; for line in (cat lines); echo "> $line"; complete -C "$line" | cut -f1; end`;

/** Runs a shell in a folder with the completion script and the lines, and nothing of the machine's own configuration. */
async function inFolder(shell: Shell, run: (folder: string) => readonly string[]): Promise<string> {
  await using folder = await temporaryFolder();
  await writeFile(join(folder.path, "completion"), completionScript(shell, COMMANDS));
  await writeFile(join(folder.path, "lines"), Object.keys(CASES).join("\n"));
  await writeFile(join(folder.path, ".zshrc"), ZSHRC);
  const [program = "", ...args] = run(folder.path);
  const env = { PATH: process.env["PATH"], HOME: folder.path, ZDOTDIR: folder.path, TERM: "xterm", LANG: "C.UTF-8" };
  const { status, stdout, stderr } = spawnSync(program, args, {
    cwd: folder.path,
    env,
    encoding: "utf8",
    input: "",
    timeout: 20_000,
  });
  expect([status, stderr]).toEqual([0, ""]);
  return shell === "zsh" ? await readFile(join(folder.path, "offered"), "utf8") : stdout;
}

function offersOf(output: string): Readonly<Record<string, readonly string[]>> {
  const answers = output.split(/^> /m).slice(1);
  return Object.fromEntries(
    answers.map((answer) => {
      const [line = "", ...offers] = answer.trim().split("\n");
      return [line, offers.toSorted()];
    }),
  );
}

withParts(["zsh"], () => {
  it("zsh itself offers commands, options, and the values of those that have a choice", async () => {
    const output = await inFolder("zsh", () => ["script", "-qec", "zsh -i", "/dev/null"]);
    expect(offersOf(output)).toEqual(CASES);
  });
});

withParts(["fish"], () => {
  it("fish itself offers them too", async () => {
    const output = await inFolder("fish", () => ["fish", "--no-config", "-c", FISH]);
    expect(offersOf(output)).toEqual(CASES);
  });
});
