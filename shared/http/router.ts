import { RuntimeError } from "../errors.ts";
import type { RuntimeServices } from "../services.ts";
import { type TraceContext, traceFrom, traceparent } from "../trace.ts";
import { createCrossOrigin } from "./cross-origin.ts";
import type { DescribedEndpoint } from "./endpoint-spec.ts";
import type { HttpAnswer } from "./http-answer.ts";
import type { HttpRequest } from "./http-request.ts";
import { problemAnswer } from "./problem.ts";
import { RouteTable } from "./route-table.ts";
import { inWasmTerms } from "./wasm-problem.ts";

/** A request on its way through a route. */
export interface Exchange {
  readonly request: HttpRequest;
  readonly params: Readonly<Record<string, string>>;
  readonly trace: TraceContext;
}

export type RouteHandler = (exchange: Exchange) => Promise<HttpAnswer> | HttpAnswer;

export interface Router {
  /** `path` as a route table takes it. */
  route(method: string, path: string, handle: RouteHandler): void;
  /** Serves a path without parameters as another one is. */
  alias(path: string, of: string): void;
  /** What the API's description tells of. */
  readonly endpoints: DescribedEndpoint[];
  readonly maxBodyBytes: number;
  /** Never rejects: every error becomes a problem, and every answer carries its trace. */
  handle(request: HttpRequest): Promise<HttpAnswer>;
}

export function createRouter({ adapters, config }: RuntimeServices): Router {
  const routes = new RouteTable<RouteHandler>();
  const crossOrigin = config.corsOrigins.length === 0 ? undefined : createCrossOrigin(new Set(config.corsOrigins));

  const answerTo = (request: HttpRequest, trace: TraceContext): Promise<HttpAnswer> | HttpAnswer => {
    const preflight = crossOrigin?.preflight(request);
    if (preflight !== undefined) return preflight;
    const { method, path } = request;
    const found = routes.find(method, path) ?? (method === "HEAD" ? routes.find("GET", path) : undefined);
    if (found === undefined) throw noRoute(request, routes.methodsOf(path));
    return found.route({ request, params: found.params, trace });
  };

  return {
    route: (method, path, handle) => routes.add(method, path, handle),
    alias: (path, of) => routes.alias(path, of),
    endpoints: [],
    maxBodyBytes: config.maxBodyBytes,
    handle: async (request) => {
      const trace = traceFrom(request.header("traceparent"), adapters.ids);
      let answer: HttpAnswer;
      try {
        answer = await answerTo(request, trace);
      } catch (error) {
        answer = problemAnswer(inWasmTerms(request.path, error), trace.traceId, adapters);
      }
      const headers = {
        "cache-control": "no-store",
        "x-content-type-options": "nosniff",
        ...answer.headers,
        ...crossOrigin?.headers(request),
        traceparent: traceparent(trace.traceId),
      };
      return { status: answer.status, headers, body: answer.body };
    },
  };
}

function noRoute({ method, path }: HttpRequest, methods: readonly string[]): RuntimeError {
  if (methods.length === 0) {
    return new RuntimeError("request.no_such_endpoint", `There is no ${method} ${path}; see /docs.`, { status: 404 });
  }
  const allow = [...methods, ...(methods.includes("GET") ? ["HEAD"] : [])].toSorted().join(", ");
  return new RuntimeError("request.method_not_allowed", `There is no ${method} of ${path}, but ${allow}.`, {
    status: 405,
    headers: { allow },
  });
}
