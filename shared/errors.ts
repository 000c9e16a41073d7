import type { JsonObject } from "./json.ts";

/** One fault of a request, at a place that its sender can find: `path` is dotted, as in `parameters.file_id`. */
export interface FieldFault {
  readonly path: string;
  readonly message: string;
}

/** A body of a megabyte may have a hundred thousand, each longer than what it is about. */
export const MAX_FAULTS = 100;
const MAX_FAULT_CHARS = 1_000;

/** What a schema found wrong, each at its place below `under`: the first hundred, and then how many more there are. */
export function faultsOf(
  { issues }: { readonly issues: readonly { readonly path: readonly PropertyKey[]; readonly message: string }[] },
  ...under: readonly string[]
): FieldFault[] {
  const told = issues.slice(0, MAX_FAULTS).map(({ path, message }) => ({
    path: cut([...under, ...path].join(".")),
    message: cut(message),
  }));
  const more = issues.length - told.length;
  return more === 0 ? told : [...told, { path: "", message: `and ${more} more` }];
}

function cut(text: string): string {
  return text.length <= MAX_FAULT_CHARS ? text : `${text.slice(0, MAX_FAULT_CHARS).toWellFormed()}…`;
}

export interface RuntimeErrorOptions {
  /** The HTTP status that this error becomes when it reaches a caller; default 500. */
  readonly status?: number;
  /** Whether the same call may succeed later without a change; default false. */
  readonly retryable?: boolean;
  /** Facts for the caller, safe to show: never secrets, never another tenant's data. */
  readonly details?: JsonObject;
  readonly faults?: readonly FieldFault[];
  /** Of the HTTP answer, by names in lower case. */
  readonly headers?: Readonly<Record<string, string>>;
  readonly cause?: unknown;
}

/**
 * The one error type that this project throws on purpose.
 * `code` is stable and dotted (`session.not_found`): callers and tests branch on it, never on the text.
 */
export class RuntimeError extends Error {
  override readonly name = "RuntimeError";
  readonly code: string;
  readonly status: number;
  readonly retryable: boolean;
  readonly details: JsonObject | undefined;
  readonly faults: readonly FieldFault[];
  readonly headers: Readonly<Record<string, string>>;

  constructor(code: string, message: string, options: RuntimeErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.status = options.status ?? 500;
    this.retryable = options.retryable ?? false;
    this.details = options.details;
    this.faults = options.faults ?? [];
    this.headers = options.headers ?? {};
  }
}

/** The error of a record that is absent, of another tenant, or not visible: always 404, so that existence never leaks. */
export function notFound(what: string, id: string): RuntimeError {
  return new RuntimeError(`${what.replaceAll(" ", "_")}.not_found`, `There is no ${what} ${id}.`, { status: 404 });
}

/** The error of an effect that comes after its key was undone or buried. */
export function effectRefused(key: string): RuntimeError {
  return new RuntimeError("effect.refused", `The effect ${key} was undone; it cannot be applied any more.`, {
    status: 409,
  });
}

/** Whether it says that a store is not there by choice (`records.not_configured`), which no repeat mends. */
export function isNotConfigured(error: unknown): boolean {
  return error instanceof RuntimeError && error.status === 501 && error.code.endsWith(".not_configured");
}
