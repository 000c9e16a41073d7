import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { encodeFrame, type Frame, readFrames } from "../../../infra/adapters/wasm-runner/frames.ts";
import { fromRunner, readMessage, toRunner } from "../../../infra/adapters/wasm-runner/messages.ts";

const LIMITS = { headerBytes: 4_096, bodyBytes: 4_096 };

async function* inPieces(bytes: Uint8Array, sizes: readonly number[]): AsyncGenerator<Uint8Array> {
  let at = 0;
  for (let piece = 0; at < bytes.length; piece += 1) {
    const size = sizes[piece % sizes.length] ?? 1;
    yield bytes.subarray(at, at + size);
    at += size;
  }
}

describe("the frames of a call's stream", () => {
  it("come out as they went in, however the stream is cut into pieces", async () => {
    const header = fc.dictionary(fc.string(), fc.oneof(fc.string(), fc.integer(), fc.boolean()), { maxKeys: 5 });
    const frames = fc.array(fc.tuple(header, fc.uint8Array({ maxLength: 300 })), { maxLength: 8 });
    const sizes = fc.array(fc.integer({ min: 1, max: 500 }), { minLength: 1, maxLength: 5 });
    await fc.assert(
      fc.asyncProperty(frames, sizes, async (sent, cuts) => {
        const stream = Buffer.concat(sent.map(([head, body]) => encodeFrame(head, body)));
        const read: Frame[] = await Array.fromAsync(readFrames(inPieces(stream, cuts), LIMITS));
        expect(read.map(({ header: head, body }) => [head, [...body]])).toEqual(
          sent.map(([head, body]) => [JSON.parse(JSON.stringify(head)) as unknown, [...body]]),
        );
      }),
    );
  });

  it("16: bytes that are no frames, or too large, or cut off, are a FrameFault and nothing else", async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ minLength: 1, maxLength: 64 }), async (bytes) => {
        const reading = Array.fromAsync(readFrames(inPieces(bytes, [7]), LIMITS));
        const names = await reading.then(
          (frames) => frames.map(() => "frame"),
          (error: unknown) => [(error as Error).name],
        );
        expect(["frame", "FrameFault"]).toEqual(expect.arrayContaining(names));
      }),
    );
  });

  it("16: a message conforms to its schema or is a FrameFault, whichever way it goes", () => {
    fc.assert(
      fc.property(fc.json(), (text) => {
        const frame = { header: JSON.parse(text) as unknown, body: new Uint8Array() };
        for (const schema of [toRunner, fromRunner])
          expect(() => readMessage<unknown>(schema, frame)).toThrow(/does not conform/);
      }),
    );
    const call = { kind: "call", tenant_id: "acme", instance_id: "i", digest: "0".repeat(64), deadline_ms: 1_000 };
    expect(readMessage(toRunner, { header: call, body: new Uint8Array() })).toEqual(call);
    const more = { header: { ...call, secret: 1 }, body: new Uint8Array() };
    expect(() => readMessage(toRunner, more)).toThrow(/does not conform/);
  });
});
