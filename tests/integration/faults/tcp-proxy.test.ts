import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { performance } from "node:perf_hooks";
import { setTimeout as sleep } from "node:timers/promises";

import { expect, it, vi } from "vitest";

import { startTcpProxy, type TcpProxy } from "../../kit/tcp-proxy.ts";

/** A server that says back what it hears, behind a proxy. */
async function echo() {
  const heard: string[] = [];
  const server = createServer((socket) => {
    socket.on("error", () => undefined);
    socket.on("data", (chunk) => {
      heard.push(chunk.toString());
      socket.write(chunk);
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const proxy = await startTcpProxy({ host: "127.0.0.1", port: (server.address() as AddressInfo).port });
  return {
    proxy,
    heard,
    [Symbol.asyncDispose]: async () => {
      await proxy[Symbol.asyncDispose]();
      server.close();
    },
  };
}

function client({ host, port }: TcpProxy): {
  readonly socket: Socket;
  readonly got: string[];
  readonly ended: Promise<void>;
} {
  const socket = connect(port, host);
  const got: string[] = [];
  socket.on("data", (chunk) => got.push(chunk.toString()));
  socket.on("error", () => undefined);
  return { socket, got, ended: new Promise((resolve) => socket.once("close", () => resolve())) };
}

it("passes everything on, in both directions", async () => {
  await using on = await echo();
  const { socket, got } = client(on.proxy);
  const text = "x".repeat(1_000_000);
  socket.write(text);
  await vi.waitFor(() => expect(got.join("")).toBe(text));
  expect(on.proxy.connections).toBe(1);
});

it("cuts every connection and refuses new ones until it is mended", async () => {
  await using on = await echo();
  const before = client(on.proxy);
  before.socket.write("a");
  await vi.waitFor(() => expect(before.got).toEqual(["a"]));
  on.proxy.cut();
  await before.ended;
  await client(on.proxy).ended;
  on.proxy.mend();
  const after = client(on.proxy);
  after.socket.write("b");
  await vi.waitFor(() => expect(after.got).toEqual(["b"]));
  expect(on.heard).toEqual(["a", "b"]);
});

it("P2: swallows answers, not what was asked, and ends such a connection when it is mended", async () => {
  await using on = await echo();
  const { socket, got, ended } = client(on.proxy);
  on.proxy.swallowAnswers();
  socket.write("asked");
  await vi.waitFor(() => expect(on.heard).toEqual(["asked"]));
  await sleep(20);
  on.proxy.mend();
  await ended;
  expect(got).toEqual([]);
});

it("P1: holds back what passes, and keeps its order", async () => {
  await using on = await echo();
  const { socket, got } = client(on.proxy);
  on.proxy.delay(30);
  const startedMs = performance.now();
  for (const text of ["1", "2", "3"]) {
    socket.write(text);
    await sleep(5);
  }
  await vi.waitFor(() => expect(got.join("")).toBe("123"));
  expect(performance.now() - startedMs).toBeGreaterThan(60);
});
