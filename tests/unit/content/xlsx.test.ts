import { Readable } from "node:stream";

import { describe, expect, it } from "vitest";
import writeExcelFile from "write-excel-file/node";

import { xlsxFormat } from "../../../functions/content/parsing/xlsx.ts";
import { observe, refusal, rowsOf, sourceOf } from "./byte-source.ts";
import { sheetRows, workbookOf } from "./workbook-fixture.ts";
import type { WorkbookFixture } from "./workbook-fixture.ts";

const parse = xlsxFormat.parse;
const header = (...names: string[]): string => sheetRows([names]);
const book = (fixture: WorkbookFixture) => sourceOf(workbookOf(fixture));

describe("xlsx", () => {
  it("reads a sheet as Excel writes it: shared and rich text, formulas, numbers, booleans, dates, gaps", async () => {
    const source = book({
      strings: [
        "<t>name</t>",
        '<t xml:space="preserve"> joined </t>',
        "<t>active</t>",
        '<r><rPr><b/></rPr><t>Mül</t></r><r><t>ler</t></r><rPh sb="0" eb="1"><t>phonetic</t></rPh>',
        "<t>line_x000D_\nbreak &amp; &#x20AC;</t>",
        "<t>total</t>",
      ],
      formats: [14, "#,##0.00"],
      sheets: {
        People:
          '<row r="1" spans="1:5"><c r="A1" t="s"><v>0</v></c><c r="B1" t="s"><v>1</v></c><c r="C1" t="s"><v>2</v></c><c r="D1" t="s"><v>5</v></c></row>' +
          '<row r="2"><c r="A2" t="s"><v>3</v></c><c r="B2" s="1"><v>45352</v></c><c r="C2" t="b"><v>1</v></c><c r="D2" s="2"><f>SUM(1,2)</f><v>1234.5</v></c></row>' +
          '<row r="3"/><row r="5"><c r="A5" t="s"><v>4</v></c><c r="B5" s="1"/><c r="D5" t="str"><f>"a"&amp;"b"</f><v>ab</v></c></row>',
      },
    });
    const { rows, columns, notes } = await observe(parse, source);
    expect(columns).toEqual([["name", "joined", "active", "total"]]);
    expect(rows).toEqual([
      { name: "Müller", joined: "2024-03-01", active: true, total: 1234.5 },
      { name: "line\r\nbreak & €", joined: null, active: null, total: "ab" },
    ]);
    expect(notes).toEqual([]);
  });

  it("reads what an independent writer writes", async () => {
    const written = await writeExcelFile([
      [{ value: "name" }, { value: "born" }, { value: "score" }, { value: "ok" }],
      [
        { value: "Zoë <&>", type: String },
        { value: new Date(Date.UTC(1999, 11, 31, 13, 45)), type: Date, format: "yyyy-mm-dd hh:mm" },
        { value: -0.125, type: Number },
        { value: false, type: Boolean },
      ],
      [null, { value: new Date(Date.UTC(2024, 1, 29)), type: Date, format: "d mmmm yyyy" }, { value: 7, type: Number }],
    ]).toBuffer();
    expect(await rowsOf(parse, sourceOf(written))).toEqual([
      { name: "Zoë <&>", born: "1999-12-31T13:45:00", score: -0.125, ok: false },
      { name: null, born: "2024-02-29", score: 7, ok: null },
    ]);
  });

  it("takes the first visible sheet, or the one of the given name in any case", async () => {
    const fixture = {
      sheets: {
        Hidden: sheetRows([["a"], [1]]),
        First: sheetRows([["a"], [2]]),
        Second: sheetRows([["a"], [3]]),
      },
      hidden: ["Hidden"],
    };
    expect(await rowsOf(parse, book(fixture))).toEqual([{ a: 2 }]);
    expect(await rowsOf(parse, book(fixture), { sheet: "second" })).toEqual([{ a: 3 }]);
    expect(await rowsOf(parse, book(fixture), { sheet: "Hidden" })).toEqual([{ a: 1 }]);
    const error = await refusal(parse, book(fixture), { sheet: "Third" });
    expect(error.code).toBe("content.sheet_not_found");
    expect(error.details).toEqual({ sheet: "Third", sheets: ["Hidden", "First", "Second"] });
  });

  it("takes the first row with a value as the header, or the row that it is told", async () => {
    const sheets = { S: sheetRows([[], ["Report of the year"], ["a", "b"], [1, 2]]) };
    const error = await refusal(parse, book({ sheets }));
    expect(error.code).toBe("content.xlsx_malformed");
    expect(error.details).toEqual({ sheet: "S", row: 3, cell: "B3" });
    expect(await rowsOf(parse, book({ sheets }), { header_row: 3 })).toEqual([{ a: 1, b: 2 }]);
    expect((await refusal(parse, book({ sheets }), { header_row: 1 })).code).toBe("content.xlsx_malformed");
    expect((await refusal(parse, book({ sheets }), { header_row: 9 })).code).toBe("content.empty_file");
  });

  it("names the columns by position when there is no header, as many as a row needs", async () => {
    const sheets = { S: sheetRows([[1], [2, undefined, 3]]) };
    expect(await rowsOf(parse, book({ sheets }), { has_header: false })).toEqual([
      { column_1: 1 },
      { column_1: 2, column_2: null, column_3: 3 },
    ]);
  });

  it("makes empty, repeated and number-like header cells names", async () => {
    const { rows, columns, notes } = await observe(
      parse,
      book({
        sheets: {
          S: sheetRows([
            ["a", undefined, "a", 2024, "__proto__"],
            [1, 2, 3, 4, 5],
          ]),
        },
      }),
    );
    expect(columns).toEqual([["a", "column_2", "a_2", "2024", "__proto__"]]);
    expect(JSON.stringify(rows)).toBe('[{"2024":4,"a":1,"column_2":2,"a_2":3,"__proto__":5}]');
    expect(notes.map((note) => note.code)).toEqual(["content.column_renamed", "content.column_renamed"]);
  });

  it("reads errors and formulas that were never calculated as null, and says how many and where", async () => {
    const { rows, notes } = await observe(
      parse,
      book({
        sheets: {
          S: `${header("a", "b", "c")}<row r="2"><c r="A2" t="e"><v>#REF!</v></c><c r="B2"><f>1+1</f></c><c r="C2"><v>3</v></c></row>`,
        },
      }),
    );
    expect(rows).toEqual([{ a: null, b: null, c: 3 }]);
    expect(notes.map((note) => [note.code, note.details])).toEqual([
      ["content.xlsx_lost_cells", { sheet: "S", errors: 1, uncalculated: 1, first_cell: "A2" }],
    ]);
  });

  it("counts dates from 1904 when the workbook does, and leaves elapsed times numbers", async () => {
    const rows =
      '<row r="2"><c r="A2" s="1"><v>0</v></c><c r="B2" s="2"><v>1.5</v></c><c r="C2" t="d"><v>2024-03-01</v></c></row>';
    const sheets = { S: header("day", "elapsed", "iso") + rows };
    expect(await rowsOf(parse, book({ sheets, formats: [14, "[h]:mm"], date1904: true }))).toEqual([
      { day: "1904-01-01", elapsed: 1.5, iso: "2024-03-01" },
    ]);
  });

  it("reads parts whose tags have a namespace prefix, and the strict dialect", async () => {
    const source = book({
      sheets: { S: "" },
      members: [
        {
          name: "xl/worksheets/sheet1.xml",
          data: '<x:worksheet xmlns:x="http://purl.oclc.org/ooxml/spreadsheetml/main"><x:sheetData><x:row><x:c t="inlineStr"><x:is><x:t>a</x:t></x:is></x:c></x:row><x:row><x:c><x:v>1</x:v></x:c></x:row></x:sheetData></x:worksheet>',
        },
      ],
    });
    expect(await rowsOf(parse, source)).toEqual([{ a: 1 }]);
  });

  it.each([
    ["no cell", ""],
    ["a header only", header("a", "b")],
    ["rows without values", '<row r="1"><c r="A1"/></row><row r="2"/>'],
  ])("refuses a sheet of %s", async (_, xml) => {
    expect((await refusal(parse, book({ sheets: { S: xml } }))).code).toBe("content.empty_file");
  });

  it("streams: rows come while the sheet is still being unpacked", async () => {
    const rows = Array.from({ length: 50_000 }, (_, index) => [index, `text ${index}`]);
    const bytes = workbookOf({ sheets: { S: sheetRows([["n", "text"], ...rows]) } });
    const source = Readable.from([bytes]);
    let seen = 0;
    for await (const row of parse(source, {})) {
      expect(row).toEqual({ n: seen, text: `text ${seen}` });
      seen += 1;
      if (seen === 10) break;
    }
    expect(seen).toBe(10);
    expect(source.destroyed).toBe(true);
    expect(await rowsOf(parse, sourceOf(bytes))).toHaveLength(50_000);
  });
});
