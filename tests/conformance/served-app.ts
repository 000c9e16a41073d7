import type { App } from "../../shared/http/app.ts";

const CHUNK = new Uint8Array(64 * 1024).fill(7);

/** An app that shows what a server makes of requests and responses. */
export interface ServedApp extends App {
  /** How many bytes of `/flood` were asked for so far. */
  readonly floodedBytes: number;
  /** How many requests saw their caller go away. */
  readonly aborted: number;
  /** Lets everything go on that waits: `/slow`, and the second event of `/stream`. */
  release(): void;
}

export function createServedApp(): ServedApp {
  const released = Promise.withResolvers<void>();
  let floodedBytes = 0;
  let aborted = 0;

  const answer = async (request: Request): Promise<Response> => {
    const url = new URL(request.url);
    request.signal.addEventListener("abort", () => (aborted += 1));
    switch (url.pathname) {
      case "/echo": {
        const headers = {
          "content-type": "application/octet-stream",
          "x-type": request.headers.get("content-type") ?? "",
        };
        return new Response(await request.arrayBuffer(), { status: 201, headers });
      }
      case "/seen": {
        const { method } = request;
        const headers = new Headers([
          ["set-cookie", "a=1"],
          ["set-cookie", "b=2"],
        ]);
        return Response.json({ method, query: url.search, accept: request.headers.get("accept") }, { headers });
      }
      case "/empty":
        return new Response(null, { status: 204 });
      case "/slow":
        await released.promise;
        return new Response("at last");
      case "/stream":
        return new Response(events(released.promise), { headers: { "content-type": "text/event-stream" } });
      case "/flood": {
        const pull = (stream: ReadableStreamDefaultController<Uint8Array>): void => {
          floodedBytes += CHUNK.length;
          stream.enqueue(CHUNK);
        };
        return new Response(new ReadableStream({ pull }));
      }
      case "/broken":
        throw new Error("inner secret");
      default:
        return new Response("nothing here", { status: 404 });
    }
  };

  return {
    fetch: answer,
    get floodedBytes() {
      return floodedBytes;
    },
    get aborted() {
      return aborted;
    },
    release: released.resolve,
  };
}

function events(second: Promise<void>): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder();
  let sent = 0;
  return new ReadableStream({
    pull: async (stream) => {
      sent += 1;
      if (sent === 2) await second;
      if (sent <= 2) stream.enqueue(encoder.encode(`data: ${sent}\n\n`));
      else stream.close();
    },
  });
}
