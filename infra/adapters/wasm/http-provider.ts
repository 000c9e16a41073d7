import type { LookupAddress } from "node:dns";
import { lookup as systemLookup } from "node:dns/promises";
import { type IncomingMessage, request as requestHttp, type RequestOptions } from "node:http";
import { request as requestHttps } from "node:https";
import { isIP, type LookupFunction } from "node:net";

import * as z from "zod";

import type { CapabilityProvider, CapabilityReply } from "../../../shared/ports/wasm-capabilities.ts";
import { createPublicAddresses } from "./public-addresses.ts";

const TIMEOUT_MS = 10_000;
const MAX_RESPONSE_BYTES = 512 * 1024;

/** Headers that are about the connection, which is ours. */
const OWN_HEADERS =
  /^(host|connection|content-length|expect|keep-alive|te|trailer|transfer-encoding|upgrade|proxy-.*)$/;

const requestParams = z.strictObject({
  url: z.string().max(8_192),
  method: z.enum(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"]).default("GET"),
  headers: z
    .record(
      z.string().regex(/^[A-Za-z0-9-]{1,100}$/),
      z
        .string()
        .max(8_192)
        .regex(/^[\t\x20-\x7e]*$/),
    )
    .default({}),
  body: z.string().optional(),
});
type HttpRequest = z.infer<typeof requestParams>;

export interface HttpProviderDeps {
  /** Every address of a name; default the system's resolver. */
  readonly resolve?: (host: string) => Promise<readonly LookupAddress[]>;
  /** Whether guests may connect to an address; default the public ones. */
  readonly mayConnect?: (address: string) => boolean;
}

/**
 * Requests of guests to hosts outside.
 *  H1  The address is judged when it is connected to, and it is that address which is connected to: a name that changes its mind, or
 *      has one private address among others, leads nowhere.
 *  H2  Redirects are answered to the guest, not followed: where they lead is asked for, and permitted, like any other request.
 *  H3  A response takes no more than its size and time; nothing of one tenant's connections is used for another's.
 * Which hosts an instance may ask is decided before, with its permissions.
 */
export function createHttpProvider(deps: HttpProviderDeps = {}): CapabilityProvider {
  const mayConnect = deps.mayConnect ?? createPublicAddresses();
  const resolve = deps.resolve ?? ((host) => systemLookup(host, { all: true }));
  let running = false;

  /** The addresses of a name, all of which guests may reach: H1. */
  const judged = async (host: string): Promise<readonly [LookupAddress, ...LookupAddress[]]> => {
    const [first, ...others] = await resolve(host);
    if (first === undefined || ![first, ...others].every(({ address }) => mayConnect(address)))
      throw new ForbiddenAddress();
    return [first, ...others];
  };
  const answerLookup = async (...[host, options, done]: Parameters<LookupFunction>): Promise<void> => {
    try {
      const [first, ...others] = await judged(host);
      if (options.all === true) done(null, [first, ...others]);
      else done(null, first.address, first.family);
    } catch (error) {
      done(error instanceof Error ? error : new Error("unresolved"), "");
    }
  };
  const lookup: LookupFunction = (host, options, done) => void answerLookup(host, options, done);

  const send = async (request: HttpRequest, guestGone: AbortSignal): Promise<CapabilityReply> => {
    const url = URL.parse(request.url);
    if (url === null || !/^https?:$/.test(url.protocol) || url.username !== "" || url.password !== "")
      return refused("INVALID_REQUEST", "url: must be http or https, without credentials");
    const own = Object.keys(request.headers).find((name) => OWN_HEADERS.test(name.toLowerCase()));
    if (own !== undefined) return refused("INVALID_REQUEST", `headers.${own}: is not for guests to set`);
    const host = url.hostname.replace(/^\[|\]$/g, "");
    if (isIP(host) !== 0 && !mayConnect(host)) return forbidden();
    const signal = AbortSignal.any([guestGone, AbortSignal.timeout(TIMEOUT_MS)]);
    const { method, headers } = request;
    try {
      const response = await exchange(url, { method, headers, lookup, signal, agent: false }, request.body);
      return await replyOf(response);
    } catch (error) {
      if (error instanceof ForbiddenAddress) return forbidden();
      if (signal.aborted) return refused("TIMEOUT", `${url.host} did not answer within ${TIMEOUT_MS} ms.`);
      return refused("WASM_RUNTIME_ERROR", `${url.host} could not be asked: ${reasonOf(error)}.`);
    }
  };

  return {
    type: "http",
    initialize: () => {
      running = true;
      return Promise.resolve();
    },
    shutdown: () => {
      running = false;
      return Promise.resolve();
    },
    invoke: (_caller, operation, params, signal) => {
      if (!running) return Promise.resolve(refused("WASM_RUNTIME_ERROR", "The provider http is stopped."));
      if (operation !== "request")
        return Promise.resolve(refused("INVALID_REQUEST", `The provider http has no operation ${operation}.`));
      const parsed = requestParams.safeParse(params);
      if (parsed.success) return send(parsed.data, signal);
      const [issue] = parsed.error.issues;
      return Promise.resolve(refused("INVALID_REQUEST", `${issue?.path.join(".") ?? ""}: ${issue?.message ?? ""}`));
    },
  };
}

class ForbiddenAddress extends Error {}

function exchange(url: URL, options: RequestOptions, body: string | undefined): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const send = url.protocol === "https:" ? requestHttps : requestHttp;
    send(url, options, resolve).on("error", reject).end(body);
  });
}

async function replyOf(response: IncomingMessage): Promise<CapabilityReply> {
  const chunks: Uint8Array[] = [];
  let sizeBytes = 0;
  for await (const chunk of response as AsyncIterable<Uint8Array>) {
    sizeBytes += chunk.length;
    if (sizeBytes > MAX_RESPONSE_BYTES) {
      response.destroy();
      return refused("RESOURCE_EXHAUSTED", `The response has more than ${MAX_RESPONSE_BYTES} bytes.`);
    }
    chunks.push(chunk);
  }
  const bytes = Buffer.concat(chunks);
  const headers = Object.fromEntries(
    Object.entries(response.headers).map(([name, value]) => [
      name,
      Array.isArray(value) ? value.join(", ") : (value ?? ""),
    ]),
  );
  const body = textOf(bytes);
  const content = body === undefined ? { body_base64: bytes.toString("base64") } : { body };
  return { outcome: "result", result: { status: response.statusCode ?? 0, headers, ...content } };
}

function textOf(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return undefined;
  }
}

function forbidden(): CapabilityReply {
  return refused("PERMISSION_DENIED", "The host is at an address that guests may not reach.");
}

function reasonOf(error: unknown): string {
  return error instanceof Error && "code" in error ? String(error.code) : "it failed";
}

function refused(
  errorCode: Extract<CapabilityReply, { outcome: "error" }>["errorCode"],
  message: string,
): CapabilityReply {
  return { outcome: "error", errorCode, message };
}
