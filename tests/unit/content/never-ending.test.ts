import { describe, expect, it } from "vitest";

import { selectParser } from "../../../functions/content/parsing/detect.ts";
import type { Row } from "../../../functions/content/parsing/parser.ts";
import { encodeRows } from "../../../functions/content/rows/encode-rows.ts";
import { refusal, rowsOf, sourceOf } from "./byte-source.ts";
import { sheetRows, workbookOf } from "./workbook-fixture.ts";
import { zipOf } from "./zip-fixture.ts";

const CHUNK_CHARS = 64 * 1024;
const CHUNKS = 600;
const parserOf = (name: string) => selectParser({ filename: `file.${name}` }).parse;

/** A part of a file that is longer than any record may be: 39 MB of it, and then its end. */
function longPart(first: string, unit: string, last: string) {
  const chunk = Buffer.from(unit.repeat(CHUNK_CHARS / unit.length));
  return sourceOf(first, ...Array.from({ length: CHUNKS }, () => chunk), last);
}

describe("what a parser must hold until it ends is refused after a bounded length", () => {
  it.each([
    ["an XML comment", "xml", "<r><!--", "a", "--><a/></r>"],
    ["an HTML comment", "html", "<p>x<!--", "a", "-->"],
    ["a row of cells", "html", "<table><tr>", "<td>", "</table>x"],
    ["a cell with tables in it", "html", "<table><tr><td>", "<table><tr><td>b</table>".padEnd(8_192, "c"), "</table>"],
    ["a paragraph of line breaks", "html", "<p>", "<br>", "x"],
  ])("%s", async (_what, format, first, unit, last) => {
    const source = longPart(first, unit, last);
    expect((await refusal(parserOf(format), source)).code).toBe("content.record_too_large");
    expect(source.pulled(), "chunks that were read").toBeLessThan((CHUNKS * 3) / 4);
  });

  it("a paragraph of Word", async () => {
    const document = `<w:document xmlns:w="w"><w:p>${"<w:tab/>".repeat(1_100_000)}</w:p></w:document>`;
    const error = await refusal(parserOf("docx"), sourceOf(zipOf([{ name: "word/document.xml", data: document }])));
    expect(error.code).toBe("content.record_too_large");
  });

  it("the formats of a workbook", async () => {
    const styles = `<styleSheet><cellXfs>${"<xf/>".repeat(100_001)}</cellXfs></styleSheet>`;
    const members = [{ name: "xl/styles.xml", data: styles }];
    const error = await refusal(
      parserOf("xlsx"),
      sourceOf(workbookOf({ sheets: { S: sheetRows([["a"], [1]]) }, members })),
    );
    expect([error.code, error.details]).toEqual(["content.xlsx_too_large", { max_formats: 100_000 }]);
  });

  it.each(["json", "jsonl"])("the values of one record of %s", async (format) => {
    const error = await refusal(parserOf(format), `[[${"{},".repeat(1_000_000)}{}]]`);
    expect([error.code, error.message]).toEqual([
      `content.${format}_malformed`,
      expect.stringContaining("one record holds more than 1000000 values"),
    ]);
  });
});

it("gives a text that reaches down into the rows below to each of them, but not a book to a thousand", async () => {
  const page = (chars: number) =>
    `<table><tr><td rowspan=9>${"a".repeat(chars)}<td>1</tr>${"<tr><td>2</tr>".repeat(9)}</table>`;
  expect(await rowsOf(parserOf("html"), page(60_000))).toHaveLength(10);
  expect((await refusal(parserOf("html"), page(70_000))).code).toBe("content.record_too_large");
});

it("holds few long rows before it writes the first of them", async () => {
  let given = 0;
  async function* read(): AsyncGenerator<Row> {
    for (const text = "a".repeat(1_000_000); given < 50; given += 1)
      yield await Promise.resolve({ text: text + given, list: [text] });
  }
  const options = { valuesAreText: false, signal: new AbortController().signal, onProfile: () => undefined };
  for await (const _ of encodeRows(read, options)) break;
  expect(given).toBeLessThan(10);
});
