import { setImmediate } from "node:timers/promises";
import { deflateRawSync } from "node:zlib";

import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { RuntimeError } from "../../../shared/errors.ts";
import type { Parse } from "../../../functions/content/parsing/parser.ts";
import { DEFAULT_XLSX_LIMITS } from "../../../functions/content/parsing/xlsx-archive.ts";
import type { XlsxLimits } from "../../../functions/content/parsing/xlsx-archive.ts";
import { readXlsx, xlsxFormat } from "../../../functions/content/parsing/xlsx.ts";
import { refusal, rowsOf, sourceOf } from "./byte-source.ts";
import { sheetRows, workbookMembers, workbookOf } from "./workbook-fixture.ts";
import { zipOf } from "./zip-fixture.ts";

const parse = xlsxFormat.parse;
const SHEET = "xl/worksheets/sheet1.xml";
const table = sheetRows([
  ["a", "b"],
  [1, "x"],
]);
const within =
  (limits: Partial<XlsxLimits>): Parse =>
  (source, options, events) =>
    readXlsx(source, options, events, { ...DEFAULT_XLSX_LIMITS, ...limits });
/** A workbook whose only sheet is this XML. */
const withSheet = (xml: string) => sourceOf(workbookOf({ sheets: { S: "" }, members: [{ name: SHEET, data: xml }] }));
const inSheet = (rows: string) => withSheet(`<worksheet><sheetData>${rows}</sheetData></worksheet>`);

describe("xlsx bombs", () => {
  it("refuses a part that unpacks far beyond its size, after a bounded part of it", async () => {
    const bomb = `<worksheet><sheetData>${" ".repeat(40 * 1024 * 1024)}</sheetData></worksheet>`;
    const error = await refusal(parse, withSheet(bomb));
    expect(error.code).toBe("content.xlsx_too_large");
    expect(error.details).toEqual({ max_ratio: 100 });
  });

  it("believes the bytes and not a directory that claims a small size", async () => {
    const deflated = deflateRawSync(Buffer.alloc(30 * 1024 * 1024, " "));
    const members = workbookMembers({
      sheets: { S: "" },
      members: [{ name: SHEET, data: "", deflated, claims: { inflatedBytes: 1_000 } }],
    });
    const error = await refusal(parse, sourceOf(zipOf(members)));
    expect(error.code).toBe("content.xlsx_malformed");
    expect(error.details).toMatchObject({ part: SHEET });
  });

  it("bounds what all parts together unpack to", async () => {
    const strings = Array.from({ length: 100 }, (_, index) => `<t>${index} ${"x".repeat(1_000)}</t>`);
    const source = () => sourceOf(workbookOf({ sheets: { S: table }, strings }));
    expect(await rowsOf(within({ inflatedBytes: 200_000 }), source())).toHaveLength(1);
    const error = await refusal(within({ inflatedBytes: 100_000 }), source());
    expect(error.code).toBe("content.xlsx_too_large");
    expect(error.details).toEqual({ max_inflated_bytes: 100_000 });
  });

  it("bounds the shared strings that stay in memory", async () => {
    const source = sourceOf(workbookOf({ sheets: { S: table }, strings: Array.from({ length: 100 }, () => "") }));
    const error = await refusal(within({ sharedChars: 1_000 }), source);
    expect(error.details).toEqual({ max_shared_chars: 1_000 });
  });

  it("bounds the rows that few bytes can stand for: one long text in every cell, or one cell in column XFD", async () => {
    const rows = Array.from({ length: 50 }, (_, row) => `<row r="${row + 2}"><c t="s"><v>0</v></c></row>`).join("");
    const long = workbookOf({ sheets: { S: sheetRows([["a"]]) + rows }, strings: [`<t>${"x".repeat(1_000)}</t>`] });
    const wide = workbookOf({
      sheets: { S: '<row r="1"><c r="XFD1"><v>1</v></c></row><row r="2"><c r="A2"><v>1</v></c></row>' },
    });
    for (const bytes of [long, wide]) {
      const error = await refusal(within({ outputChars: 20_000 }), sourceOf(bytes));
      expect(error.code).toBe("content.xlsx_too_large");
      expect(error.details).toEqual({ max_output_chars: 20_000 });
    }
  });

  it("bounds one row", async () => {
    const cells = '<c t="s"><v>0</v></c>'.repeat(1_000);
    const source = sourceOf(
      workbookOf({ sheets: { S: `<row r="1">${cells}</row>` }, strings: [`<t>${"x".repeat(32_767)}</t>`] }),
    );
    expect((await refusal(parse, source, { has_header: false })).code).toBe("content.record_too_large");
  });

  it("reading places, P1: of many large ones at once one is held at a time, whoever sent them", async () => {
    const file = workbookOf({ sheets: { S: table } });
    const held = { now: 0, most: 0 };
    const read = async (tenantId: string): Promise<void> => {
      const source = (async function* open() {
        held.now += 1;
        held.most = Math.max(held.most, held.now);
        yield await Promise.resolve(file);
      })();
      // Its only row: what comes next may begin once this reader is at its end.
      for await (const _ of parse(source, {}, { sizeBytes: 50_000_000, tenantId })) {
        await setImmediate();
        held.now -= 1;
      }
    };
    await Promise.all(["a", "a", "b", "c"].map(read));
    expect(held).toEqual({ now: 0, most: 1 });
  });

  it("bounds the number of parts", async () => {
    const members = Array.from({ length: 2_001 }, (_, index) => ({ name: `${index}`, data: "" }));
    const error = await refusal(parse, sourceOf(zipOf(members)));
    expect(error.code).toBe("content.xlsx_too_large");
    expect(error.details).toEqual({ max_entries: 2_000 });
  });

  it("bounds the packed file, without reading the rest of it", async () => {
    const source = sourceOf("PK", ...Array.from({ length: 10 }, () => "x".repeat(1_000)));
    const error = await refusal(within({ fileBytes: 2_500 }), source);
    expect(error.details).toEqual({ max_file_bytes: 2_500 });
    expect(source.pulled()).toBe(4);
    expect(source.released()).toBe(true);
  });
});

describe("xlsx refuses XML", () => {
  it.each([
    ["with entities that multiply", '<!DOCTYPE w [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><worksheet>&b;</worksheet>'],
    ["with an entity from outside", '<!DOCTYPE w [<!ENTITY x SYSTEM "file:///etc/passwd">]><worksheet>&x;</worksheet>'],
    ["with an entity that it does not define", "<worksheet><sheetData>&x;</sheetData></worksheet>"],
    ["that is cut", "<worksheet><sheetData><row>"],
    ["that is none", "a,b\n1,2\n"],
    ["with tags without end", "<worksheet>".repeat(1_000)],
    ["with attributes without end", `<worksheet ${Array.from({ length: 300 }, (_, n) => `a${n}=""`).join(" ")}/>`],
  ])("%s", async (_, xml) => {
    const error = await refusal(parse, withSheet(xml));
    expect(error.code).toBe("content.xlsx_malformed");
    expect(error.details).toMatchObject({ part: SHEET });
  });

  it("that is not UTF-8", async () => {
    const data = Buffer.from("<worksheet>caf\xe9</worksheet>", "latin1");
    const source = sourceOf(workbookOf({ sheets: { S: "" }, members: [{ name: SHEET, data }] }));
    expect((await refusal(parse, source)).code).toBe("content.not_utf8");
  });

  it.each([
    ["a shared text that is not there", '<row r="1"><c r="A1" t="s"><v>7</v></c></row>', "A1"],
    ["a shared text by a name", '<row r="1"><c r="A1" t="s"><v>__proto__</v></c></row>', "A1"],
    ["a number that is none", '<row r="1"><c r="B1"><v>1x</v></c></row>', "B1"],
    ["a number beyond all", '<row r="1"><c r="B1"><v>1e999</v></c></row>', "B1"],
    ["an unknown type of cell", '<row r="1"><c r="A1" t="z"><v>1</v></c></row>', "A1"],
  ])("with %s, and names the cell", async (_, rows, cell) => {
    const error = await refusal(parse, inSheet(rows));
    expect(error.code).toBe("content.xlsx_malformed");
    expect(error.details).toMatchObject({ sheet: "S", cell });
  });

  it.each([
    ["a cell of another row", '<row r="1"><c r="A2"><v>1</v></c></row>'],
    ["a cell without a column", '<row r="1"><c r="1"><v>1</v></c></row>'],
    ["rows that go back", '<row r="2"/><row r="1"/>'],
    ["a row beyond the last", '<row r="1048577"/>'],
    ["a row of no number", '<row r="x"/>'],
  ])("with %s", async (_, rows) => {
    expect((await refusal(parse, inSheet(rows))).code).toBe("content.xlsx_malformed");
  });

  it.each([
    ["by reference", '<row r="1"><c r="XFE1"><v>1</v></c></row>'],
    ["by count", `<row>${"<c/>".repeat(16_385)}</row>`],
  ])("with a column beyond the last, %s", async (_, rows) => {
    expect((await refusal(parse, inSheet(rows))).code).toBe("content.too_many_columns");
  });
});

describe("xlsx refuses files", () => {
  const good = workbookOf({ sheets: { S: table } });

  it.each([
    ["is no zip", Buffer.from("a,b\n1,2\n"), "content.xlsx_malformed"],
    ["is empty", Buffer.alloc(0), "content.empty_file"],
    ["is cut", good.subarray(0, good.length - 30), "content.xlsx_malformed"],
    ["is a zip of something else", zipOf([{ name: "readme.txt", data: "hello" }]), "content.xlsx_malformed"],
    ["is an empty zip", zipOf([]), "content.xlsx_malformed"],
    ["is an old .xls", Buffer.from("d0cf11e0a1b11ae1".padEnd(2_000, "0"), "hex"), "content.xlsx_malformed"],
    [
      "is encrypted by Excel",
      Buffer.concat([Buffer.from("d0cf11e0a1b11ae1", "hex"), Buffer.from("..EncryptedPackage", "utf16le")]),
      "content.xlsx_encrypted",
    ],
  ])("that %s", async (_, bytes, code) => {
    expect((await refusal(parse, sourceOf(bytes))).code).toBe(code);
  });

  it.each([
    ["is encrypted", { encrypted: true }, "content.xlsx_encrypted"],
    ["has another checksum", { claims: { crc: 1 } }, "content.xlsx_malformed"],
    ["is damaged", { deflated: Buffer.from("this is not deflated") }, "content.xlsx_malformed"],
    ["is shorter than it claims", { claims: { inflatedBytes: 1_000_000 } }, "content.xlsx_malformed"],
  ])("with a part that %s", async (_, how, code) => {
    const data = `<worksheet><sheetData>${table}</sheetData></worksheet>`;
    const bytes = workbookOf({ sheets: { S: "" }, members: [{ name: SHEET, data, ...how }] });
    expect((await refusal(parse, sourceOf(bytes))).code).toBe(code);
  });

  it.each([
    ["no sheet", workbookOf({ sheets: {} })],
    [
      "a sheet that is not there",
      zipOf(workbookMembers({ sheets: { S: table } }).filter(({ name }) => name !== SHEET)),
    ],
    ["a part twice", zipOf([...workbookMembers({ sheets: { S: table } }), { name: SHEET.toUpperCase(), data: "" }])],
  ])("with %s", async (_, bytes) => {
    expect((await refusal(parse, sourceOf(bytes))).code).toBe("content.xlsx_malformed");
  });

  it("with any bytes changed, by a RuntimeError or not at all, and never hangs", async () => {
    const change = fc.record({ at: fc.nat({ max: good.length - 1 }), to: fc.nat({ max: 255 }) });
    await fc.assert(
      fc.asyncProperty(fc.array(change, { minLength: 1, maxLength: 4 }), async (changes) => {
        const bytes = Buffer.from(good);
        for (const { at, to } of changes) bytes[at] = to;
        try {
          await rowsOf(parse, sourceOf(bytes));
        } catch (error) {
          if (!(error instanceof RuntimeError) || error.status !== 422) throw error;
        }
      }),
      { numRuns: 500 },
    );
  });
});
