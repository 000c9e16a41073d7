import type { Clock } from "./clock.ts";
import { rfc3339 } from "./clock.ts";
import { RuntimeError } from "./errors.ts";
import type { JsonObject } from "./json.ts";

export const LOG_LEVELS = ["debug", "info", "warn", "error"] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

/** Structured logging: one JSON object a line, in the field names that Cloud Logging reads. */
export interface Logger {
  debug(message: string, fields?: JsonObject): void;
  info(message: string, fields?: JsonObject): void;
  warn(message: string, fields?: JsonObject): void;
  error(message: string, fields?: JsonObject): void;
  /** A logger that adds `fields` to each line, such as tenant, execution and trace. */
  with(fields: JsonObject): Logger;
}

export interface LoggerDeps {
  readonly clock: Clock;
  readonly level: LogLevel;
  /** Takes one finished line, without its line end. */
  readonly write: (line: string) => void;
}

export function createLogger(deps: LoggerDeps, context: JsonObject = {}): Logger {
  const threshold = LOG_LEVELS.indexOf(deps.level);
  const at = (level: LogLevel) => (message: string, fields?: JsonObject) => {
    if (LOG_LEVELS.indexOf(level) < threshold) return;
    const severity = level === "warn" ? "WARNING" : level.toUpperCase();
    deps.write(JSON.stringify({ time: rfc3339(deps.clock.now()), severity, message, ...context, ...fields }));
  };
  return {
    debug: at("debug"),
    info: at("info"),
    warn: at("warn"),
    error: at("error"),
    with: (fields) => createLogger(deps, { ...context, ...fields }),
  };
}

/** What a log line may say of an error: its code, text and stack, never the values that it carries. */
export function errorFields(error: unknown): JsonObject {
  if (!(error instanceof Error)) return { error: String(error) };
  const error_code = error instanceof RuntimeError ? error.code : error.name;
  return { error_code, error: error.message, stack: error.stack, ...causeOf(error) };
}

/** Of a network or a driver, as its code tells: causes without one may repeat what they were given. */
function causeOf({ cause }: Error): JsonObject {
  return cause instanceof Error && "code" in cause ? { cause: cause.message } : {};
}
