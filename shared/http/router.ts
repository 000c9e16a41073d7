import { OpenAPIHono } from "@hono/zod-openapi";
import type { MiddlewareHandler } from "hono";
import { bodyLimit } from "hono/body-limit";

import { RuntimeError } from "../errors.ts";
import type { RuntimeServices } from "../services.ts";
import { traceFrom, traceparent } from "../trace.ts";
import { allowOrigins } from "./cross-origin.ts";
import type { HttpEnv, Router } from "./endpoint.ts";
import { problemResponse } from "./problem.ts";
import { inWasmTerms } from "./wasm-problem.ts";

/** A router on which every answer carries its trace and every error becomes a problem. */
export function createRouter({ adapters, config }: RuntimeServices): Router {
  const router = new OpenAPIHono<HttpEnv>();
  router.use(async (c, next) => {
    const trace = traceFrom(c.req.header("traceparent"), adapters.ids);
    c.set("trace", trace);
    await next();
    if (c.get("traced") === true) return;
    // In place: c.header() would build the response anew, with its body as a stream.
    const { headers } = c.res;
    headers.set("traceparent", traceparent(trace.traceId));
    headers.set("x-content-type-options", "nosniff");
    if (!headers.has("cache-control")) headers.set("cache-control", "no-store");
  });
  if (config.corsOrigins.length > 0) router.use(allowOrigins(new Set(config.corsOrigins)));
  router.onError((error, c) => problemResponse(inWasmTerms(c.req.path, error), c.get("trace").traceId, adapters));
  router.notFound((c) => {
    const error = new RuntimeError(
      "request.no_such_endpoint",
      `There is no ${c.req.method} ${c.req.path}; see /docs.`,
      { status: 404 },
    );
    return problemResponse(error, c.get("trace").traceId, adapters);
  });
  return router;
}

/** A body of a declared length is judged by it, which servers enforce; only one of unknown length is counted as it comes. */
export function limitBodies(maxBytes: number): MiddlewareHandler {
  const counted = bodyLimit({ maxSize: maxBytes, onError: () => tooLarge(maxBytes) });
  return (c, next) => {
    if (c.req.method === "GET" || c.req.method === "HEAD") return next();
    const declared = c.req.header("content-length");
    if (declared === undefined || c.req.header("transfer-encoding") !== undefined) return counted(c, next);
    return Number(declared) > maxBytes ? tooLarge(maxBytes) : next();
  };
}

function tooLarge(maxBytes: number): never {
  throw new RuntimeError("request.too_large", `The body is larger than ${maxBytes} bytes.`, {
    status: 413,
    details: { max_bytes: maxBytes },
  });
}
