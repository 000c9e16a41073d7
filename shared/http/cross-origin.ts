import { RuntimeError } from "../errors.ts";
import type { HttpAnswer } from "./http-answer.ts";
import type { HttpRequest } from "./http-request.ts";

const METHODS = "GET, HEAD, POST, PATCH, PUT, DELETE";
/** What the typed client sends, and a trace of the page's own. */
const REQUEST_HEADERS =
  "authorization, content-type, idempotency-key, last-event-id, prefer, range, traceparent, tracestate";
/** What a page may read besides the content-type and -length that the standard gives it. */
const ANSWER_HEADERS =
  "location, traceparent, ratelimit, ratelimit-policy, retry-after, content-disposition, www-authenticate";
/** As long as Chromium remembers a preflight at the most. */
const REMEMBER_SECONDS = 7_200;

/**
 * Lets pages of the listed origins call (Fetch standard, section 3.2); others' browsers keep the answers from them.
 *  C1  A preflight is answered before anything else looks at the request: browsers send no token with it.
 *  C2  Only an origin of the list is ever named, never `*`, and credentials never: a bearer token is no cookie, so no page acts in
 *      the name of a person who merely visits it.
 *  C3  Every answer varies by origin, listed or not: a cache must not hand one page what was said to another.
 */
export interface CrossOrigin {
  /** The answer to a preflight; undefined to any other request. Throws `cors.origin_not_listed` (403). */
  preflight(request: HttpRequest): HttpAnswer | undefined;
  /** What an answer carries besides. */
  headers(request: HttpRequest): HttpAnswer["headers"];
}

export function createCrossOrigin(origins: ReadonlySet<string>): CrossOrigin {
  const isKnown = (origin: string | undefined): origin is string => origin !== undefined && origins.has(origin);

  return {
    preflight: (request) => {
      if (request.method !== "OPTIONS" || request.header("access-control-request-method") === undefined)
        return undefined;
      const origin = request.header("origin");
      if (!isKnown(origin)) throw strange(origin);
      return {
        status: 204,
        headers: {
          "access-control-allow-methods": METHODS,
          "access-control-allow-headers": REQUEST_HEADERS,
          "access-control-max-age": String(REMEMBER_SECONDS),
        },
      };
    },
    headers: (request) => {
      const origin = request.header("origin");
      if (!isKnown(origin)) return { vary: "origin" };
      return {
        vary: "origin",
        "access-control-allow-origin": origin,
        "access-control-expose-headers": ANSWER_HEADERS,
      };
    },
  };
}

function strange(origin: string | undefined): RuntimeError {
  return new RuntimeError(
    "cors.origin_not_listed",
    "Pages of this origin may not call this runtime; CORS_ORIGINS lists those that may.",
    { status: 403, details: { origin: (origin ?? "none").slice(0, 256) } },
  );
}
