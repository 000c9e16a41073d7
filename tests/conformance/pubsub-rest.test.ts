import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { text } from "node:stream/consumers";

import { afterEach, describe, expect, it } from "vitest";

import { createRestCalls } from "../../infra/adapters/pubsub/rest-calls.ts";

const TIMEOUT_MS = 1_000;

describe("calls of Pub/Sub's REST interface", () => {
  const closing: (() => void)[] = [];
  afterEach(() => {
    for (const close of closing.splice(0)) close();
  });

  const serve = async (answer: (request: IncomingMessage, response: ServerResponse) => void): Promise<string> => {
    const server = createServer(answer).listen(0, "127.0.0.1");
    await once(server, "listening");
    closing.push(() => {
      server.closeAllConnections();
      server.close();
    });
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  };
  const open = (options: Parameters<typeof createRestCalls>[0]): ReturnType<typeof createRestCalls> => {
    const calls = createRestCalls(options);
    closing.push(() => calls.close());
    return calls;
  };

  it("go out one after the other over one connection, each with the token of its time", async () => {
    const tokens = ["Bearer first", "Bearer second"];
    const seen: unknown[] = [];
    const sockets = new Set<Socket>();
    const url = await serve((request, response) => {
      sockets.add(request.socket);
      void text(request).then((body) => {
        seen.push([request.method, request.url, request.headers.authorization, body]);
        return response.end("{}");
      });
    });
    const calls = open({ url, authorization: () => Promise.resolve(tokens.shift() ?? "") });
    expect(await calls.call("POST", "/v1/a:publish", '{"ü":1}', TIMEOUT_MS)).toEqual({ status: 200, body: "{}" });
    await calls.call("GET", "/v1/a", undefined, TIMEOUT_MS);
    expect(seen).toEqual([
      ["POST", "/v1/a:publish", "Bearer first", '{"ü":1}'],
      ["GET", "/v1/a", "Bearer second", ""],
    ]);
    expect(sockets.size).toBe(1);
  });

  it("reach the service over a new connection when the kept one is silent, as after the freezing of an instance (P3)", async () => {
    const served: Socket[] = [];
    const url = await serve((request, response) => {
      // The first connection is good for one call, and then neither answers nor closes.
      if (request.socket === served[0]) return;
      served.push(request.socket);
      response.end("{}");
    });
    const calls = open({ url });
    await calls.call("GET", "/", undefined, TIMEOUT_MS);
    expect(await calls.call("GET", "/", undefined, TIMEOUT_MS)).toMatchObject({ status: 200 });
    expect(served).toHaveLength(2);
  });

  it("are sent again when the connection breaks before the answer, and not when there is an answer, whatever it says", async () => {
    let received = 0;
    const url = await serve((request, response) => {
      received += 1;
      if (received === 1) return void request.socket.destroy();
      response.writeHead(500).end("no");
    });
    const calls = open({ url });
    expect(await calls.call("GET", "/", undefined, TIMEOUT_MS)).toEqual({ status: 500, body: "no" });
    expect(received).toBe(2);
  });

  it("reject when nobody answers, and when there is no token", async () => {
    const url = await serve(() => undefined);
    await expect(open({ url }).call("GET", "/", undefined, 200)).rejects.toMatchObject({ name: "AbortError" });
    const authorization = () => Promise.reject(new Error("no identity here"));
    await expect(open({ url, authorization }).call("GET", "/", undefined, 200)).rejects.toThrow("no identity here");
  });
});
