import { Agent as HttpAgent, type ClientRequestArgs, request as httpRequest } from "node:http";
import { Agent as HttpsAgent, request as httpsRequest } from "node:https";
import { text } from "node:stream/consumers";
import { setTimeout as sleep } from "node:timers/promises";

import type { UpstashResponse } from "@upstash/redis";
import * as z from "zod";

import { RuntimeError } from "../../../shared/errors.ts";
import { type Reply, storeUnavailable } from "./connection.ts";

/** For all attempts together. */
const ANSWER_WITHIN_MS = 5_000;
const MAX_ATTEMPTS = 3;
const FIRST_PAUSE_MS = 25;
const CONNECTIONS = 2;

export interface RestOptions {
  /** Where the REST interface is, http or https. */
  readonly url: string;
  readonly token: string;
}

/** Sends pipelines of commands, as JSON, over connections that stay open. */
export interface RestPost {
  /** The answers in the order of the commands. Rejects with `store.unavailable` when there are none within five seconds. */
  send(pipeline: string): Promise<readonly UpstashResponse<Reply>[]>;
  close(): void;
}

const answersSchema = z.array(z.object({ result: z.unknown().optional(), error: z.string().optional() }));

export function createRestPost({ url, token }: RestOptions): RestPost {
  const target = new URL(`${url.replace(/\/$/, "")}/pipeline`);
  const secure = target.protocol === "https:";
  const agent = new (secure ? HttpsAgent : HttpAgent)({ keepAlive: true, maxSockets: CONNECTIONS });
  const headers = {
    authorization: `Bearer ${token}`,
    "content-type": "application/json",
    "upstash-encoding": "base64",
  };

  const post = (body: Buffer, signal: AbortSignal): Promise<{ readonly status: number; readonly answer: string }> => {
    const { promise, resolve, reject } = Promise.withResolvers<{ status: number; answer: string }>();
    const options: ClientRequestArgs & { signal: AbortSignal } = {
      method: "POST",
      agent,
      signal,
      headers: { ...headers, "content-length": body.byteLength },
    };
    const request = (secure ? httpsRequest : httpRequest)(target, options, (response) => {
      text(response).then((answer) => resolve({ status: response.statusCode ?? 0, answer }), reject);
    });
    request.once("error", reject);
    request.end(body);
    return promise;
  };

  /** Sends again what got no answer. */
  const persist = async (body: Buffer): Promise<{ readonly status: number; readonly answer: string }> => {
    const patience = AbortSignal.timeout(ANSWER_WITHIN_MS);
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await post(body, patience);
      } catch (error) {
        if (attempt === MAX_ATTEMPTS || patience.aborted) throw storeUnavailable(error);
        await sleep(FIRST_PAUSE_MS * 4 ** (attempt - 1));
      }
    }
  };

  return {
    send: async (pipeline) => {
      const { status, answer } = await persist(Buffer.from(pipeline));
      try {
        if (status === 200) return answersSchema.parse(JSON.parse(answer)).map(decoded);
      } catch (cause) {
        throw storeUnavailable(cause);
      }
      throw storeUnavailable(new Error(`HTTP ${status}: ${answer.slice(0, 200)}`), `HTTP ${status}`);
    },
    close: () => agent.destroy(),
  };
}

function decoded({ result, error }: z.infer<typeof answersSchema>[number]): UpstashResponse<Reply> {
  return error === undefined ? { result: decode(result) } : { error };
}

/** Text comes in base64, but for the OK of Redis itself, which no base64 is. */
function decode(value: unknown): Reply {
  if (value === null || typeof value === "number") return value;
  if (typeof value === "string") return value === "OK" ? value : Buffer.from(value, "base64").toString();
  if (Array.isArray(value)) return value.map(decode);
  throw new RuntimeError("store.unexpected_reply", "The REST interface of Redis answered what is no reply of Redis.");
}
