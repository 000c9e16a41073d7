import { RuntimeError } from "../../../shared/errors.ts";

/** How long one call that moves no bytes may take, retries included. */
const CALL_TIMEOUT_MS = 10_000;
/** How long a stream may stand still. */
const STALL_TIMEOUT_MS = 30_000;

/** Whatever the client fails with that is not an expected answer is an outage: it may be over at the next try. */
export function unavailable(cause: unknown): RuntimeError {
  if (cause instanceof RuntimeError) return cause;
  return new RuntimeError("object_store.unavailable", "The object store cannot be used right now; try again.", {
    status: 503,
    retryable: true,
    cause,
  });
}

/** The client has several kinds of errors, with the HTTP status in one of these members. */
function hasStatus(error: unknown, status: number): boolean {
  if (!(error instanceof Error)) return false;
  return ("code" in error && error.code === status) || ("status" in error && error.status === status);
}

/** The result of a call, or `object_store.unavailable` when there is none in time; an answer of `status` gives `otherwise`. */
export async function answered<Result, Otherwise = never>(
  call: Promise<Result>,
  expected?: { readonly status: number; readonly otherwise: Otherwise },
): Promise<Result | Otherwise> {
  const { promise: late, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(new Error(`No answer within ${CALL_TIMEOUT_MS} ms.`)), CALL_TIMEOUT_MS);
  try {
    return await Promise.race([call, late]);
  } catch (error) {
    if (expected !== undefined && hasStatus(error, expected.status)) return expected.otherwise;
    throw unavailable(error);
  } finally {
    clearTimeout(timer);
  }
}

/** Calls `onStall` when the wait is not over in time. */
export function watchWait(onStall: (error: Error) => void): { end(): void } {
  const error = new Error(`The stream stood still for ${STALL_TIMEOUT_MS} ms.`);
  const timer = setTimeout(() => onStall(error), STALL_TIMEOUT_MS);
  return { end: () => clearTimeout(timer) };
}
