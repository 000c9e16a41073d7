import type { IncomingMessage, OutgoingHttpHeaders, RequestListener, ServerResponse } from "node:http";
import { pipeline } from "node:stream/promises";

import { errorFields } from "../../shared/logger.ts";
import { type HttpAnswer, jsonAnswer } from "../../shared/http/http-answer.ts";
import type { HttpRequest } from "../../shared/http/http-request.ts";
import { ReceivedRequest } from "./received-request.ts";

/** What the runtime's app is to a server. */
export type Handle = (request: HttpRequest) => Promise<HttpAnswer>;

/** A sender that is still sending when its answer is out, a refusal, has this long to read that; then it is cut off. */
const LINGER_MS = 5_000;
/** Who takes nothing of an answer for so long is gone, whatever the connection says; it holds what the answer is read from. */
const STALLED_MS = 300_000;

/** Serves a handler by Node's own HTTP/1.1: no web request or response is made, which cost a start and each request more than the rest (ADR 0045). */
export function createListener(handle: Handle, stalledMs: number = STALLED_MS): RequestListener {
  return (incoming, outgoing) => void exchange(handle, stalledMs, incoming, outgoing);
}

async function exchange(
  handle: Handle,
  stalledMs: number,
  incoming: IncomingMessage,
  outgoing: ServerResponse,
): Promise<void> {
  try {
    const answer = await answerOf(handle, new ReceivedRequest(incoming, outgoing));
    if (typeof answer.body === "object") outgoing.setTimeout(stalledMs, () => outgoing.destroy());
    await write(answer, incoming, outgoing);
  } catch (error) {
    // The head is out: that the connection breaks is all that can be told.
    if (!isGone(error)) tell("an answer broke off", error);
    outgoing.destroy();
  }
  if (!incoming.complete) cutOff(incoming);
}

async function answerOf(handle: Handle, request: HttpRequest): Promise<HttpAnswer> {
  try {
    return await handle(request);
  } catch (error) {
    tell("a request broke off", error);
    return plainProblem(503, "function.unavailable", "This function cannot answer right now; its log says why.");
  }
}

/** A problem of a server's own, before there is an app. */
export function plainProblem(status: 415 | 503, code: string, detail: string): HttpAnswer {
  const retryable = status === 503;
  const title = retryable ? "Unavailable" : "Unsupported media type";
  const body = { type: "about:blank", code, title, detail, status, retryable };
  return jsonAnswer(body, status, {
    "content-type": "application/problem+json",
    ...(retryable ? { "retry-after": "1" } : {}),
  });
}

async function write(
  { status, headers, body }: HttpAnswer,
  { method }: IncomingMessage,
  outgoing: ServerResponse,
): Promise<void> {
  if (typeof body === "object") {
    outgoing.writeHead(status, headers as OutgoingHttpHeaders);
    // Of events the first may be long in coming.
    outgoing.flushHeaders();
    if (method !== "HEAD") return pipeline(body, outgoing);
    // One that was never begun would not let go of what it holds open.
    const unread = body[Symbol.asyncIterator]();
    await unread.next();
    await unread.return?.();
    outgoing.end();
    return undefined;
  }
  const length = status === 204 ? {} : { "content-length": Buffer.byteLength(body ?? "") };
  outgoing.writeHead(status, { ...(headers as OutgoingHttpHeaders), ...length });
  outgoing.end(body);
  return undefined;
}

function cutOff(incoming: IncomingMessage): void {
  incoming.resume();
  setTimeout(() => {
    if (!incoming.complete) incoming.destroy();
  }, LINGER_MS).unref();
}

/** Whether it tells no more than that the reader went away. */
function isGone(error: unknown): boolean {
  return (
    error instanceof Error &&
    "code" in error &&
    ["ERR_STREAM_PREMATURE_CLOSE", "ECONNRESET"].includes(String(error.code))
  );
}

function tell(message: string, error: unknown): void {
  process.stderr.write(`${JSON.stringify({ severity: "ERROR", message, ...errorFields(error) })}\n`);
}
