import type { IncomingMessage, ServerResponse } from "node:http";

import { RuntimeError } from "../../shared/errors.ts";
import { brokenOff, type HttpRequest, tooLarge } from "../../shared/http/http-request.ts";

/** A request of Node's server. */
export class ReceivedRequest implements HttpRequest {
  readonly method: string;
  readonly path: string;
  readonly search: string;
  readonly #incoming: IncomingMessage & {
    /** The body, where functions-framework has read it before. */
    readonly rawBody?: Buffer;
  };
  readonly #outgoing: ServerResponse;
  #gone: AbortController | undefined;

  constructor(incoming: IncomingMessage, outgoing: ServerResponse) {
    this.#incoming = incoming;
    this.#outgoing = outgoing;
    this.method = incoming.method ?? "GET";
    const target = originForm(incoming.url ?? "/");
    const query = target.indexOf("?");
    this.path = query === -1 ? target : target.slice(0, query);
    this.search = query === -1 ? "" : target.slice(query);
  }

  header(name: string): string | undefined {
    const value = this.#incoming.headers[name];
    return typeof value === "object" ? value.join(", ") : value;
  }

  origin(): string {
    // Where TLS ends before this process, what ends it says so: Cloud Run does.
    const scheme = this.header("x-forwarded-proto")?.startsWith("https") === true ? "https" : "http";
    const host = this.header("host") ?? "localhost";
    const url = /^[\w.:[\]-]+$/.test(host) ? URL.parse(`${scheme}://${host}`) : null;
    if (url === null) throw new RuntimeError("request.bad_host", "The host header names no host.", { status: 400 });
    return url.origin;
  }

  bytes(maxBytes: number): Promise<Uint8Array> {
    const { rawBody, headers } = this.#incoming;
    const declaredBytes = rawBody?.length ?? Number(headers["content-length"] ?? 0);
    if (declaredBytes > maxBytes) return Promise.reject(tooLarge(maxBytes));
    return rawBody === undefined ? read(this.#incoming, maxBytes) : Promise.resolve(rawBody);
  }

  async *chunks(): AsyncGenerator<Uint8Array> {
    const { rawBody } = this.#incoming;
    if (rawBody !== undefined) return void (yield rawBody);
    try {
      // Whoever stops early leaves the connection as it is, since the answer needs it.
      yield* this.#incoming.iterator({ destroyOnReturn: false }) as AsyncIterable<Uint8Array>;
    } catch (cause) {
      throw brokenOff(cause);
    }
    if (!this.#incoming.complete) throw brokenOff(undefined);
  }

  /** Made when it is asked for, which those alone do who wait. */
  get signal(): AbortSignal {
    if (this.#gone !== undefined) return this.#gone.signal;
    const gone = new AbortController();
    this.#gone = gone;
    const outgoing = this.#outgoing;
    const look = (): void => {
      if (!outgoing.writableFinished) gone.abort();
    };
    if (outgoing.closed) look();
    else outgoing.once("close", look);
    return gone.signal;
  }
}

/** A client that takes this for a proxy sends the whole URL (RFC 9112, 3.2.2). */
function originForm(target: string): string {
  if (target.startsWith("/")) return target;
  const url = URL.parse(target);
  return url === null ? target : url.pathname + url.search;
}

/** By events: an iteration costs several times as much for a body of one piece. */
function read(incoming: IncomingMessage, maxBytes: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let bytes = 0;
    incoming.on("data", (chunk: Buffer) => {
      bytes += chunk.length;
      // What comes after is let go, and the sender with it in the end.
      if (bytes > maxBytes) return reject(tooLarge(maxBytes));
      chunks.push(chunk);
    });
    incoming.on("end", () =>
      resolve(chunks.length === 1 && chunks[0] !== undefined ? chunks[0] : Buffer.concat(chunks)),
    );
    incoming.on("error", (cause) => reject(brokenOff(cause)));
    incoming.on("close", () => {
      if (!incoming.complete) reject(brokenOff(undefined));
    });
  });
}
