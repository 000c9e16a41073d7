import { readFile } from "node:fs/promises";
import { createReadStream } from "node:fs";

import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { csvFormat, tsvFormat } from "../../../functions/content/parsing/csv.ts";
import { cut, endless, observe, refusal, rowsOf, sourceOf } from "./byte-source.ts";

const parse = csvFormat.parse;

describe("csv", () => {
  it("gives every value as the text that stands in the file", async () => {
    expect(await rowsOf(parse, "name,zip,empty\nAnn,02134,\n")).toEqual([{ name: "Ann", zip: "02134", empty: "" }]);
  });

  it("reads quoted delimiters, doubled quotes and line breaks inside quotes", async () => {
    expect(await rowsOf(parse, 'a,b\r\n"x, ""y""","1\r\n2"\r\n')).toEqual([{ a: 'x, "y"', b: "1\r\n2" }]);
  });

  it.each([
    ["LF", "\n"],
    ["CRLF", "\r\n"],
    ["CR", "\r"],
  ])("takes %s as the end of a record, with and without one at the end of the file", async (_, end) => {
    const expected = [{ a: "1", b: "2" }];
    expect(await rowsOf(parse, ["a,b", "1,2", ""].join(end))).toEqual(expected);
    expect(await rowsOf(parse, ["a,b", "1,2"].join(end))).toEqual(expected);
  });

  it("takes Excel's word for the delimiter, and counts that line", async () => {
    expect(await rowsOf(parse, "sep=;\r\na,b;c\r\n1;2\r\n")).toEqual([{ "a,b": "1", c: "2" }]);
    expect(await rowsOf(parse, "sep=;\na;b|c\n", { delimiter: "|", has_header: false })).toEqual([
      { column_1: "a;b", column_2: "c" },
    ]);
    const ragged = await refusal(parse, "sep=;\na;b\n1;2\n3\n");
    expect(ragged.details).toMatchObject({ line: 4 });
    expect((await refusal(parse, 'sep=;\na;b\n"1;2\n')).details).toMatchObject({ line: 3 });
  });

  it("passes over blank lines but keeps a quoted empty value", async () => {
    expect(await rowsOf(parse, '\na\n\n1\n\n""\n\n')).toEqual([{ a: "1" }, { a: "" }]);
  });

  it("drops a byte order mark, even when it arrives byte by byte", async () => {
    const bytes = Buffer.from("\uFEFFa,b\n1,2\n");
    expect(await rowsOf(parse, sourceOf(...cut(bytes, [1, 2, 3, 4])))).toEqual([{ a: "1", b: "2" }]);
  });

  it.each([",", ";", "\t", "|"])("finds out that the delimiter is %j", async (delimiter) => {
    const text = `a${delimiter}b\n"x,;\t|y"${delimiter}1\n2${delimiter}3\n`;
    expect(await rowsOf(parse, text)).toEqual([
      { a: "x,;\t|y", b: "1" },
      { a: "2", b: "3" },
    ]);
  });

  it("is not misled by decimal commas in a file with semicolons", async () => {
    expect(await rowsOf(parse, "x;y\n1,5;2,5\n2,5;3,5\n")).toEqual([
      { x: "1,5", y: "2,5" },
      { x: "2,5", y: "3,5" },
    ]);
  });

  it("obeys the delimiter that it is told, and a tab for TSV", async () => {
    expect(await rowsOf(parse, "a:b,c\n1:2,3\n", { delimiter: ":" })).toEqual([{ a: "1", "b,c": "2,3" }]);
    expect(await rowsOf(tsvFormat.parse, "a,b\n1,2\n")).toEqual([{ "a,b": "1,2" }]);
  });

  it("names the columns by position when there is no header", async () => {
    const { rows, columns } = await observe(parse, "1,2\n3,4\n", { has_header: false });
    expect(columns).toEqual([["column_1", "column_2"]]);
    expect(rows).toEqual([
      { column_1: "1", column_2: "2" },
      { column_1: "3", column_2: "4" },
    ]);
  });

  it("makes empty and repeated names unique, without taking a later name, and says so", async () => {
    const { columns, notes } = await observe(parse, "a,a,,a_2,a, a \n1,2,3,4,5,6\n");
    expect(columns).toEqual([["a", "a_3", "column_3", "a_2", "a_4", "a_5"]]);
    expect(notes.map((note) => [note.code, note.details["position"]])).toEqual([
      ["content.column_renamed", 2],
      ["content.column_renamed", 3],
      ["content.column_renamed", 5],
      ["content.column_renamed", 6],
    ]);
  });

  it("tells the columns in file order although number-like names come first in an object", async () => {
    const { rows, columns } = await observe(parse, "country,2021,2020\nFR,1,2\n");
    expect(columns).toEqual([["country", "2021", "2020"]]);
    expect(rows).toEqual([{ country: "FR", "2021": "1", "2020": "2" }]);
  });

  it("keeps a column that is named __proto__ as an ordinary one", async () => {
    const [row] = await rowsOf(parse, "__proto__,constructor,toString\nx,y,z\n");
    expect(JSON.stringify(row)).toBe('{"__proto__":"x","constructor":"y","toString":"z"}');
    expect(Object.getPrototypeOf(row)).toBe(Object.prototype);
    expect(Object.hasOwn(Object.prototype, "x")).toBe(false);
  });

  it.each([
    ["utf-16le with a mark", Buffer.from("\uFEFFa,b\né,2\n", "utf16le"), {}],
    ["utf-16le as told", Buffer.from("a,b\né,2\n", "utf16le"), { encoding: "utf-16le" as const }],
    ["windows-1252 as told", Buffer.from("a,b\né,2\n", "latin1"), { encoding: "windows-1252" as const }],
  ])("decodes %s", async (_, bytes, options) => {
    expect(await rowsOf(parse, sourceOf(bytes), options)).toEqual([{ a: "é", b: "2" }]);
  });
});

describe("csv refuses", () => {
  it.each([
    ["no byte", ""],
    ["blank lines", "\n\r\n\n"],
    ["a header without rows", "a,b\n"],
  ])("a file of %s", async (_, text) => {
    expect((await refusal(parse, text)).code).toBe("content.empty_file");
  });

  it.each([
    ["too few fields", "a,b\n1,2\n3\n", 3, 1],
    ["too many fields", "a,b\n1,2,3\n", 2, 3],
    ["a ragged row after CRLF inside quotes", 'a,b\r\n"x\r\ny",2\r\n"z\r\n"\r\n', 5, 1],
  ])("%s, with the line", async (_, text, line, fields) => {
    const error = await refusal(parse, text);
    expect(error.code).toBe("content.csv_malformed");
    expect(error.details).toMatchObject({ line, fields, expected_fields: 2 });
  });

  it.each([
    ["text after a closing quote", 'a,b\n1,"2"x\n', 2, 2],
    ["a quote inside a bare field", 'a,b\n1,2\n1"2,3\n', 3, 1],
    ["a quote that is never closed, where its record starts", 'a,b\n\n1,"2\n3\n4\n', 3, 2],
  ])("%s, with line and column", async (_, text, line, column) => {
    const error = await refusal(parse, text);
    expect(error.code).toBe("content.csv_malformed");
    expect(error.details).toEqual({ line, column });
  });

  it("invalid UTF-8, with the line and the byte", async () => {
    const error = await refusal(parse, sourceOf("a,b\n1,2\n", Buffer.from("caf\xe9,2\n", "latin1")));
    expect(error.code).toBe("content.not_utf8");
    expect(error.details).toEqual({ line: 3, byte_offset: 11 });
  });

  it("a character that the end of the file cuts", async () => {
    expect((await refusal(parse, sourceOf("a\n", Buffer.from("é").subarray(0, 1)))).code).toBe("content.not_utf8");
  });

  it("UTF-16 without a mark, which would pass as UTF-8 with NUL characters", async () => {
    const error = await refusal(parse, sourceOf(Buffer.from("a,b\n1,2\n", "utf16le")));
    expect(error.code).toBe("content.not_utf8");
  });

  it("bytes that are not in the encoding it was told", async () => {
    const error = await refusal(parse, sourceOf(new Uint8Array([0x61, 0x00, 0x00, 0xdc, 0x61, 0x00])), {
      encoding: "utf-16le",
    });
    expect(error.code).toBe("content.wrong_encoding");
  });

  it("more columns than a row may have", async () => {
    expect((await refusal(parse, `${"a,".repeat(16_384)}a\n`)).code).toBe("content.too_many_columns");
  });

  it("a column name without end", async () => {
    expect((await refusal(parse, `${"a".repeat(1_025)}\n1\n`)).code).toBe("content.column_name_too_long");
  });

  it.each([
    ["an unclosed quote", 'a,b\n1,"', "x".repeat(65_536)],
    ["fields", "a,b\n1", ",".repeat(65_536)],
  ])("a record with %s for ever, after a bounded length", { timeout: 30_000 }, async (_, first, chunk) => {
    const error = await refusal(parse, endless(first, chunk), { delimiter: "," });
    expect(error.code).toBe("content.record_too_large");
    expect(error.details).toMatchObject({ line: 2 });
  });
});

describe("csv streams", () => {
  it("gives the rows before a fault before it throws", async () => {
    const seen: unknown[] = [];
    const reading = async (): Promise<void> => {
      for await (const row of parse(sourceOf("a,b\n1,2\n3\n"), {})) seen.push(row);
    };
    await expect(reading()).rejects.toMatchObject({ code: "content.csv_malformed" });
    expect(seen).toEqual([{ a: "1", b: "2" }]);
  });

  it("reads no further than its consumer, and lets go of the source when that stops", async () => {
    const source = sourceOf("a,b\n", ...Array.from({ length: 100 }, () => "1,2\n".repeat(10_000)));
    for await (const row of parse(source, {})) {
      expect(row).toEqual({ a: "1", b: "2" });
      break;
    }
    expect(source.released()).toBe(true);
    expect(source.pulled()).toBeLessThan(6);
  });

  it("passes on the error of a source that fails", async () => {
    async function* failing(): AsyncGenerator<Uint8Array, void> {
      yield Buffer.from("a,b\n1,2\n");
      throw new Error("the network is down");
    }
    await expect(rowsOf(parse, failing())).rejects.toThrow("the network is down");
  });

  it("gives back any table that was written by the rules, however its bytes are cut", async () => {
    const field = fc.oneof(
      fc.string({ unit: "grapheme" }),
      fc.string({ unit: fc.constantFrom('"', ",", ";", "\n", "\r", " ", "a", "é", "😀") }),
    );
    const table = fc
      .integer({ min: 2, max: 5 })
      .chain((width) =>
        fc.array(fc.array(field, { minLength: width, maxLength: width }), { minLength: 1, maxLength: 8 }),
      )
      .filter((rows) => !rows.flat().some((value) => value.includes("\0")));
    await fc.assert(
      fc.asyncProperty(
        table,
        fc.constantFrom("\n", "\r\n"),
        fc.array(fc.nat(), { maxLength: 12 }),
        async (rows, end, places) => {
          const quoted = (value: string): string => `"${value.replaceAll('"', '""')}"`;
          const text = rows.map((row) => row.map(quoted).join(",") + end).join("");
          const read = await rowsOf(parse, sourceOf(...cut(Buffer.from(text), places)), {
            has_header: false,
            delimiter: ",",
          });
          expect(read.map((row) => Object.values(row))).toEqual(rows);
        },
      ),
      { numRuns: 300 },
    );
  });
});

describe("csv of vega-datasets", () => {
  const data = "node_modules/vega-datasets/data/";

  // None of these has quotes, so that splitting is an independent reading.
  it.each(["seattle-weather.csv", "stocks.csv", "us-employment.csv", "iowa-electricity.csv"])(
    "reads %s as a reader that only splits does",
    async (file) => {
      const [header = "", ...lines] = (await readFile(data + file, "utf8")).trimEnd().split(/\r?\n/);
      const rows = await rowsOf(parse, createReadStream(data + file, { highWaterMark: 1_021 }));
      expect(rows.map((row) => Object.values(row).join(","))).toEqual(lines);
      expect(Object.keys(rows[0] ?? {}).join(",")).toBe(header);
    },
  );

  it("reads airports.csv, which has quoted commas", async () => {
    const rows = await rowsOf(parse, createReadStream(`${data}airports.csv`));
    expect(rows).toHaveLength(3376);
    expect(rows[0]).toMatchObject({ iata: "00M", name: "Thigpen", state: "MS" });
    expect(rows.some((row) => String(row["name"]).includes(","))).toBe(true);
  });

  it("reads unemployment.tsv and finds its tabs", async () => {
    const rows = await rowsOf(parse, createReadStream(`${data}unemployment.tsv`));
    expect(rows[0]).toEqual({ id: "1001", rate: ".097" });
  });
});
