import { ProblemError } from "../../shared/client/problem-error.ts";
import { RuntimeError } from "../../shared/errors.ts";
import { type Command, parseCommandLine, type Run, type Surroundings } from "./command.ts";
import { createConnect } from "./connection.ts";
import { EXIT, type ExitCode, exitCodeOf, usageError } from "./exit-codes.ts";
import { commandHelp, generalHelp } from "./help.ts";
import { nearest } from "./nearest.ts";
import { humanDuration } from "../../shared/duration.ts";
import { printable, printableJson, styleFor } from "./terminal.ts";

/** Runs one command line; never throws. */
export async function runCli(
  argv: readonly string[],
  commands: readonly Command[],
  surroundings: Surroundings,
): Promise<ExitCode> {
  const { stderr, env, interrupted } = surroundings;
  // Before the command line is read: its own faults are told in the form that it asks for.
  const json = argv.includes("--json");
  try {
    const code = await dispatch(argv, commands, surroundings);
    return interrupted.aborted ? EXIT.interrupted : code;
  } catch (error) {
    if (interrupted.aborted) return EXIT.interrupted;
    stderr.write(json ? `${printableJson(problemOf(error))}\n` : explain(error, styleFor(stderr, env).red));
    return exitCodeOf(error);
  }
}

async function dispatch(argv: readonly string[], commands: readonly Command[], surroundings: Surroundings) {
  const { stdout, stderr, env, interrupted } = surroundings;
  const [name, ...rest] = argv;
  const print = (line = ""): void => void stdout.write(`${line}\n`);
  if (name === undefined || name === "--help" || name === "-h" || name === "help") {
    const about = name === "help" ? find(rest[0], commands) : undefined;
    (name === undefined ? stderr : stdout).write(about === undefined ? generalHelp(commands) : commandHelp(about));
    return name === undefined ? EXIT.usage : EXIT.ok;
  }
  const command = find(name, commands);
  if (command === undefined) throw usageError("Name a command. See symphainy --help.");
  const { args, flags } = parseCommandLine(command, rest);
  if (flags["help"] === true) {
    stdout.write(commandHelp(command));
    return EXIT.ok;
  }
  const note = (line: string): void => void stderr.write(`${line}\n`);
  const run: Run = {
    ...surroundings,
    args,
    flags: flags as Run["flags"],
    json: flags["json"] === true,
    connect: createConnect({ env, flags, interrupted, note }),
    style: styleFor(stdout, env),
    errStyle: styleFor(stderr, env),
    print,
    printJson: (value) => print(printableJson(value)),
    note,
  };
  return command.run(run);
}

function find(name: string | undefined, commands: readonly Command[]): Command | undefined {
  if (name === undefined) return undefined;
  const found = commands.find((command) => command.name === name);
  if (found !== undefined) return found;
  const near = nearest(
    name,
    commands.map((command) => command.name),
  );
  const hint = near.length === 0 ? "" : ` Did you mean ${near.join(" or ")}?`;
  throw usageError(`There is no command "${printable(name)}".${hint} See symphainy --help.`);
}

/** An error for people: what is wrong, where, and what to do. */
function explain(error: unknown, red: (text: string) => string): string {
  if (!(error instanceof RuntimeError)) {
    const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
    return `${red("This program failed:")} ${text}\n`;
  }
  const { code, message, faults } = error;
  const lines = [`${red(code === "cli.usage" ? "Usage:" : "Error:")} ${printable(message)}`];
  for (const { path, message: fault } of faults) lines.push(`  ${printable(path)}: ${printable(fault)}`);
  if (code !== "cli.usage") lines.push(`  code ${printable(code)}${traced(error)}`);
  const waitMs = error instanceof ProblemError ? error.retryAfterMs : undefined;
  if (waitMs !== undefined) lines.push(`Try again in ${humanDuration(waitMs)}.`);
  const advice = adviceFor(code);
  if (advice !== undefined) lines.push(advice);
  return `${lines.join("\n")}\n`;
}

/** Where to look in the runtime's logs, for what is the runtime's own fault. */
function traced(error: RuntimeError): string {
  if (!(error instanceof ProblemError) || error.traceId === undefined || error.status < 500) return "";
  return `, ${printable(error.traceId)}`;
}

function adviceFor(code: string): string | undefined {
  switch (code) {
    case "client.unreachable":
      return "Start one with: npx symphainy dev\nOr say where it is: --url URL, or SYMPHAINY_URL.";
    case "auth.bad_token":
      return (
        "Get a token for this runtime from your identity provider, and put it into SYMPHAINY_TOKEN.\n" +
        "In dev mode: unset SYMPHAINY_TOKEN, or symphainy token --tenant TENANT."
      );
    case "auth.role_missing":
      return "The token does not carry it: ask who issues it.";
    case "tenant.not_found":
      return "The token is another tenant's than --tenant or SYMPHAINY_TENANT says.";
    case "execution.not_found":
      return "symphainy status lists the executions of this tenant.";
    default:
      return undefined;
  }
}

function problemOf(error: unknown) {
  if (!(error instanceof RuntimeError)) {
    return {
      code: "cli.failed",
      detail: error instanceof Error ? error.message : String(error),
      exit_code: EXIT.broken,
    };
  }
  const { code, message, status, retryable, faults, details } = error;
  return {
    code,
    detail: message,
    status,
    retryable,
    ...(faults.length === 0 ? {} : { errors: faults }),
    ...(details === undefined ? {} : { details }),
    ...(error instanceof ProblemError && error.traceId !== undefined ? { trace_id: error.traceId } : {}),
    exit_code: exitCodeOf(error),
  };
}
