import type { MiddlewareHandler } from "hono";

import { RuntimeError } from "../errors.ts";
import type { HttpEnv } from "./endpoint.ts";

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
 * Not hono's own middleware, which builds each answer anew, bodies as streams, and says yes to preflights of strangers.
 */
export function allowOrigins(origins: ReadonlySet<string>): MiddlewareHandler<HttpEnv> {
  return async (c, next) => {
    const origin = c.req.header("origin");
    const known = origin !== undefined && origins.has(origin);
    if (c.req.method === "OPTIONS" && c.req.header("access-control-request-method") !== undefined) {
      if (!known) throw strange(origin);
      return new Response(null, {
        status: 204,
        headers: {
          "access-control-allow-origin": origin,
          "access-control-allow-methods": METHODS,
          "access-control-allow-headers": REQUEST_HEADERS,
          "access-control-max-age": String(REMEMBER_SECONDS),
          vary: "origin",
        },
      });
    }
    await next();
    // In place, as the router does.
    const { headers } = c.res;
    headers.append("vary", "origin");
    if (known) {
      headers.set("access-control-allow-origin", origin);
      headers.set("access-control-expose-headers", ANSWER_HEADERS);
    }
    return undefined;
  };
}

function strange(origin: string | undefined): RuntimeError {
  return new RuntimeError(
    "cors.origin_not_listed",
    "Pages of this origin may not call this runtime; CORS_ORIGINS lists those that may.",
    { status: 403, details: { origin: (origin ?? "none").slice(0, 256) }, headers: { vary: "origin" } },
  );
}
