import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";

import type {
  CloudEventFunction,
  HttpFunction,
  Request as FrameworkRequest,
  Response as FrameworkResponse,
} from "@google-cloud/functions-framework";
import * as z from "zod";

import { errorFields } from "../../shared/logger.ts";
import { pushEnvelope } from "../../shared/http/push-envelope.ts";

/** A web request in, a web response out: what the runtime's app is. */
export type Handle = (request: Request) => Promise<Response>;

const UNAVAILABLE = JSON.stringify({
  type: "about:blank",
  code: "function.unavailable",
  title: "Unavailable",
  detail: "This function cannot answer right now; its log says why.",
  status: 503,
  retryable: true,
});

/**
 * Serves a handler under functions-framework's http signature.
 * The framework has read the body before: whole, inflated, and judged as JSON where it says that it is JSON.
 */
export function toHttpFunction(handle: Handle): HttpFunction {
  return async (incoming, outgoing) => {
    const gone = new AbortController();
    outgoing.once("close", () => {
      if (!outgoing.writableFinished) gone.abort();
    });
    try {
      await send(await handle(toRequest(incoming, gone.signal)), outgoing);
    } catch (error) {
      if (gone.signal.aborted) return;
      // Whatever is thrown to the framework, it shows to the caller.
      process.stderr.write(
        `${JSON.stringify({ severity: "ERROR", message: "a request broke off", ...errorFields(error) })}\n`,
      );
      if (outgoing.headersSent) outgoing.destroy();
      else
        outgoing.status(503).set({ "retry-after": "1", "content-type": "application/problem+json" }).end(UNAVAILABLE);
    }
  };
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

function toRequest(incoming: FrameworkRequest, signal: AbortSignal): Request {
  const headers = new Headers();
  for (const [name, values] of Object.entries(incoming.headersDistinct)) {
    for (const value of values ?? []) headers.append(name, value);
  }
  // The body is what it was before it was packed for the way.
  for (const name of ["content-encoding", "transfer-encoding", "content-length"]) headers.delete(name);
  const url = `${incoming.protocol}://${incoming.headers.host ?? "localhost"}${incoming.originalUrl}`;
  const bodiless = incoming.method === "GET" || incoming.method === "HEAD";
  const body = bodiless ? undefined : (incoming.rawBody ?? Buffer.alloc(0));
  if (body !== undefined) headers.set("content-length", String(body.length));
  return new Request(url, {
    method: incoming.method,
    headers,
    signal,
    ...(body === undefined ? {} : { body: new Uint8Array(body) }),
  });
}

async function send(response: Response, outgoing: FrameworkResponse): Promise<void> {
  outgoing.status(response.status);
  outgoing.setHeaders(response.headers);
  if (response.body === null) {
    outgoing.end();
    return;
  }
  outgoing.flushHeaders();
  await pipeline(Readable.fromWeb(response.body), outgoing);
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
