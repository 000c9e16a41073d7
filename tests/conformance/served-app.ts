import type { App } from "../../shared/http/app.ts";
import { type HttpAnswer, jsonAnswer } from "../../shared/http/http-answer.ts";
import type { HttpRequest } from "../../shared/http/http-request.ts";

const CHUNK = new Uint8Array(64 * 1024).fill(7);
const MAX_BYTES = 1024 * 1024;

/** An app that shows what a server makes of requests and answers. */
export interface ServedApp extends App {
  /** How many bytes of `/flood` were asked for so far. */
  readonly floodedBytes: number;
  /** How many requests saw their caller go away. */
  readonly aborted: number;
  /** How many floods were told to end. */
  readonly ended: number;
  /** Lets everything go on that waits: `/slow`, and the second event of `/stream`. */
  release(): void;
}

export function createServedApp(): ServedApp {
  const released = Promise.withResolvers<void>();
  let floodedBytes = 0;
  let aborted = 0;
  let ended = 0;

  async function* flood(): AsyncGenerator<Uint8Array> {
    try {
      for (;;) {
        floodedBytes += CHUNK.length;
        yield await Promise.resolve(CHUNK);
      }
    } finally {
      ended += 1;
    }
  }

  const answer = async (request: HttpRequest): Promise<HttpAnswer> => {
    request.signal.addEventListener("abort", () => (aborted += 1));
    switch (request.path) {
      case "/echo": {
        const headers = { "content-type": "application/octet-stream", "x-type": request.header("content-type") ?? "" };
        return { status: 201, headers, body: oneOf(await request.bytes(MAX_BYTES)) };
      }
      case "/seen": {
        const { method, search: query } = request;
        const told = { method, query, accept: request.header("accept"), origin: request.origin() };
        return jsonAnswer(told, 200, { "set-cookie": ["a=1", "b=2"] });
      }
      case "/empty":
        return { status: 204, headers: {} };
      case "/slow":
        await released.promise;
        return { status: 200, headers: {}, body: "at last" };
      case "/stream":
        return { status: 200, headers: { "content-type": "text/event-stream" }, body: events(released.promise) };
      case "/flood":
        return { status: 200, headers: {}, body: flood() };
      case "/broken":
        throw new Error("inner secret");
      case "/torn":
        return { status: 200, headers: {}, body: torn() };
      default:
        return { status: 404, headers: {}, body: "nothing here" };
    }
  };

  return {
    handle: answer,
    get floodedBytes() {
      return floodedBytes;
    },
    get aborted() {
      return aborted;
    },
    get ended() {
      return ended;
    },
    release: released.resolve,
  };
}

async function* oneOf(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield await Promise.resolve(bytes);
}

async function* events(second: Promise<void>): AsyncGenerator<Uint8Array> {
  const encoder = new TextEncoder();
  yield encoder.encode("data: 1\n\n");
  await second;
  yield encoder.encode("data: 2\n\n");
}

async function* torn(): AsyncGenerator<Uint8Array> {
  yield await Promise.resolve(CHUNK);
  throw new Error("inner secret");
}
