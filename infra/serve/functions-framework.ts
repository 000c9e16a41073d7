import type { CloudEventFunction, HttpFunction } from "@google-cloud/functions-framework";
import { getRequestListener } from "@hono/node-server";
import * as z from "zod";

import { errorFields } from "../../shared/logger.ts";
import { pushEnvelope } from "../../shared/http/push-envelope.ts";

/** A web request in, a web response out: what the runtime's app is. */
export type Handle = (request: Request) => Promise<Response>;

/**
 * Serves a handler under functions-framework's http signature, by the same listener as on bare Node, which takes the body that the
 * framework has read before: whole, inflated, and judged as JSON where it says that it is JSON.
 */
export function toHttpFunction(handle: Handle): HttpFunction {
  const errorHandler = (error: unknown): Response => {
    // Whatever is thrown to the framework, it shows to the caller.
    process.stderr.write(
      `${JSON.stringify({ severity: "ERROR", message: "a request broke off", ...errorFields(error) })}\n`,
    );
    return problem(503, "function.unavailable", "This function cannot answer right now; its log says why.");
  };
  const listener = getRequestListener(handle, { errorHandler });
  // What the framework has inflated may have any size: no limit that goes by the declared length would hold.
  const refusing = getRequestListener(() =>
    problem(415, "request.encoded", "Send the body as it is, without a content-encoding."),
  );
  return (incoming, outgoing) => {
    leaveDomain();
    return incoming.headers["content-encoding"] === undefined
      ? listener(incoming, outgoing)
      : refusing(incoming, outgoing);
  };
}

/**
 * The framework runs each request in a node:domain of its own, whose hooks then follow every promise that is made: several
 * microseconds each (ADR 0034). What a domain is for, a handler does that turns every error into an answer.
 */
function leaveDomain(): void {
  const { domain } = process as { readonly domain?: { exit(): void } | null };
  domain?.exit();
}

/**
 * Serves the push route of a handler under the cloudevent signature, which can only say yes or "again" (500).
 * It does not see the push's token: where pushes must prove themselves, deploy the http signature.
 */
export function toEventFunction(handle: Handle): CloudEventFunction {
  return async (event) => {
    const response = await handle(toPush(event));
    if (!response.ok) throw new Error(`The event was not taken (${response.status}); deliver it again.`);
  };
}

/** What the framework makes of a push envelope, where it can. */
const published = z.object({ data: pushEnvelope });

/** The push that an event came by; an event that came by none is one that was published as it is. */
function toPush(event: unknown): Request {
  const wrapped = published.safeParse(event);
  const bare = pushEnvelope.safeParse(event);
  const envelope = wrapped.success ? wrapped.data.data : bare.success ? bare.data : envelopeOf(event);
  return new Request("http://localhost/projects/local/topics/direct", {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(envelope),
  });
}

function envelopeOf(event: unknown): z.input<typeof pushEnvelope> {
  const id = z.object({ id: z.string().min(1) }).safeParse(event);
  return {
    message: {
      messageId: id.data?.id ?? "unknown",
      attributes: { "content-type": "application/cloudevents+json" },
      data: Buffer.from(JSON.stringify(event ?? null)).toString("base64"),
    },
  };
}

function problem(status: 415 | 503, code: string, detail: string): Response {
  const retryable = status === 503;
  const title = retryable ? "Unavailable" : "Unsupported media type";
  const headers = { "content-type": "application/problem+json", ...(retryable ? { "retry-after": "1" } : {}) };
  const body = { type: "about:blank", code, title, detail, status, retryable };
  return new Response(JSON.stringify(body), { status, headers });
}
