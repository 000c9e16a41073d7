import { RuntimeError } from "../../../shared/errors.ts";
import type { Parse, ParseNote, ParseOptions, Row } from "../../../functions/content/parsing/parser.ts";

/** A byte stream that remembers whether its reader let go of it. */
export interface ByteSource extends AsyncIterable<Uint8Array> {
  readonly released: () => boolean;
  readonly pulled: () => number;
}

/** The chunks, one by one, as an upload would give them. */
export function sourceOf(...chunks: readonly (string | Uint8Array)[]): ByteSource {
  let released = false;
  let pulled = 0;
  async function* generate(): AsyncGenerator<Uint8Array, void> {
    try {
      for (const chunk of chunks) {
        pulled += 1;
        yield typeof chunk === "string" ? Buffer.from(chunk) : chunk;
      }
    } finally {
      released = true;
    }
  }
  const generator = generate();
  return { [Symbol.asyncIterator]: () => generator, released: () => released, pulled: () => pulled };
}

/** A source that repeats a chunk until its reader stops, for ever if it does not. */
export async function* endless(first: string, chunk: string): AsyncGenerator<Uint8Array, void> {
  yield Buffer.from(first);
  for (const bytes = Buffer.from(chunk); ;) yield bytes;
}

/** The bytes cut at the given places (taken modulo the length), so that a property can try every cut. */
export function cut(bytes: Uint8Array, places: readonly number[]): Uint8Array[] {
  const at = [...new Set(places.map((place) => place % (bytes.length + 1)))].toSorted((a, b) => a - b);
  return [0, ...at].map((start, index) => bytes.subarray(start, at[index] ?? bytes.length));
}

export async function rowsOf(
  parse: Parse,
  source: string | AsyncIterable<Uint8Array>,
  options: ParseOptions = {},
): Promise<Row[]> {
  return Array.fromAsync(parse(typeof source === "string" ? sourceOf(source) : source, options));
}

export interface Observed {
  readonly rows: Row[];
  readonly columns: (readonly string[])[];
  readonly notes: ParseNote[];
}

export async function observe(
  parse: Parse,
  source: string | AsyncIterable<Uint8Array>,
  options: ParseOptions = {},
): Promise<Observed> {
  const columns: (readonly string[])[] = [];
  const notes: ParseNote[] = [];
  const rows = await Array.fromAsync(
    parse(typeof source === "string" ? sourceOf(source) : source, options, {
      onColumns: (names) => columns.push([...names]),
      onNote: (note) => notes.push(note),
    }),
  );
  return { rows, columns, notes };
}

/** What the parser refuses the file with; a success or any error that is not a RuntimeError of status 422 fails the test. */
export async function refusal(
  parse: Parse,
  source: string | AsyncIterable<Uint8Array>,
  options: ParseOptions = {},
): Promise<RuntimeError> {
  try {
    await rowsOf(parse, source, options);
  } catch (error) {
    if (error instanceof RuntimeError && error.status === 422 && !error.retryable) return error;
    throw error;
  }
  throw new Error("The parser accepted the file.");
}
