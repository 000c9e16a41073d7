import { rfc3339 } from "./clock.ts";
import { RuntimeError } from "./errors.ts";
import type { JsonObject, JsonValue } from "./json.ts";

/** The error codes of the Wasm plane with the status that each becomes over HTTP. */
export const WASM_ERROR_STATUS = {
  INVALID_REQUEST: 400,
  UNAUTHORIZED: 401,
  PERMISSION_DENIED: 403,
  INSTANCE_NOT_FOUND: 404,
  CAPABILITY_NOT_FOUND: 404,
  RESOURCE_EXHAUSTED: 429,
  WASM_RUNTIME_ERROR: 500,
  CRASH_DETECTED: 500,
  RESTART_POLICY_VIOLATION: 500,
  TIMEOUT: 504,
} as const;
export type WasmErrorCode = keyof typeof WASM_ERROR_STATUS;

export interface WasmErrorOptions {
  /** A lower-case word that says more closely what it was: `memory_limit`, `trap`. */
  readonly reason?: string;
  readonly retryable?: boolean;
  readonly details?: JsonObject;
  readonly cause?: unknown;
}

/**
 * The error of a Wasm operation: its code is `wasm.` and the error code in lower case, and `details` carries `error_code` and,
 * where one is known, `reason`.
 */
export function wasmError(errorCode: WasmErrorCode, message: string, options: WasmErrorOptions = {}): RuntimeError {
  const { reason, retryable, details, cause } = options;
  return new RuntimeError(`wasm.${errorCode.toLowerCase()}`, message, {
    status: WASM_ERROR_STATUS[errorCode],
    retryable: retryable ?? errorCode === "RESOURCE_EXHAUSTED",
    details: { error_code: errorCode, ...(reason === undefined ? {} : { reason }), ...details },
    cause,
  });
}

/** What a Wasm error says on the wire, beside what every problem says. */
export interface WasmErrorBody {
  readonly error_code: JsonValue;
  readonly message: string;
  readonly details?: JsonObject;
  readonly timestamp: string;
}

/** The error's body; undefined for an error that is none of the Wasm plane. */
export function wasmErrorBody(error: unknown, nowMs: number): WasmErrorBody | undefined {
  if (!(error instanceof RuntimeError)) return undefined;
  const { error_code, ...details } = error.details ?? {};
  if (error_code === undefined) return undefined;
  const more = Object.keys(details).length === 0 ? {} : { details };
  return { error_code, message: error.message, ...more, timestamp: rfc3339(nowMs) };
}
