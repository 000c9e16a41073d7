import { RuntimeError } from "../../shared/errors.ts";

/** What a shell learns of a run; `symphainy --help` shows this table. */
export const EXIT = { ok: 0, failed: 1, usage: 2, unreachable: 3, refused: 4, broken: 5, interrupted: 130 } as const;
export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

export const EXIT_MEANINGS: Readonly<Record<keyof typeof EXIT, string>> = {
  ok: "done",
  failed: "the intent did not succeed, a log has a fault, or a fold differs from the stored state",
  usage: "the command line is wrong",
  unreachable: "the runtime does not answer, or is not ready",
  refused: "the runtime refused: not found, no valid token, wrong state, bad parameters",
  broken: "the runtime, or this program, failed",
  interrupted: "Ctrl-C",
};

/** A fault of the command line, told with what to do instead. */
export function usageError(message: string): RuntimeError {
  return new RuntimeError("cli.usage", message, { status: 400 });
}

export function exitCodeOf(error: unknown): ExitCode {
  if (!(error instanceof RuntimeError)) return EXIT.broken;
  if (error.code === "cli.usage") return EXIT.usage;
  if (error.code === "client.unreachable" || [502, 503, 504].includes(error.status)) return EXIT.unreachable;
  return error.status < 500 ? EXIT.refused : EXIT.broken;
}
