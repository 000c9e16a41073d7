import { OpenAPIHono } from "@hono/zod-openapi";
import type { MiddlewareHandler } from "hono";
import { bodyLimit } from "hono/body-limit";

import { RuntimeError } from "../errors.ts";
import type { RuntimeServices } from "../services.ts";
import { traceFrom, traceparent } from "../trace.ts";
import type { HttpEnv } from "./endpoint.ts";
import { problemResponse } from "./problem.ts";
import { addArtifactRoutes } from "./routes/artifacts.ts";
import { addCatalogRoutes } from "./routes/catalog.ts";
import { addDevTokenRoute } from "./routes/dev-token.ts";
import { addDocsRoutes } from "./routes/docs.ts";
import { addExecutionRoutes } from "./routes/executions.ts";
import { addExecutionControlRoutes } from "./routes/execution-control.ts";
import { addHealthRoutes } from "./routes/health.ts";
import { addIntentRoutes } from "./routes/intents.ts";
import { addPendingIntentRoutes } from "./routes/pending-intents.ts";
import { addSessionRoutes } from "./routes/sessions.ts";
import { addWalRoutes } from "./routes/wal.ts";

/** The whole HTTP surface as one function; it needs no server to be called. */
export interface App {
  fetch(request: Request): Promise<Response>;
}

/** Builds the app over services that exist already: routes build nothing long-lived. */
export function createApp(services: RuntimeServices): App {
  const { adapters, config } = services;
  const router = new OpenAPIHono<HttpEnv>();

  router.use(async (c, next) => {
    const trace = traceFrom(c.req.header("traceparent"), adapters.ids);
    c.set("trace", trace);
    await next();
    // In place: c.header() would build the response anew, with its body as a stream.
    c.res.headers.set("traceparent", traceparent(trace.traceId));
  });
  router.use(limitBodies(config.maxBodyBytes));
  router.onError((error, c) => problemResponse(error, c.get("trace").traceId, adapters.logger));
  router.notFound((c) => {
    const error = new RuntimeError(
      "request.no_such_endpoint",
      `There is no ${c.req.method} ${c.req.path}; see /docs.`,
      { status: 404 },
    );
    return problemResponse(error, c.get("trace").traceId, adapters.logger);
  });

  addSessionRoutes(router, services);
  addIntentRoutes(router, services);
  addExecutionRoutes(router, services);
  addExecutionControlRoutes(router, services);
  addWalRoutes(router, services);
  addArtifactRoutes(router, services);
  addPendingIntentRoutes(router, services);
  addCatalogRoutes(router, services);
  addHealthRoutes(router, services);
  if (adapters.devTokens !== undefined) addDevTokenRoute(router, adapters.devTokens);
  addDocsRoutes(router, services);

  return { fetch: async (request) => router.fetch(request) };
}

/** A body of a declared length is judged by it, which servers enforce; only one of unknown length is counted as it comes. */
function limitBodies(maxBytes: number): MiddlewareHandler {
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
