import type { ClientHost } from "./host.ts";
import { ProblemError, problemOf, unreachable } from "./problem-error.ts";

/** How often a call is made in all, and how long apart: with full jitter, twice as far each time, unless the runtime says when. */
const MAX_CALLS = 8;
const FIRST_DELAY_MS = 100;
const MAX_DELAY_MS = 5_000;
/** A runtime that wants to be left alone for longer is the caller's affair. */
const MAX_RETRY_AFTER_MS = 60_000;

export type Token = string | ((signal: AbortSignal | undefined) => string | Promise<string>);

/** What every call takes besides its own. */
export interface CallOptions {
  readonly signal?: AbortSignal | undefined;
}

export interface Call extends CallOptions {
  readonly method?: "GET" | "POST" | "PATCH";
  readonly path: string;
  readonly query?: Readonly<Record<string, string | number | boolean | undefined>>;
  readonly body?: object;
  readonly headers?: Readonly<Record<string, string>>;
  /** Whether making it twice is making it once: it reads, or carries a key that says so. Only then is it made again. */
  readonly repeatable: boolean;
}

/**
 * Calls to one runtime. All throw `ProblemError`, or the signal's reason when it aborts.
 *  T1  What may not be made twice is made once, whatever comes of it.
 *  T2  What is repeatable is made again after a lost connection, and after problems that say `retryable` with 429, 502, 503 or 504.
 *  T3  A Retry-After is kept to.
 */
export interface Transport {
  json<Answer>(call: Call): Promise<Answer>;
  /** The answer of a success, its body unread. */
  response(call: Call): Promise<Response>;
  /** One attempt, never repeated. */
  once(call: Call): Promise<Response>;
  readonly host: ClientHost;
}

export interface TransportOptions {
  readonly baseUrl: string;
  readonly token: Token;
  readonly host: ClientHost;
}

export function createTransport({ baseUrl, token, host }: TransportOptions): Transport {
  const base = baseUrl.replace(/\/+$/, "");

  const once = async ({ method = "GET", path, query = {}, body, headers, signal }: Call): Promise<Response> => {
    signal?.throwIfAborted();
    const url = `${base}${path}${queryText(query)}`;
    const bearer = typeof token === "string" ? token : await token(signal);
    let response: Response;
    try {
      response = await host.fetch(url, {
        method,
        headers: {
          authorization: `Bearer ${bearer}`,
          ...(body === undefined ? {} : { "content-type": "application/json" }),
          ...headers,
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        ...(signal === undefined ? {} : { signal }),
      });
    } catch (error) {
      signal?.throwIfAborted();
      throw unreachable(base, error);
    }
    if (response.ok) return response;
    throw await problemOf(response, host.clock.now());
  };

  /** Reads as part of the attempt: a connection may also break in the middle of an answer. */
  const attempts = async <Answer>(call: Call, read: (response: Response) => Promise<Answer>): Promise<Answer> => {
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await read(await once(call));
      } catch (error) {
        const delayMs = call.repeatable && attempt < MAX_CALLS ? retryDelayMs(host, error, attempt) : undefined;
        if (delayMs === undefined) throw error;
        await host.clock.sleep(delayMs, call.signal);
        call.signal?.throwIfAborted();
      }
    }
  };

  return {
    host,
    once,
    response: (call) => attempts(call, (response) => Promise.resolve(response)),
    json: <Answer>(call: Call) =>
      attempts(call, async (response) => {
        try {
          return JSON.parse(await response.text()) as Answer;
        } catch (error) {
          call.signal?.throwIfAborted();
          if (!(error instanceof SyntaxError)) throw unreachable(base, error);
          throw notJson(response.status, error);
        }
      }),
  };
}

/** How long to wait before the next attempt, which is the `attempt + 1`st; undefined when there is to be none. */
export function retryDelayMs(host: ClientHost, error: unknown, attempt: number): number | undefined {
  if (!(error instanceof ProblemError) || !error.retryable) return undefined;
  // An execution that failed is the answer: the same submission would only be told of it again.
  if (error.details?.["execution_id"] !== undefined) return undefined;
  if (![0, 429, 502, 503, 504].includes(error.status)) return undefined;
  const { retryAfterMs = 0 } = error;
  if (retryAfterMs > MAX_RETRY_AFTER_MS) return undefined;
  const ceilingMs = Math.min(MAX_DELAY_MS, FIRST_DELAY_MS * 2 ** (attempt - 1));
  // After what was asked for, and spread: else all who were told the same come back together.
  return retryAfterMs + host.random.fraction() * ceilingMs;
}

function queryText(query: NonNullable<Call["query"]>): string {
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) if (value !== undefined) search.set(name, String(value));
  return search.size === 0 ? "" : `?${search.toString()}`;
}

function notJson(status: number, cause: SyntaxError): ProblemError {
  return new ProblemError(
    {
      code: "client.not_a_runtime",
      title: "No answer of a runtime",
      detail: `The answer ${status} is not JSON: is it a runtime that answers there?`,
      status,
      retryable: false,
    },
    cause,
  );
}
