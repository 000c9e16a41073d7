import type { GuestFailure, GuestFailureReason, GuestReport, ModuleRefusal } from "../ports/wasm-runtime.ts";
import { wasmError, type WasmErrorCode } from "../wasm-error.ts";
import type { RuntimeError } from "../errors.ts";

/** What a failure is to its caller, and to the instance. */
export interface FailureClass {
  readonly errorCode: WasmErrorCode;
  /** Whether the instance counts as crashed; only what the guest's own code trapped on does. */
  readonly crash: boolean;
  /** Whether the same call may succeed later. */
  readonly retryable: boolean;
}

const CRASH: FailureClass = { errorCode: "CRASH_DETECTED", crash: true, retryable: false };
const GUEST_FAULT: FailureClass = { errorCode: "WASM_RUNTIME_ERROR", crash: false, retryable: false };
const REQUEST_FAULT: FailureClass = { errorCode: "INVALID_REQUEST", crash: false, retryable: false };
const TOO_MUCH: FailureClass = { errorCode: "RESOURCE_EXHAUSTED", crash: false, retryable: false };
const BUSY: FailureClass = { errorCode: "RESOURCE_EXHAUSTED", crash: false, retryable: true };
const HOST_FAULT: FailureClass = { errorCode: "WASM_RUNTIME_ERROR", crash: false, retryable: true };

export const FAILURE_CLASSES: Readonly<Record<GuestFailureReason, FailureClass>> = {
  trap: CRASH,
  stack_overflow: CRASH,
  deadline: { errorCode: "TIMEOUT", crash: false, retryable: false },
  exit_code: GUEST_FAULT,
  unknown_export: REQUEST_FAULT,
  abi_violation: GUEST_FAULT,
  output_too_large: TOO_MUCH,
  output_invalid: GUEST_FAULT,
  input_too_large: TOO_MUCH,
  out_of_memory: TOO_MUCH,
  worker_lost: HOST_FAULT,
  module_missing: REQUEST_FAULT,
  module_refused: REQUEST_FAULT,
  queue_full: BUSY,
  queue_timeout: BUSY,
  closed: HOST_FAULT,
  node_unreachable: BUSY,
  node_lost: BUSY,
};

/** The error of a failed call, with what the guest logged, where it did. */
export function failureError({ reason, message }: GuestFailure, report?: GuestReport): RuntimeError {
  const { errorCode, retryable } = FAILURE_CLASSES[reason];
  const details = report === undefined || report.log === "" ? {} : { log: report.log };
  return wasmError(errorCode, message, { reason, retryable, details });
}

/** The error of a module that was not admitted: the fault is in the request, except where there was no time or room to look. */
export function refusalError({ reason, message, offset }: ModuleRefusal): RuntimeError {
  const busy = reason === "queue_full" || reason === "node_lost";
  const errorCode = busy ? "RESOURCE_EXHAUSTED" : reason === "compile_deadline" ? "TIMEOUT" : "INVALID_REQUEST";
  const details = offset === undefined ? {} : { offset };
  return wasmError(errorCode, message, { reason, retryable: busy, details });
}
