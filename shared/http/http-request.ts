import { RuntimeError } from "../errors.ts";

/** A request as a server hands it in: nothing of it is parsed, read or made before somebody asks. */
export interface HttpRequest {
  /** In capitals. */
  readonly method: string;
  /** As it was sent: percent-encoded, and without the query. */
  readonly path: string;
  /** The query with its `?`, or nothing. */
  readonly search: string;
  /** By its name in small letters; of several with one name all, with ", " between them (RFC 9110, 5.3). */
  header(name: string): string | undefined;
  /** Scheme and host by which the caller reached this server. Throws `request.bad_host` (400). */
  origin(): string;
  /** The whole body. Throws `request.too_large` (413) and `request.broken_off` (400). */
  bytes(maxBytes: number): Promise<Uint8Array>;
  /** What was not read yet of the body, as it comes. Its end is the body's; throws `request.broken_off` (400). */
  chunks(): AsyncIterable<Uint8Array>;
  /** Aborts when the caller goes away before the answer is out. */
  readonly signal: AbortSignal;
}

/** What a refused sender may still have on the way is read to this much, so that it hears the answer. */
const MAX_DRAINED_BYTES = 16 * 1024 * 1024;

/** Reads what was not read, up to a limit, and throws it away. */
export async function drain(request: HttpRequest): Promise<void> {
  let drainedBytes = 0;
  try {
    for await (const chunk of request.chunks()) {
      drainedBytes += chunk.length;
      if (drainedBytes > MAX_DRAINED_BYTES) return;
    }
  } catch {
    // Nobody is there any more to hear the answer.
  }
}

export const ENCODED = {
  code: "request.encoded",
  detail: "Send the body as it is, without a content-encoding.",
} as const;

/** Whether a `content-encoding` says that a body is not sent as it is: its length then says nothing of what is in it. */
export function isEncoded(encoding: string | undefined): boolean {
  return (encoding ?? "identity").toLowerCase() !== "identity";
}

export function tooLarge(maxBytes: number): RuntimeError {
  return new RuntimeError("request.too_large", `The body is larger than ${maxBytes} bytes.`, {
    status: 413,
    details: { max_bytes: maxBytes },
  });
}

export function brokenOff(cause: unknown): RuntimeError {
  return new RuntimeError("request.broken_off", "The request ended before its body did.", { status: 400, cause });
}

/** A request that no server has received: of this process, to its own app. */
export class OwnRequest implements HttpRequest {
  readonly method: string;
  readonly path: string;
  readonly search: string;
  readonly signal: AbortSignal;
  readonly #origin: string;
  readonly #headers: Readonly<Record<string, string>>;
  readonly #body: Uint8Array;

  constructor(
    method: string,
    target: string,
    {
      headers = {},
      body = new Uint8Array(),
      signal = new AbortController().signal,
    }: {
      /** By names in small letters. */
      readonly headers?: Readonly<Record<string, string>>;
      readonly body?: Uint8Array;
      readonly signal?: AbortSignal;
    } = {},
  ) {
    const { origin, pathname, search } = new URL(target, "http://localhost");
    this.method = method;
    this.path = pathname;
    this.search = search;
    this.signal = signal;
    this.#origin = origin;
    this.#headers = headers;
    this.#body = body;
  }

  header(name: string): string | undefined {
    return this.#headers[name];
  }

  origin(): string {
    return this.#origin;
  }

  bytes(maxBytes: number): Promise<Uint8Array> {
    return this.#body.length > maxBytes ? Promise.reject(tooLarge(maxBytes)) : Promise.resolve(this.#body);
  }

  async *chunks(): AsyncGenerator<Uint8Array> {
    yield await Promise.resolve(this.#body);
  }
}
