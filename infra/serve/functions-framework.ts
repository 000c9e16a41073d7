import { EventEmitter } from "node:events";
import { parseArgs } from "node:util";

import type { CloudEventFunction, HttpFunction } from "@google-cloud/functions-framework";
import * as z from "zod";

import { ENCODED, type HttpRequest, isEncoded, OwnRequest } from "../../shared/http/http-request.ts";
import { pushEnvelope } from "../../shared/http/push-envelope.ts";
import { createListener, type Handle, plainProblem } from "./node-listener.ts";

/**
 * Serves a handler under functions-framework's http signature, by the same listener as on bare Node, which takes the body that the
 * framework has read before: whole, inflated, and judged as JSON where it says that it is JSON.
 */
export function toHttpFunction(handle: Handle): HttpFunction {
  spareDomains();
  const listener = createListener(handle);
  // What the framework has inflated may have any size: no limit that goes by the declared length would hold.
  const refusing = createListener(() => Promise.resolve(plainProblem(415, ENCODED.code, ENCODED.detail)));
  return (incoming, outgoing) =>
    isEncoded(incoming.headers["content-encoding"]) ? refusing(incoming, outgoing) : listener(incoming, outgoing);
}

/** In the place of a domain. What that is for, handlers do that turn every error into an answer. */
const NO_DOMAIN = { on: () => undefined, run: (work: () => void) => work() };

/**
 * The framework runs each request in a node:domain of its own. The first that is made has hooks follow every promise of the process from
 * then on, which costs more than all that a request is about (ADR 0049). So none is made.
 */
function spareDomains(): void {
  // Where there is no framework node:domain is not loaded, which alone makes every event emitter slower.
  const isLoaded = (EventEmitter as { readonly usingDomains?: boolean }).usingDomains === true;
  if (!isLoaded || servesEvents()) return;
  const domains: { create: () => unknown } = process.getBuiltinModule("node:domain");
  domains.create = () => NO_DOMAIN;
}

/** Whether the framework was told to serve events, as it was told: whose answers it binds to their domains. */
function servesEvents(): boolean {
  const { "signature-type": given } = parseArgs({
    options: { "signature-type": { type: "string" } },
    strict: false,
  }).values;
  return (given ?? process.env["FUNCTION_SIGNATURE_TYPE"] ?? "http") !== "http";
}

/**
 * Serves the push route of a handler under the cloudevent signature, which can only say yes or "again" (500).
 * It does not see the push's token: where pushes must prove themselves, deploy the http signature.
 */
export function toEventFunction(handle: Handle): CloudEventFunction {
  return async (event) => {
    const { status } = await handle(toPush(event));
    if (status >= 300) throw new Error(`The event was not taken (${status}); deliver it again.`);
  };
}

/** What the framework makes of a push envelope, where it can. */
const published = z.object({ data: pushEnvelope });

/** The push that an event came by; an event that came by none is one that was published as it is. */
function toPush(event: unknown): HttpRequest {
  const wrapped = published.safeParse(event);
  const bare = pushEnvelope.safeParse(event);
  const envelope = wrapped.success ? wrapped.data.data : bare.success ? bare.data : envelopeOf(event);
  return new OwnRequest("POST", "/projects/local/topics/direct", {
    headers: { "content-type": "application/json" },
    body: Buffer.from(JSON.stringify(envelope)),
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
