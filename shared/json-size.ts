import { RuntimeError } from "./errors.ts";

/** Bytes of a value as JSON in UTF-8. */
export function jsonBytes(value: unknown): number {
  return Buffer.byteLength(JSON.stringify(value));
}

export interface SizeLimit {
  readonly code: string;
  /** What is limited, for a person. */
  readonly what: string;
  readonly maxBytes: number;
  /** Where what is larger belongs. */
  readonly advice: string;
}

/** Throws `code` (413) for more than what every store takes, so that nothing is taken on one store and refused on another. */
export function expectSize(value: unknown, { code, what, maxBytes, advice }: SizeLimit): void {
  const bytes = jsonBytes(value);
  if (bytes <= maxBytes) return;
  const message = `${what} may have ${maxBytes} bytes as JSON; with this it would be ${bytes}. ${advice}`;
  throw new RuntimeError(code, message, { status: 413, details: { max_bytes: maxBytes, bytes } });
}
