import { connect } from "node:net";
import { performance } from "node:perf_hooks";
import { setTimeout as sleep } from "node:timers/promises";

import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { listen, type ListeningServer } from "../../infra/serve/node-server.ts";
import { jsonAnswer } from "../../shared/http/http-answer.ts";
import type { HttpRequest } from "../../shared/http/http-request.ts";

const PATIENCE = { headersMs: 300, requestMs: 600, checkEveryMs: 50, stalledMs: 300 };
let server: ListeningServer;

beforeAll(async () => {
  const app = {
    handle: async (request: HttpRequest) =>
      request.path === "/flood"
        ? { status: 200, headers: {}, body: flood() }
        : jsonAnswer((await request.bytes(1_000_000)).length),
  };
  server = await listen(app, { host: "127.0.0.1", port: 0 }, PATIENCE);
});
afterAll(() => server.close(0));

let flooding = 0;
async function* flood(): AsyncGenerator<Uint8Array> {
  flooding += 1;
  try {
    for (const bytes = new Uint8Array(65_536); ;) yield await Promise.resolve(bytes);
  } finally {
    flooding -= 1;
  }
}

/** Sends pieces one by one, slowly, until it is through or cut off. */
async function send(
  pieces: readonly string[],
  everyMs: number,
): Promise<{ answer: string; cutAfterMs: number | undefined }> {
  const socket = connect(server.port, "127.0.0.1");
  const sinceMs = performance.now();
  let answer = "";
  let cutAfterMs: number | undefined;
  socket.on("data", (chunk) => {
    answer += chunk.toString();
  });
  socket.on("error", () => undefined);
  socket.on("close", () => {
    cutAfterMs = performance.now() - sinceMs;
  });
  for (const piece of pieces) {
    if (cutAfterMs !== undefined) break;
    socket.write(piece);
    await sleep(everyMs);
  }
  await sleep(100);
  socket.destroy();
  return { answer, cutAfterMs };
}

describe("a client that sends drop by drop", () => {
  it("is cut off in its headers", async () => {
    const drops = ["GET / HTTP/1.1\r\nHost: a\r\n", ...Array.from({ length: 40 }, (_, each) => `X-${each}: a\r\n`)];
    const { answer, cutAfterMs } = await send(drops, 50);
    expect(answer).toMatch(/^HTTP\/1\.1 408/);
    expect(cutAfterMs).toBeGreaterThan(PATIENCE.headersMs - 100);
    expect(cutAfterMs).toBeLessThan(PATIENCE.headersMs + 700);
  });

  it("is cut off in its body", async () => {
    const head = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\n";
    const { answer, cutAfterMs } = await send([head, ...Array.from({ length: 40 }, () => "a")], 50);
    expect(answer).not.toMatch(/^HTTP\/1\.1 200/);
    expect(cutAfterMs).toBeLessThan(PATIENCE.requestMs + 700);
  });

  it("is served when it is through in time, while others stall", async () => {
    const stalled = Array.from({ length: 50 }, () => send(["GET / HTTP/1.1\r\n"], 200));
    const { answer } = await send(["POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n", "a", "b"], 20);
    expect(answer).toMatch(/^HTTP\/1\.1 200[^]*2$/);
    await Promise.all(stalled);
  });
});

describe("a client that takes nothing of a long answer", () => {
  it("is cut off, and what the answer is read from is let go", async () => {
    const socket = connect(server.port, "127.0.0.1").pause();
    socket.on("error", () => undefined);
    socket.write("GET /flood HTTP/1.1\r\nHost: a\r\n\r\n");
    await expect.poll(() => flooding).toBe(1);
    await expect.poll(() => flooding, { timeout: 5_000 }).toBe(0);
    socket.destroy();
  });
});
