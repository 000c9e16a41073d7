import { RuntimeError } from "../errors.ts";

const MAX_KEY_CHARS = 255;

/** The header as endpoints describe it, for what its request makes. */
export function idempotencyHeader(made: string) {
  return {
    name: "Idempotency-Key",
    description: `the same key with the same body leads to the same ${made}, for 24 hours at least`,
  };
}

/** The key that a request brings, if any. Throws `request.invalid` (422) for one that is too long or not printable. */
export function idempotencyKeyIn(header: string | undefined): string | undefined {
  if (header === undefined) return undefined;
  if (header.length > MAX_KEY_CHARS || !/^[\x20-\x7e]+$/.test(header)) {
    const message = `must have 1 to ${MAX_KEY_CHARS} characters of printable ASCII`;
    throw new RuntimeError("request.invalid", `Idempotency-Key ${message}.`, {
      status: 422,
      faults: [{ path: "Idempotency-Key", message }],
    });
  }
  return header;
}
