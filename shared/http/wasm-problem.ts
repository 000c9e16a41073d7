import { RuntimeError } from "../errors.ts";
import type { WasmErrorCode } from "../wasm-error.ts";

const PATH = /^\/wasm(?:\/|$)/;
const CODES: Readonly<Record<number, WasmErrorCode>> = {
  401: "UNAUTHORIZED",
  403: "PERMISSION_DENIED",
  404: "INSTANCE_NOT_FOUND",
  429: "RESOURCE_EXHAUSTED",
  504: "TIMEOUT",
};

/** An error of the Wasm plane's API: one that came from elsewhere gets an `error_code` too, and a request that is not valid is 400 there. */
export function inWasmTerms(path: string, error: unknown): unknown {
  if (!PATH.test(path) || !(error instanceof RuntimeError) || error.details?.["error_code"] !== undefined) return error;
  const { code, message, retryable, faults, headers, cause } = error;
  const status = error.status === 422 ? 400 : error.status;
  const error_code = CODES[status] ?? (status < 500 ? "INVALID_REQUEST" : "WASM_RUNTIME_ERROR");
  const details = { error_code, ...error.details };
  return new RuntimeError(code, message, { status, retryable, details, faults, headers, cause });
}
