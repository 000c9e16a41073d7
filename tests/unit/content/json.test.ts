import { createReadStream } from "node:fs";
import { readFile } from "node:fs/promises";

import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { jsonFormat } from "../../../functions/content/parsing/json.ts";
import { cut, endless, observe, refusal, rowsOf, sourceOf } from "./byte-source.ts";
import type { ByteSource } from "./byte-source.ts";

const parse = jsonFormat.parse;

describe("json", () => {
  it("gives the elements of an array, and {value} for those that are no objects", async () => {
    expect(await rowsOf(parse, ' [ {"a":1} , [2] , "x" , null , -1.5e3 , true ] \n')).toEqual([
      { a: 1 },
      { value: [2] },
      { value: "x" },
      { value: null },
      { value: -1500 },
      { value: true },
    ]);
  });

  it("says what stands beside the array that it takes, also when it streams", async () => {
    const told = async (text: string) => (await observe(parse, text)).notes.map(({ code, details }) => [code, details]);
    const note = (...members: string[]) => [["content.json_passed_over", { members }]];
    expect(await told('{"name":"x","files":[1],"type":{}}')).toEqual(note("name", "type"));
    const long = JSON.stringify("x".repeat(9 * 1024 * 1024));
    expect(await told(`{"name":"x","files":[${long},${long},1],"type":{}}`)).toEqual(note("name", "type"));
    expect(await told('{"files":[1]}')).toEqual([]);
    expect(await told('{"name":"x"}')).toEqual([]);
  });

  it("says what it found where a value should be", async () => {
    expect((await refusal(parse, '[{"a":1},]')).message).toBe('Line 1, column 10: expected a value, found "]".');
  });

  it("takes the only array of an object as its records", async () => {
    expect(await rowsOf(parse, '{"count":2,"data":[{"a":1},{"a":2}],"meta":{"x":[1]}}')).toEqual([{ a: 1 }, { a: 2 }]);
  });

  it.each([
    ["no array", '{"a":1,"b":{"c":[1]}}'],
    ["several arrays", '{"name":"x","tags":["a"],"links":["b"]}'],
  ])("takes an object with %s as one record", async (_, text) => {
    expect(await rowsOf(parse, text)).toEqual([JSON.parse(text)]);
  });

  it.each([
    ["a member", "b", [{ x: 2 }]],
    ["a dotted path", "c.d", [{ x: 3 }]],
    ["a pointer to a name with dot and slash", "/e.f~1g", [{ x: 4 }]],
    ["an object", "c", [{ d: [{ x: 3 }] }]],
  ])("finds the records by %s", async (_, recordPath, expected) => {
    const text = '{"a":[{"x":1}],"b":[{"x":2}],"c":{"d":[{"x":3}]},"e.f/g":[{"x":4}]}';
    expect(await rowsOf(parse, text, { record_path: recordPath })).toEqual(expected);
  });

  it.each([
    ["names no member", "z", '{"a":[]}'],
    ["ends at a plain value", "a", '{"a":1}'],
    ["goes through an array", "a.b", '{"a":[{"b":[1]}]}'],
    ["starts in an array", "a", '[{"a":[1]}]'],
  ])("refuses a record path that %s", async (_, recordPath, text) => {
    const error = await refusal(parse, text, { record_path: recordPath });
    expect(error.code).toBe("content.record_path_not_found");
  });

  it("keeps members named __proto__ as ordinary ones, in records and in the document", async () => {
    const rows = await rowsOf(parse, '{"__proto__":{"polluted":1}}');
    expect(JSON.stringify(rows)).toBe('[{"__proto__":{"polluted":1}}]');
    const [record] = await rowsOf(parse, '[{"__proto__":{"polluted":1}}]');
    expect(Object.getPrototypeOf(record)).toBe(Object.prototype);
    expect(Object.keys(record ?? {})).toEqual(["__proto__"]);
  });

  it.each([
    ["no byte", ""],
    ["white space", " \n "],
    ["an empty array", "[]"],
    ["an object whose only array is empty", '{"data":[],"count":0}'],
  ])("refuses a file of %s", async (_, text) => {
    expect((await refusal(parse, text)).code).toBe("content.empty_file");
  });

  it.each([
    ["a fault in a record", '[\n  {"a": 1},\n  {"a": x}\n]', 3, 9],
    ["a missing comma", '[{"a":1}\n {"a":2}]', 2, 2],
    ["a trailing comma", '[{"a":1},\n]', 2, 1],
    ["a cut array", '[{"a":1},', 1, 10],
    ["a cut record", '[{"a":1},{"b":', 1, 15],
    ["a plain value", "  42", 1, 3],
    ["half a character in a name", String.raw`[{"\\ud83d\ud83d\ude00":1},{"\ud800":1}]`, 1, 30],
    ["text after the document", "[1]\n[2]", 2, 1],
    ["a name without quotes", "{a:1}", 1, 2],
    ["a missing colon", '{"a" 1}', 1, 6],
    ["a wrong bracket", '{"a":[1}', 1, 8],
    ["one JSON object per line", '{"a":1}\n{"a":2}\n', 2, 1],
  ])("refuses %s, with line and column", async (_, text, line, column) => {
    const error = await refusal(parse, text);
    expect(error.code).toBe("content.json_malformed");
    expect(error.details).toEqual({ line, column });
  });

  it("refuses a fault in a part that the record path passes over", async () => {
    const error = await refusal(parse, '{"skipped":[{"a":}],"data":[1]}', { record_path: "data" });
    expect(error.code).toBe("content.json_malformed");
    expect(error.details).toEqual({ line: 1, column: 18 });
  });

  it.each([
    ["in a record", "[".repeat(50_000), undefined],
    ["on the way to the records", '{"a":'.repeat(50_000), "b"],
  ])("refuses values nested without end %s", async (_, text, recordPath) => {
    const error = await refusal(parse, text, { record_path: recordPath });
    expect(error.code).toBe("content.json_malformed");
  });

  it.each([
    ["a record", '[{"a":1},\n{"a":"'],
    ["a member", '\n{"a":"'],
  ])("refuses %s without end after a bounded length", async (_, first) => {
    const error = await refusal(parse, endless(first, "x".repeat(65_536)));
    expect(error.code).toBe("content.record_too_large");
    expect(error.details).toMatchObject({ line: 2 });
  });

  it("refuses invalid UTF-8", async () => {
    expect((await refusal(parse, sourceOf('["', new Uint8Array([0xff]), '"]'))).code).toBe("content.not_utf8");
  });

  it("gives back any document, however its bytes are cut", async () => {
    const record = fc.dictionary(fc.string({ unit: "grapheme" }), fc.jsonValue({ maxDepth: 3 }));
    const safe = fc
      .array(record, { minLength: 1, maxLength: 6 })
      .filter((each) => !/\d{16}/.test(JSON.stringify(each)));
    await fc.assert(
      fc.asyncProperty(
        safe,
        fc.constantFrom(undefined, 2),
        fc.array(fc.nat(), { maxLength: 12 }),
        async (records, indent, places) => {
          const chunks = (text: string): ByteSource => sourceOf(...cut(Buffer.from(text), places));
          const expected = records.map((each) => JSON.stringify(each));
          const bare = await rowsOf(parse, chunks(JSON.stringify(records, null, indent)));
          const wrapped = await rowsOf(parse, chunks(JSON.stringify({ n: 1, rows: records, t: "x" }, null, indent)));
          expect(bare.map((row) => JSON.stringify(row))).toEqual(expected);
          expect(wrapped).toEqual(bare);
        },
      ),
      { numRuns: 200 },
    );
  });
});

describe("json of any size", () => {
  const record = `{"text":"${"x".repeat(65_536)}"}`;
  const many = Array.from({ length: 300 }, (_, index) => `${index === 0 ? "" : ","}${record}`);

  it("streams the only array of an object once it is longer than one row may be", async () => {
    const source = sourceOf('{"count":300,"rows":[', ...many, '],"end":{"of":["file"]}}');
    let rows = 0;
    let pulledAtFirstRow = 0;
    for await (const _ of parse(source, {})) {
      if (rows === 0) pulledAtFirstRow = source.pulled();
      rows += 1;
    }
    expect(rows).toBe(300);
    expect(pulledAtFirstRow).toBeLessThan(270);
  });

  it("refuses a second array when it has streamed the first", async () => {
    const error = await refusal(parse, sourceOf('{"rows":[', ...many, '],"more":[]}'));
    expect(error.code).toBe("content.record_path_needed");
  });

  it("passes over long members on the way to the records", async () => {
    const source = sourceOf('{"other":{"long":[', ...many, ']},"rows":[1]}');
    expect(await rowsOf(parse, source, { record_path: "rows" })).toEqual([{ value: 1 }]);
  });

  it("lets go of the source when its consumer stops", async () => {
    const source = sourceOf("[", ...many, "]");
    for await (const _ of parse(source, {})) break;
    expect(source.released()).toBe(true);
    expect(source.pulled()).toBeLessThan(6);
  });
});

describe("json of vega-datasets", () => {
  const data = "node_modules/vega-datasets/data/";

  it.each(["cars.json", "movies.json", "barley.json", "gapminder.json", "countries.json", "obesity.json"])(
    "reads %s as JSON.parse does",
    async (file) => {
      const whole: unknown = JSON.parse(await readFile(data + file, "utf8"));
      expect(await rowsOf(parse, createReadStream(data + file, { highWaterMark: 1_021 }))).toEqual(whole);
    },
  );

  it("finds the nodes and the links of miserables.json", async () => {
    const nodes = await rowsOf(parse, createReadStream(`${data}miserables.json`), { record_path: "nodes" });
    const links = await rowsOf(parse, createReadStream(`${data}miserables.json`), { record_path: "links" });
    expect([nodes.length, links.length]).toEqual([77, 254]);
  });

  it("finds the arcs of a TopoJSON file", async () => {
    const arcs = await rowsOf(parse, createReadStream(`${data}us-10m.json`), {
      record_path: "objects.states.geometries",
    });
    expect(arcs).toHaveLength(53);
    expect(arcs[0]).toHaveProperty("type");
  });
});
