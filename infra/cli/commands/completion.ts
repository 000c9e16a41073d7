import { type Command, command } from "../command.ts";
import { completionScript, SHELLS } from "../completion-scripts.ts";
import { EXIT } from "../exit-codes.ts";

/** The command that completes all of them, itself included. */
export function completionFor(commands: () => readonly Command[]): Command {
  return command({
    name: "completion",
    summary: "print a completion script for your shell",
    args: [{ name: "shell", about: "the shell", choices: SHELLS }],
    flags: {},
    remote: false,
    examples: [
      "source <(symphainy completion bash)",
      "symphainy completion fish > ~/.config/fish/completions/symphainy.fish",
    ],
    run: async (run) => {
      const shell = SHELLS.find((name) => name === run.args[0]) ?? "bash";
      const script = completionScript(shell, commands());
      if (run.json) run.printJson({ shell, script });
      else run.stdout.write(script);
      return Promise.resolve(EXIT.ok);
    },
  });
}
