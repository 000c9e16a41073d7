import { parseArgs } from "node:util";

import type { Connect } from "./connection.ts";
import { type ExitCode, usageError } from "./exit-codes.ts";
import { nearest } from "./nearest.ts";
import type { Environment, Output, Style } from "./terminal.ts";

export interface Flag {
  readonly type: "boolean" | "string";
  /** What stands for the value in the help: `--session ID`. */
  readonly value?: string;
  readonly choices?: readonly string[];
  readonly about: string;
}
export type Flags = Readonly<Record<string, Flag>>;

export interface Argument {
  readonly name: string;
  readonly about: string;
  readonly optional?: boolean;
  readonly choices?: readonly string[];
}

/** What a run may touch. */
export interface Surroundings {
  readonly env: Environment;
  readonly stdin: AsyncIterable<Uint8Array> & { readonly isTTY?: boolean | undefined };
  readonly stdout: Output;
  readonly stderr: Output;
  /** Milliseconds since the Unix epoch. */
  readonly now: () => number;
  readonly sleep: (delayMs: number, signal: AbortSignal) => Promise<void>;
  /** Aborts at Ctrl-C. */
  readonly interrupted: AbortSignal;
}

type Values<Spec extends Flags> = {
  readonly [Name in keyof Spec]: Spec[Name]["type"] extends "boolean" ? boolean : string | undefined;
};

export interface Run<Spec extends Flags = Flags> extends Surroundings {
  /** As many as the command has arguments; those left out are undefined. */
  readonly args: readonly (string | undefined)[];
  readonly flags: Values<Spec>;
  /** Machine output: JSON, one value a line. */
  readonly json: boolean;
  readonly connect: Connect;
  /** Styles for stdout and stderr. */
  readonly style: Style;
  readonly errStyle: Style;
  /** Writes a line to stdout. */
  readonly print: (line?: string) => void;
  readonly printJson: (value: unknown) => void;
  /** Tells people something beside the result, on stderr. */
  readonly note: (line: string) => void;
}

export interface CommandSpec<Spec extends Flags> {
  readonly name: string;
  readonly summary: string;
  readonly args: readonly Argument[];
  readonly flags: Spec;
  /** Whether it talks to a runtime, and so takes --url, --tenant and --token; `dev` and `completion` do not. */
  readonly remote: boolean;
  readonly notes?: readonly string[];
  readonly examples: readonly string[];
  readonly run: (run: Run<Spec>) => Promise<ExitCode>;
}

/** A command whose own flags are known to nobody but itself. */
export type Command = Omit<CommandSpec<Flags>, "run"> & { readonly run: (run: Run) => Promise<ExitCode> };

export function command<const Spec extends Flags>(spec: CommandSpec<Spec>): Command {
  return { ...spec, run: (run) => spec.run(run as unknown as Run<Spec>) };
}

const COMMON: Flags = {
  json: { type: "boolean", about: "machine output: JSON, one value a line" },
  help: { type: "boolean", about: "this text" },
};

const REMOTE: Flags = {
  url: { type: "string", value: "URL", about: "where the runtime is (SYMPHAINY_URL; default http://127.0.0.1:8080)" },
  tenant: { type: "string", value: "ID", about: "whose data (SYMPHAINY_TENANT)" },
  token: {
    type: "string",
    value: "JWT",
    about: "who you are (SYMPHAINY_TOKEN); on loopback in dev mode one is fetched",
  },
};

/** All that a command takes, its own flags first. */
export function flagsOf({ flags, remote }: Pick<Command, "flags" | "remote">): Flags {
  return { ...flags, ...(remote ? REMOTE : {}), ...COMMON };
}

export interface Parsed {
  readonly args: readonly (string | undefined)[];
  readonly flags: Readonly<Record<string, string | boolean | undefined>>;
}

/** Reads a command's own part of the command line. Throws `cli.usage`. */
export function parseCommandLine(spec: Command, argv: readonly string[]): Parsed {
  const flags = flagsOf(spec);
  const options = Object.fromEntries(Object.entries(flags).map(([name, { type }]) => [name, { type }]));
  const { values, positionals } = parseOrExplain(spec, argv, options);
  for (const [name, { type, choices }] of Object.entries(flags)) {
    if (type === "boolean") values[name] ??= false;
    const value = values[name];
    if (typeof value === "string") checkChoice(`--${name}`, value, choices);
  }
  if (values["help"] !== true) checkArguments(spec, positionals);
  return { flags: values, args: spec.args.map((_, index) => positionals[index]) };
}

type ParseOptions = Record<string, { type: "boolean" | "string" }>;

function parseOrExplain(spec: Command, argv: readonly string[], options: ParseOptions) {
  // Asked beforehand, because Node's own message for an unknown option does not know the near ones.
  const { tokens } = parseArgs({ args: [...argv], options, strict: false, allowPositionals: true, tokens: true });
  const unknown = tokens.find((token) => token.kind === "option" && !Object.hasOwn(options, token.name));
  if (unknown?.kind === "option") {
    const near = nearest(unknown.name, Object.keys(options)).map((name) => `--${name}`);
    const hint = near.length === 0 ? "" : ` Did you mean ${near.join(" or ")}?`;
    throw usageError(`${spec.name} has no option ${unknown.rawName}.${hint} See symphainy ${spec.name} --help.`);
  }
  try {
    const { values, positionals } = parseArgs({ args: [...argv], options, strict: true, allowPositionals: true });
    return { values: { ...values } as Record<string, string | boolean | undefined>, positionals };
  } catch (error) {
    const message = error instanceof Error ? (error.message.split("\n")[0] ?? "") : String(error);
    throw usageError(`${message.replace(/\.?$/, ".")} See symphainy ${spec.name} --help.`);
  }
}

function checkArguments(spec: Command, positionals: readonly string[]): void {
  const missing = spec.args.find(({ optional }, index) => optional !== true && positionals[index] === undefined);
  if (missing !== undefined)
    throw usageError(`${spec.name} needs <${missing.name}>: ${missing.about}. See symphainy ${spec.name} --help.`);
  const tooMany = positionals[spec.args.length];
  if (tooMany !== undefined)
    throw usageError(`${spec.name} does not know what to do with "${tooMany}". See symphainy ${spec.name} --help.`);
  for (const [index, { name, choices }] of spec.args.entries()) {
    const value = positionals[index];
    if (value === "") throw usageError(`<${name}> is empty. See symphainy ${spec.name} --help.`);
    if (value !== undefined) checkChoice(`<${name}>`, value, choices);
  }
}

function checkChoice(what: string, value: string, choices: readonly string[] | undefined): void {
  if (choices === undefined || choices.includes(value)) return;
  const [near] = nearest(value, choices);
  throw usageError(
    `${what} is "${value}"; ${near === undefined ? "" : `did you mean ${near}? `}It is one of: ${choices.join(", ")}.`,
  );
}

/** A whole number of a flag; throws `cli.usage` for anything else. */
export function wholeNumber(name: string, text: string | undefined, fallback: number): number {
  if (text === undefined) return fallback;
  if (!/^[1-9]\d{0,8}$/.test(text)) throw usageError(`--${name} is "${text}"; it must be a whole number from 1 on.`);
  return Number(text);
}
