import * as z from "zod";

import type { Clock } from "../clock.ts";
import { RuntimeError } from "../errors.ts";
import type { TraceId } from "../ids.ts";
import { jsonObject } from "../json.ts";
import { errorFields, type Logger } from "../logger.ts";
import { wasmErrorBody } from "../wasm-error.ts";
import { type HttpAnswer, jsonAnswer } from "./http-answer.ts";

/** An error as callers get it: RFC 9457, with a stable `code` to branch on. */
export const problemSchema = z.object({
  type: z.literal("about:blank"),
  code: z.string().meta({ example: "session.not_found" }),
  title: z.string(),
  detail: z.string(),
  status: z.int(),
  retryable: z.boolean(),
  trace_id: z.string(),
  errors: z.array(z.object({ path: z.string(), message: z.string() })).optional(),
  details: jsonObject.optional(),
  error_code: z.string().optional().describe("of the Wasm plane alone, as are the next two"),
  message: z.string().optional(),
  timestamp: z.string().optional(),
});

const TITLES: Readonly<Record<number, string>> = {
  400: "Bad request",
  401: "Unauthorized",
  403: "Forbidden",
  404: "Not found",
  405: "Method not allowed",
  409: "Conflict",
  410: "Gone",
  413: "Content too large",
  415: "Unsupported media type",
  416: "Range not satisfiable",
  422: "Unprocessable content",
  429: "Too many requests",
  500: "Internal error",
  501: "Not implemented",
  503: "Unavailable",
  504: "Timeout",
};

interface ProblemDeps {
  readonly logger: Logger;
  readonly clock: Clock;
}

/** The answer for an error: an expected one as it is, an unexpected one as an opaque 500 whose trace id finds it in the logs. */
export function problemAnswer(error: unknown, traceId: TraceId, { logger, clock }: ProblemDeps): HttpAnswer {
  const known = error instanceof RuntimeError ? error : undefined;
  const wasm = wasmErrorBody(error, clock.now());
  // What a guest of a tenant's does wrong is no error of ours, nor what this deployment was not given (501).
  const isOurs =
    known === undefined || (known.status >= 500 && known.status !== 501 && !known.code.startsWith("wasm."));
  if (isOurs) logger.error("a request failed", { trace_id: traceId, ...errorFields(error) });
  const body = { ...bodyOf(known, traceId), ...wasm };
  return jsonAnswer(body, body.status, {
    "content-type": "application/problem+json",
    // When to come again, and whatever else the error itself has to say.
    ...(known?.retryable === true ? { "retry-after": "1" } : {}),
    ...known?.headers,
    ...(body.status === 401 ? { "www-authenticate": "Bearer" } : {}),
  });
}

function bodyOf(known: RuntimeError | undefined, traceId: TraceId): z.infer<typeof problemSchema> {
  const status = known?.status ?? 500;
  return {
    type: "about:blank",
    code: known?.code ?? "internal",
    title: TITLES[status] ?? "Error",
    detail: known?.message ?? "Something went wrong on our side; the trace id finds it in the logs.",
    status,
    retryable: known?.retryable ?? false,
    trace_id: traceId,
    ...(known === undefined || known.faults.length === 0 ? {} : { errors: [...known.faults] }),
    ...(known?.details === undefined ? {} : { details: known.details }),
  };
}
