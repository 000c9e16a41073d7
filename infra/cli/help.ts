import { type Command, type Flags, flagsOf } from "./command.ts";
import { EXIT, EXIT_MEANINGS } from "./exit-codes.ts";
import { pad } from "./terminal.ts";

/** What `symphainy --help` prints. */
export function generalHelp(commands: readonly Command[]): string {
  const width = Math.max(...commands.map(({ name }) => name.length)) + 2;
  const meanings = Object.entries(EXIT) as [keyof typeof EXIT, number][];
  return `symphainy: submit intents, watch them run, read and verify their log

Usage: symphainy <command> [options]

Commands:
${commands.map(({ name, summary }) => `  ${pad(name, width)}${summary}`).join("\n")}

symphainy <command> --help tells of each. Every command takes --json. symphainy --version tells its own version.

Environment:
  SYMPHAINY_URL     where the runtime is; default http://127.0.0.1:8080
  SYMPHAINY_TENANT  whose data
  SYMPHAINY_TOKEN   who you are; on loopback in dev mode a token is fetched
  NO_COLOR          no colours, also on a terminal

Exit codes:
${meanings.map(([name, code]) => `  ${pad(String(code), 5)}${EXIT_MEANINGS[name]}`).join("\n")}
`;
}

/** What `symphainy <command> --help` prints. */
export function commandHelp(command: Command): string {
  const { name, summary, args, examples, notes = [] } = command;
  const usage = args.map((each) => (each.optional === true ? ` [${each.name}]` : ` <${each.name}>`)).join("");
  const rows: (readonly [string, string])[] = args.map((each) => [each.name, withChoices(each.about, each.choices)]);
  const parts = [
    `symphainy ${name}: ${summary}`,
    `Usage: symphainy ${name}${usage} [options]`,
    ...(rows.length === 0 ? [] : [`Arguments:\n${table(rows)}`]),
    `Options:\n${table(flagRows(flagsOf(command)))}`,
    ...notes,
    `Examples:\n${examples.map((line) => `  ${line}`).join("\n")}`,
  ];
  return `${parts.join("\n\n")}\n`;
}

function flagRows(flags: Flags): (readonly [string, string])[] {
  return Object.entries(flags).map(([name, { value, about, choices }]) => [
    `--${name}${value === undefined ? "" : ` ${value}`}`,
    withChoices(about, choices),
  ]);
}

function withChoices(about: string, choices: readonly string[] | undefined): string {
  return choices === undefined ? about : `${about}: ${choices.join(", ")}`;
}

function table(rows: readonly (readonly [string, string])[]): string {
  const width = Math.max(...rows.map(([left]) => left.length)) + 2;
  return rows.map(([left, right]) => `  ${pad(left, width)}${right}`).join("\n");
}
