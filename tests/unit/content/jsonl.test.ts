import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { jsonlFormat } from "../../../functions/content/parsing/jsonl.ts";
import { cut, endless, refusal, rowsOf, sourceOf } from "./byte-source.ts";

const parse = jsonlFormat.parse;

describe("jsonl", () => {
  it("gives one row per line, passing over blank ones, with LF, CRLF or no end", async () => {
    expect(await rowsOf(parse, '{"a":1}\n\n  \r\n{"a":[1,{"b":null}]}\r\n{"a":"x"}')).toEqual([
      { a: 1 },
      { a: [1, { b: null }] },
      { a: "x" },
    ]);
  });

  it("makes the row {value} of what is no object", async () => {
    expect(await rowsOf(parse, '1\n"x"\nnull\n[1,2]\n')).toEqual([
      { value: 1 },
      { value: "x" },
      { value: null },
      { value: [1, 2] },
    ]);
  });

  it("keeps the digits of numbers that a double cannot hold, as text", async () => {
    expect(await rowsOf(parse, '{"id":12345678901234567890,"big":1e400,"ok":9007199254740991,"float":0.1}\n')).toEqual([
      { id: "12345678901234567890", big: "1e400", ok: 9007199254740991, float: 0.1 },
    ]);
  });

  it("keeps a member that is named __proto__ as an ordinary one", async () => {
    const [row] = await rowsOf(parse, '{"__proto__":{"polluted":12345678901234567890}}\n');
    expect(Object.keys(row ?? {})).toEqual(["__proto__"]);
    expect(Object.getPrototypeOf(row)).toBe(Object.prototype);
    expect(Reflect.get({}, "polluted")).toBeUndefined();
  });

  it.each([
    ["no byte", ""],
    ["blank lines", "\n \n\r\n"],
  ])("refuses a file of %s", async (_, text) => {
    expect((await refusal(parse, text)).code).toBe("content.empty_file");
  });

  it.each([
    ["a missing value", '{"a":1}\n\n{"a":}\n', 3, 6],
    ["a bare word", '{"a":x}\n', 1, 6],
    ["a cut line", '{"a":1\n{"b":2}\n', 1, 7],
    ["two values on a line", "{} {}\n", 1, 4],
    ["single quotes", "{'a':1}\n", 1, 2],
    ["an unclosed string", '{"a":"x\n', 1, 6],
    ["a bad escape", '["\\q"]\n', 1, 3],
    ["a control character in a string", '["\t"]\n', 1, 3],
    ["a trailing comma", "[1,]\n", 1, 4],
    ["a leading zero", "[01]\n", 1, 2],
    ["NaN", "[NaN]\n", 1, 2],
  ])("refuses %s, with line and column", async (_, text, line, column) => {
    const error = await refusal(parse, text);
    expect(error.code).toBe("content.jsonl_malformed");
    expect(error.details).toEqual({ line, column });
  });

  it("refuses values nested so deep that a walk through them would overflow", async () => {
    const error = await refusal(parse, "[".repeat(100_000) + "]".repeat(100_000));
    expect(error.code).toBe("content.jsonl_malformed");
    expect(error.details).toEqual({ line: 1, column: 257 });
  });

  it("refuses a line without end after a bounded length", async () => {
    const error = await refusal(parse, endless('{}\n{"a":"', "x".repeat(65_536)));
    expect(error.code).toBe("content.record_too_large");
    expect(error.details).toMatchObject({ line: 2 });
  });

  it("refuses invalid UTF-8", async () => {
    const error = await refusal(parse, sourceOf('{"a":1}\n{"a":"', new Uint8Array([0xc3, 0x28]), '"}\n'));
    expect(error.code).toBe("content.not_utf8");
    expect(error.details).toEqual({ line: 2, byte_offset: 14 });
  });

  it("lets go of the source when its consumer stops", async () => {
    const source = sourceOf('{"a":1}\n', '{"a":2}\n', '{"a":3}\n');
    for await (const _ of parse(source, {})) break;
    expect(source.released()).toBe(true);
  });

  it("gives back any records, however their bytes are cut", async () => {
    const record = fc.dictionary(fc.string({ unit: "grapheme" }), fc.jsonValue({ maxDepth: 3 }));
    await fc.assert(
      fc.asyncProperty(
        fc.array(record, { minLength: 1, maxLength: 6 }),
        fc.array(fc.nat(), { maxLength: 12 }),
        async (records, places) => {
          const lines = records.map((each) => JSON.stringify(each));
          const read = await rowsOf(parse, sourceOf(...cut(Buffer.from(lines.join("\n")), places)));
          expect(read.map((row) => JSON.stringify(row))).toEqual(
            lines.map((line) => JSON.stringify(JSON.parse(line, keepUnsafe))),
          );
        },
      ),
      { numRuns: 200 },
    );
  });
});

function keepUnsafe(_key: string, value: unknown, context?: { readonly source?: string }): unknown {
  const unsafe = typeof value === "number" && Number.isInteger(value) && !Number.isSafeInteger(value);
  return unsafe && /^-?\d+$/.test(context?.source ?? "") ? context?.source : value;
}
