import { once } from "node:events";
import { connect, type AddressInfo } from "node:net";
import { performance } from "node:perf_hooks";
import { setTimeout as sleep } from "node:timers/promises";
import { gzipSync } from "node:zlib";

// oxlint-disable-next-line eslint/no-restricted-imports -- these tests serve by the framework itself, unbundled
import { http } from "@google-cloud/functions-framework";
import { getTestServer } from "@google-cloud/functions-framework/testing";
import { afterEach, describe, expect, it, vi } from "vitest";

import { toHttpFunction } from "../../infra/serve/functions-framework.ts";
import { listen } from "../../infra/serve/node-server.ts";
import { type App, createApp } from "../../shared/http/app.ts";
import { openRuntime } from "../kit/runtime.ts";
import { createServedApp } from "./served-app.ts";

interface Served {
  readonly url: string;
  readonly port: number;
  close(graceMs: number): Promise<void>;
}

const SERVERS: readonly (readonly [name: string, serve: (app: App) => Promise<Served>])[] = [
  [
    "the bare Node server",
    async (app) => {
      const server = await listen(app, { host: "127.0.0.1", port: 0 });
      return { url: `http://127.0.0.1:${server.port}`, port: server.port, close: (graceMs) => server.close(graceMs) };
    },
  ],
  [
    "functions-framework",
    async (app) => {
      http(
        "served",
        toHttpFunction((request) => app.handle(request)),
      );
      const server = getTestServer("served").listen(0, "127.0.0.1");
      await once(server, "listening");
      const { port } = server.address() as AddressInfo;
      const close = async (): Promise<void> => {
        server.closeAllConnections();
        server.close();
        await once(server, "close");
      };
      return { url: `http://127.0.0.1:${port}`, port, close };
    },
  ],
];

/** Every byte there is, and sequences that are no UTF-8. */
const BYTES = Uint8Array.from({ length: 70_000 }, (_, index) => (index * 31) % 256);

describe.each(SERVERS)("%s", (name, serve) => {
  const opened: Served[] = [];
  afterEach(async () => {
    for (const server of opened.splice(0)) await server.close(0);
  });
  const open = async (app: App = createServedApp()): Promise<Served> => {
    const server = await serve(app);
    opened.push(server);
    return server;
  };
  const post = (url: string, body: string | Uint8Array<ArrayBuffer>, type: string, more: RequestInit = {}) =>
    fetch(url, { method: "POST", body, headers: { "content-type": type }, ...more });

  it.each([
    ["bytes", "application/octet-stream", BYTES],
    ["text that is no UTF-8", "text/plain", BYTES],
    ["JSON with its spaces and its order", "application/json", '{ "b": 1.0,\n "a":"\\u00fc" }'],
    ["a CloudEvent", "application/cloudevents+json", '{ "specversion": "1.0" , "data":{} }'],
    ["a form", "application/x-www-form-urlencoded", "a=1&a=2&b%20=+"],
    ["a type that nobody knows", "x/y", "\u0000\u0001"],
    ["nothing", "application/octet-stream", new Uint8Array()],
  ])("passes a body on byte for byte: %s", async (_what, type, body) => {
    const { url } = await open();
    const response = await post(`${url}/echo`, body, type);
    expect(response.status).toBe(201);
    expect(response.headers.get("x-type")).toBe(type);
    expect(Buffer.from(await response.arrayBuffer()).equals(Buffer.from(body))).toBe(true);
  });

  it("passes method, query and headers on, and every header back", async () => {
    const { url } = await open();
    const response = await fetch(`${url}/seen?a=1&a=%2F&b`, {
      method: "PATCH",
      headers: { accept: "x/y" },
      body: "{}",
    });
    expect(await response.json()).toEqual({ method: "PATCH", query: "?a=1&a=%2F&b", accept: "x/y", origin: url });
    expect(response.headers.getSetCookie()).toEqual(["a=1", "b=2"]);
    expect((await fetch(`${url}/empty`)).status).toBe(204);
    expect((await fetch(`${url}/nothing/here`)).status).toBe(404);
  });

  it("tells by which scheme and host it was reached, also where TLS ends before it", async () => {
    const { url } = await open();
    const headers = { "x-forwarded-proto": "https" };
    const { origin } = (await (await fetch(`${url}/seen`, { headers })).json()) as { origin: string };
    expect(origin).toBe(url.replace("http:", "https:"));
  });

  it("takes the whole URL that a proxy is sent, and HEAD", async () => {
    const app = createServedApp();
    const { port } = await open(app);
    const say = async (head: string): Promise<string> => {
      const socket = connect(port, "127.0.0.1");
      socket.write(`${head}\r\nhost: x\r\nconnection: close\r\n\r\n`);
      return (await Array.fromAsync(socket, String)).join("");
    };
    expect(await say("GET http://x/seen?q=1 HTTP/1.1")).toContain('"query":"?q=1"');
    const head = await say("HEAD /seen HTTP/1.1");
    expect(head).toMatch(/^HTTP\/1\.1 200 [^]*content-type: application\/json[^]*\r\n\r\n$/i);
    expect(await say("HEAD /flood HTTP/1.1")).toMatch(/^HTTP\/1\.1 200 [^]*\r\n\r\n$/);
    expect(app.ended, "what an answer holds open is let go").toBe(1);
  });

  it("breaks the connection off when an answer breaks off, and tells nothing of why", async () => {
    const { url } = await open();
    const response = await fetch(`${url}/torn`);
    await expect(response.arrayBuffer()).rejects.toThrow(/terminated/);
    expect((await fetch(`${url}/empty`)).status, "nothing else is broken").toBe(204);
  });

  it("tells nothing of what broke inside", async () => {
    const { url } = await open();
    const response = await fetch(`${url}/broken`);
    expect(response.status).toBeGreaterThanOrEqual(500);
    expect(await response.text()).not.toMatch(/secret|at \S+:\d+/);
  });

  it("refuses a body above the limit as a problem, with or without a length, and takes one below", async () => {
    await using runtime = await openRuntime({ config: { maxBodyBytes: 10_000 } });
    const { url } = await open(createApp(runtime.services));
    const large = JSON.stringify({ tenant_id: "x".repeat(10_000) });
    const chunked = { body: new Blob([large]).stream(), duplex: "half" };
    for (const more of [{}, chunked] as RequestInit[]) {
      const response = await post(`${url}/dev/token`, large, "application/json", more);
      expect(response.status).toBe(413);
      expect(await response.json()).toMatchObject({ code: "request.too_large" });
    }
    expect((await post(`${url}/dev/token`, '{"tenant_id":"acme"}', "application/json")).status).toBe(200);
  });

  it("takes no packed body, whose length says nothing of what is in it", async () => {
    await using runtime = await openRuntime({ config: { maxBodyBytes: 10_000 } });
    const { url } = await open(createApp(runtime.services));
    const body = new Uint8Array(gzipSync(JSON.stringify({ tenant_id: "x".repeat(1_000_000) })));
    const headers = { "content-type": "application/json", "content-encoding": "gzip" };
    const { status } = await fetch(`${url}/dev/token`, { method: "POST", headers, body });
    expect(status).toBe(415);
    const plain = { ...headers, "content-encoding": "identity" };
    const taken = await fetch(`${url}/dev/token`, { method: "POST", headers: plain, body: '{"tenant_id":"acme"}' });
    expect(taken.status).toBe(200);
  });

  it("takes a push of Pub/Sub", async () => {
    await using runtime = await openRuntime();
    const { url } = await open(createApp(runtime.services));
    const push = { message: { messageId: "1", data: Buffer.from("poison").toString("base64") }, subscription: "s" };
    const response = await post(`${url}/projects/p/topics/t`, JSON.stringify(push), "application/json");
    expect(response.status).toBe(200);
    expect(await response.json()).toMatchObject({ outcome: "dead_lettered", code: "request.malformed_json" });
  });

  it("sends each event of a stream as it comes", async () => {
    const app = createServedApp();
    const { url } = await open(app);
    const response = await fetch(`${url}/stream`);
    const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
    expect((await reader?.read())?.value).toBe("data: 1\n\n");
    app.release();
    expect((await reader?.read())?.value).toBe("data: 2\n\n");
    expect((await reader?.read())?.done).toBe(true);
  });

  it("tells the app when the caller goes away, before or during the answer", async () => {
    const app = createServedApp();
    const { url } = await open(app);
    const waiting = new AbortController();
    const slow = fetch(`${url}/slow`, { signal: waiting.signal }).catch(() => "gone");
    await sleep(100);
    waiting.abort();
    expect(await slow).toBe("gone");
    await vi.waitFor(() => expect(app.aborted).toBe(1));

    const reading = new AbortController();
    const response = await fetch(`${url}/flood`, { signal: reading.signal });
    await response.body?.getReader().read();
    reading.abort();
    await sleep(200);
    const { floodedBytes } = app;
    await sleep(200);
    expect(app.floodedBytes, "nothing more is made for nobody").toBe(floodedBytes);
    expect(app.ended).toBe(1);
  });

  it("makes no more of an answer than its reader takes", async () => {
    const app = createServedApp();
    const { port } = await open(app);
    const socket = connect(port, "127.0.0.1");
    socket.write("GET /flood HTTP/1.1\r\nhost: x\r\n\r\n");
    socket.pause();
    await vi.waitFor(() => expect(app.floodedBytes).toBeGreaterThan(0));
    let before = -1;
    await vi.waitFor(
      () => {
        const now = app.floodedBytes;
        const isStill = now === before;
        before = now;
        expect(isStill).toBe(true);
      },
      { timeout: 5_000, interval: 250 },
    );
    expect(app.floodedBytes, "what fits into the buffers on the way").toBeLessThan(16 * 1024 * 1024);
    socket.destroy();
  });

  it("waits for a body that comes slowly", async () => {
    const { port } = await open();
    const socket = connect(port, "127.0.0.1");
    socket.write(
      "POST /echo HTTP/1.1\r\nhost: x\r\ncontent-type: x/y\r\ncontent-length: 6\r\nconnection: close\r\n\r\n",
    );
    for (const byte of "slowly") {
      await sleep(30);
      socket.write(byte);
    }
    let answer = "";
    for await (const chunk of socket) answer += String(chunk);
    expect(answer).toMatch(/^HTTP\/1\.1 201 /);
    expect(answer.endsWith("slowly") || answer.includes("\r\nslowly\r\n")).toBe(true);
  });

  it("leaves what claims to be JSON to the app, which the framework does not: it refuses by itself what is none", async () => {
    const { url } = await open();
    const { status } = await post(`${url}/echo`, "}{", "application/json");
    expect(status).toBe(name === "functions-framework" ? 400 : 201);
  });
});

describe("under functions-framework", () => {
  it("a request makes no domain, whose hooks would follow every promise from then on", async () => {
    const { Domain } = process.getBuiltinModule("node:domain");
    // What the constructor of every one ends with.
    using made = vi.spyOn(Domain.prototype, "on");
    expect(new Domain()).toBeDefined();
    const byUs = made.mock.calls.length;
    expect(byUs).toBeGreaterThan(0);

    const [, serve] = SERVERS[1] ?? ["", () => Promise.reject(new Error("no server"))];
    const server = await serve(createServedApp());
    expect((await fetch(`${server.url}/empty`)).status).toBe(204);
    expect(made).toHaveBeenCalledTimes(byUs);
    await server.close(0);
  });
});

describe("the bare Node server, told to stop", () => {
  const [, serve] = SERVERS[0] ?? ["", () => Promise.reject(new Error("no server"))];

  it("answers what is under way, takes nothing new in, and is gone at once after that", async () => {
    const app = createServedApp();
    const server = await serve(app);
    const slow = fetch(`${server.url}/slow`);
    await sleep(50);
    const closing = server.close(5_000);
    await sleep(50);
    await expect(fetch(`${server.url}/empty`)).rejects.toThrow();
    app.release();
    expect(await (await slow).text()).toBe("at last");
    const startMs = performance.now();
    await closing;
    expect(performance.now() - startMs).toBeLessThan(1_000);
  });

  it("cuts off what takes longer than the grace period", async () => {
    const server = await serve(createServedApp());
    const slow = fetch(`${server.url}/slow`).catch(() => "cut off");
    await sleep(50);
    const startMs = performance.now();
    await server.close(200);
    expect(performance.now() - startMs).toBeLessThan(2_000);
    expect(await slow).toBe("cut off");
  });
});
