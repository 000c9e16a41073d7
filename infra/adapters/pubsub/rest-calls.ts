import { Agent as HttpAgent, type ClientRequestArgs, request as httpRequest } from "node:http";
import { Agent as HttpsAgent, request as httpsRequest } from "node:https";
import { text } from "node:stream/consumers";

/** More than one call waits on each connection only when the relay has this many ordering keys in its hands. */
const CONNECTIONS = 32;

export interface RestOptions {
  /** Where the API is, http or https, without a path. */
  readonly url: string;
  /** The value of the header, asked for before each call; absent where nobody asks, as at the emulator. */
  readonly authorization?: () => Promise<string>;
}

export interface RestAnswer {
  readonly status: number;
  readonly body: string;
}

/** Calls of a JSON API over connections that stay open. */
export interface RestCalls {
  /** The answer, whatever its status. Rejects when there is none within the time. The call may be made twice. */
  call(method: "GET" | "POST", path: string, body: string | undefined, timeoutMs: number): Promise<RestAnswer>;
  close(): void;
}

/**
 * An instance that was frozen between two requests comes back with connections that look open and are not: what gets no answer on a
 * kept connection within half of its time is sent again over a new one.
 */
export function createRestCalls({ url, authorization }: RestOptions): RestCalls {
  const secure = url.startsWith("https:");
  const request = secure ? httpsRequest : httpRequest;
  const kept = new (secure ? HttpsAgent : HttpAgent)({ keepAlive: true, maxSockets: CONNECTIONS });

  const send = async (
    target: URL,
    options: ClientRequestArgs,
    body: Buffer | undefined,
    timeoutMs: number,
  ): Promise<RestAnswer> => {
    const { promise, resolve, reject } = Promise.withResolvers<RestAnswer>();
    const sent = request(target, { ...options, signal: AbortSignal.timeout(timeoutMs) }, (response) => {
      text(response).then((answer) => resolve({ status: response.statusCode ?? 0, body: answer }), reject);
    });
    sent.once("error", reject);
    sent.end(body);
    return promise;
  };

  return {
    call: async (method, path, content, timeoutMs) => {
      const target = new URL(path, url);
      const body = content === undefined ? undefined : Buffer.from(content);
      const headers = {
        ...(authorization === undefined ? {} : { authorization: await authorization() }),
        ...(body === undefined ? {} : { "content-type": "application/json", "content-length": body.byteLength }),
      };
      try {
        return await send(target, { method, headers, agent: kept }, body, timeoutMs / 2);
      } catch {
        return await send(target, { method, headers, agent: false }, body, timeoutMs / 2);
      }
    },
    close: () => kept.destroy(),
  };
}
