import { Worker } from "node:worker_threads";

import { describe, expect, it } from "vitest";

import { CALL_STATUS, CallChannel } from "../../../infra/adapters/wasm/call-channel.ts";
import { answerOf, readCall } from "../../../infra/adapters/wasm/capability-answers.ts";
import { workerCode } from "../../../infra/adapters/wasm/worker-code.ts";
import { GUEST_LIMITS } from "../../../shared/ports/guest-limits.ts";
import { WASM_ERROR_STATUS, type WasmErrorCode } from "../../../shared/wasm-error.ts";

describe("the channel between a guest's thread and its host", () => {
  it("K1: a thread that waits for its answer is not taken in by another call's", async () => {
    const channel = new CallChannel();
    const code = `
      const { parentPort, workerData } = require("node:worker_threads");
      const header = new Int32Array(workerData, 0, 4);
      parentPort.postMessage("waits");
      while (Atomics.load(header, 0) !== 7) Atomics.wait(header, 0, Atomics.load(header, 0));
      parentPort.postMessage("answered " + Atomics.load(header, 1));`;
    const worker = new Worker(code, { eval: true, workerData: channel.shared });
    const heard: unknown[] = [];
    const answered = new Promise<void>((resolve) => {
      worker.on("message", (message: unknown) => {
        heard.push(message);
        if (message !== "waits") return resolve();
        channel.answer(6, 66);
        channel.answer(7, 77);
      });
    });
    await answered;
    await worker.terminate();
    expect(heard).toEqual(["waits", "answered 77"]);
  });

  it("gives the result of the call that was answered, and no more of it than a payload", () => {
    const channel = new CallChannel();
    channel.answer(1, 3, Buffer.from("abc"));
    const same = new CallChannel(channel.shared);
    expect(Buffer.from(same.await(1).result).toString()).toBe("abc");
    channel.answer(2, CALL_STATUS.PERMISSION_DENIED);
    expect(same.await(2)).toEqual({ status: -3, result: new Uint8Array() });
    channel.answer(3, 2 ** 31 - 1);
    expect(same.await(3).result).toHaveLength(GUEST_LIMITS.payloadBytes);
  });

  it("K2: the log takes what has room and says that more was lost; the next call begins with none", () => {
    const channel = new CallChannel();
    const guest = new CallChannel(channel.shared);
    guest.log(Buffer.from("hello\n"));
    expect(channel.readLog()).toEqual({ log: "hello\n", logTruncated: false });
    for (let n = 0; n < 100; n += 1) guest.log(Buffer.alloc(10_000, "x"));
    expect(channel.readLog()).toMatchObject({ logTruncated: true });
    expect(channel.readLog().log).toHaveLength(GUEST_LIMITS.logBytes);
    channel.clearLog();
    expect(channel.readLog()).toEqual({ log: "", logTruncated: false });
  });

  it("the code of a thread is one piece without imports but Node's own", async () => {
    const code = decodeURIComponent((await workerCode("guest-worker")).href);
    const imports = [...code.matchAll(/from"([^"]+)"/g)].map(([, name]) => name);
    expect(new Set(imports)).toEqual(new Set(["node:fs", "node:vm", "node:worker_threads"]));
  });
});

describe("what a guest sends and gets", () => {
  it.each([
    ["no JSON", "{"],
    ["no object", "[]"],
    ["no operation", '{"provider":"kv"}'],
    ["parameters that are no object", '{"provider":"kv","operation":"get","params":[]}'],
    ["members that nobody knows", '{"provider":"kv","operation":"get","params":{},"tenant_id":"rival"}'],
    ["a provider of megabytes", `{"provider":"${"k".repeat(1e5)}","operation":"get","params":{}}`],
    ["a very deep value", `{"provider":"kv","operation":"get","params":{"a":${"[".repeat(1e5)}${"]".repeat(1e5)}}}`],
    [
      "a very deep value behind brackets in a text",
      `{"provider":"kv","operation":"set","params":{"a":["\\"${"]".repeat(1e5)}",${"[".repeat(1e5)}${"]".repeat(1e5)}]}}`,
    ],
  ])("a request with %s is none", (_, text) => {
    expect(readCall(Buffer.from(text))).toBeUndefined();
  });

  it("a request is a provider, an operation and parameters", () => {
    expect(readCall(Buffer.from('{"provider":"kv","operation":"get"}'))).toEqual({
      provider: "kv",
      operation: "get",
      params: {},
    });
    expect(readCall(Buffer.from([0x7b, 0xff, 0x7d]))).toBeUndefined();
    const params = { "[": `\\"${"[".repeat(1_000)}` };
    expect(readCall(Buffer.from(JSON.stringify({ provider: "kv", operation: "get", params })))).toMatchObject({
      params,
    });
  });

  it("an error is a code below 0, whichever it is; a result is its JSON, or too large", () => {
    for (const errorCode of Object.keys(WASM_ERROR_STATUS) as WasmErrorCode[])
      expect(answerOf({ outcome: "error", errorCode, message: "x" }).status).toBeLessThan(0);
    expect(answerOf({ outcome: "result", result: { a: 1 } })).toEqual({ status: 7, result: Buffer.from('{"a":1}') });
    expect(answerOf({ outcome: "result", result: "x".repeat(GUEST_LIMITS.payloadBytes) })).toMatchObject({
      status: CALL_STATUS.RESOURCE_EXHAUSTED,
    });
  });
});
