import fc from "fast-check";
import { expect, it } from "vitest";

import { decodeText } from "../../../functions/content/parsing/text.ts";
import { cut, sourceOf } from "./byte-source.ts";

it("names the line and byte of the first invalid character, however the bytes are cut", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.string({ unit: fc.constantFrom("a", "\n", "é", "€", "😀") }),
      fc.constantFrom([0xff], [0xc3], [0xe2, 0x82], [0xf0, 0x9f, 0x98], [0x80], [0xed, 0xa0, 0x80]),
      fc.array(fc.nat(), { maxLength: 12 }),
      async (before, broken, places) => {
        const good = Buffer.from(before);
        const bytes = Buffer.concat([good, new Uint8Array(broken), Buffer.from("x\nmore\n")]);
        const reading = Array.fromAsync(decodeText(sourceOf(...cut(bytes, places))));
        await expect(reading).rejects.toMatchObject({
          code: "content.not_utf8",
          details: { line: before.split("\n").length, byte_offset: good.length },
        });
      },
    ),
    { numRuns: 500 },
  );
});

it("decodes in small pieces whatever the size of the chunks", async () => {
  const pieces = await Array.fromAsync(decodeText(sourceOf("é".repeat(500_000))));
  expect(pieces.join("")).toBe("é".repeat(500_000));
  expect(Math.max(...pieces.map((piece) => piece.length))).toBeLessThanOrEqual(65_536);
});

it("lets the byte order mark prevail over the stated encoding", async () => {
  const utf16 = Buffer.from("\uFEFFé", "utf16le");
  expect((await Array.fromAsync(decodeText(sourceOf(utf16), "windows-1252"))).join("")).toBe("é");
  expect((await Array.fromAsync(decodeText(sourceOf(utf16.swap16()), "utf-8"))).join("")).toBe("é");
});
