import { type Command, flagsOf } from "./command.ts";

export const SHELLS = ["bash", "zsh", "fish"] as const;
export type Shell = (typeof SHELLS)[number];

/** What a shell reads to complete commands, options and the values of options that have a choice. */
export function completionScript(shell: Shell, commands: readonly Command[]): string {
  switch (shell) {
    case "bash":
      return bash(commands);
    case "zsh":
      return zsh(commands);
    case "fish":
      return fish(commands);
  }
}

interface Words {
  readonly command: Command;
  /** The options, and the choices of the first argument that has some. */
  readonly words: readonly string[];
  readonly choices: readonly (readonly [flag: string, values: readonly string[]])[];
}

function wordsOf(command: Command): Words {
  const flags = Object.entries(flagsOf(command));
  const values = command.args.flatMap((argument) => argument.choices ?? []);
  return {
    command,
    words: [...flags.map(([name]) => `--${name}`), ...values],
    choices: flags.flatMap(([name, { choices }]) => (choices === undefined ? [] : [[`--${name}`, choices] as const])),
  };
}

function bash(commands: readonly Command[]): string {
  const cases = commands.map(wordsOf).map(({ command, words, choices }) => {
    const valueCases = choices.map(
      ([flag, values]) => `        ${flag}) COMPREPLY=($(compgen -W "${values.join(" ")}" -- "$current")); return ;;`,
    );
    return `    ${command.name})
      case $previous in
${[...valueCases, "        --file|--data-dir) compopt -o default 2>/dev/null; return ;;"].join("\n")}
      esac
      COMPREPLY=($(compgen -W "${words.join(" ")}" -- "$current")) ;;`;
  });
  return `# bash completion for symphainy; in ~/.bashrc: source <(symphainy completion bash)
_symphainy() {
  local current=\${COMP_WORDS[COMP_CWORD]} previous=\${COMP_WORDS[COMP_CWORD-1]}
  COMPREPLY=()
  if [ "$COMP_CWORD" -eq 1 ]; then
    COMPREPLY=($(compgen -W "${commands.map(({ name }) => name).join(" ")} --help" -- "$current"))
    return
  fi
  case \${COMP_WORDS[1]} in
${cases.join("\n")}
  esac
}
complete -F _symphainy symphainy
`;
}

function zsh(commands: readonly Command[]): string {
  const names = commands.map(({ name, summary }) => `    ${quote(`${name}:${summary.replaceAll(":", "\\:")}`)}`);
  const cases = commands.map((command) => {
    const options = Object.entries(flagsOf(command)).map(([flag, { type, value, about, choices }]) => {
      const text = about.replace(/[[\]:]/g, "\\$&");
      const action = choices === undefined ? (flag === "file" ? "_files" : "") : `(${choices.join(" ")})`;
      return quote(`--${flag}[${text}]${type === "boolean" ? "" : `:${value ?? "value"}:${action}`}`);
    });
    const args = command.args.flatMap(({ name, choices }) =>
      choices === undefined ? [] : [quote(`1:${name}:(${choices.join(" ")})`)],
    );
    return `    ${command.name}) _arguments ${[...options, ...args].join(" \\\n      ")} ;;`;
  });
  return `#compdef symphainy
# zsh completion for symphainy; in ~/.zshrc after compinit: source <(symphainy completion zsh)
_symphainy() {
  local -a commands=(
${names.join("\n")}
  )
  if (( CURRENT == 2 )); then
    _describe command commands
    return
  fi
  local name=$words[2]
  shift words
  (( CURRENT-- ))
  case $name in
${cases.join("\n")}
  esac
}
compdef _symphainy symphainy
`;
}

function fish(commands: readonly Command[]): string {
  const lines = commands.flatMap((command) => {
    const here = `complete -c symphainy -n ${quote(`__fish_seen_subcommand_from ${command.name}`)}`;
    return [
      `complete -c symphainy -n __fish_use_subcommand -f -a ${command.name} -d ${quote(command.summary)}`,
      ...Object.entries(flagsOf(command)).map(([flag, { type, about, choices }]) => {
        const values = choices === undefined ? "" : ` -f -a ${quote(choices.join(" "))}`;
        return `${here} -l ${flag}${type === "boolean" ? "" : " -r"}${values} -d ${quote(about)}`;
      }),
      ...command.args.flatMap(({ choices }) =>
        choices === undefined ? [] : [`${here} -f -a ${quote(choices.join(" "))}`],
      ),
    ];
  });
  return `# fish completion for symphainy; symphainy completion fish > ~/.config/fish/completions/symphainy.fish
${lines.join("\n")}
`;
}

/** A word that a shell takes as it is. */
function quote(text: string): string {
  return `'${text.replaceAll("'", String.raw`'\''`)}'`;
}
