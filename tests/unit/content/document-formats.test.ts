import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Worker } from "node:worker_threads";

import { describe, expect, it } from "vitest";

import { selectParser } from "../../../functions/content/parsing/detect.ts";
import { blocksOfPage } from "../../../functions/content/parsing/pdf-layout.ts";
import { observe, refusal, sourceOf } from "./byte-source.ts";
import { packedPdf, pdfOf } from "./pdf-fixture.ts";
import { CLAIM, ORDER, REMITTANCE } from "./x12-fixture.ts";
import { zipOf } from "./zip-fixture.ts";

const parserOf = (name: string) => selectParser({ filename: `file.${name}` }).parse;
const docx = (name: string): Uint8Array =>
  readFileSync(join(import.meta.dirname, "../../../node_modules/mammoth/test/test-data", `${name}.docx`));

describe("XML", () => {
  const xml = parserOf("xml");

  it("gives the elements that repeat, nearest to the root, with attributes, children and lists", async () => {
    const text = `<?xml version="1.0" encoding="ISO-8859-1"?><!DOCTYPE c><c><title>T</title><books xmlns:x="u">
      <book id="1"><name>A &amp; \xe9</name><tag>x</tag><tag>y</tag></book><book id="2"><x:name>C</x:name><price cur="EUR">2</price></book></books></c>`;
    const { rows, notes } = await observe(xml, sourceOf(Buffer.from(text, "latin1")));
    expect(rows).toEqual([
      { "@id": "1", name: "A & é", tag: ["x", "y"] },
      { "@id": "2", name: "C", price: { "@cur": "EUR", "#text": "2" } },
    ]);
    expect(notes.map(({ code, details }) => [code, details])).toEqual([
      ["content.xml_passed_over", { elements: ["title"] }],
    ]);
  });

  it("gives the records of a path, and one record when nothing repeats", async () => {
    const text = "<a><h><i>1</i><i>2</i></h><r><v>3</v></r></a>";
    expect((await observe(xml, text, { record_path: "a.r" })).rows).toEqual([{ v: "3" }]);
    expect((await observe(xml, "<a><b>1</b></a>")).rows).toEqual([{ b: "1" }]);
    expect((await refusal(xml, text, { record_path: "a.z" })).code).toBe("content.record_path_not_found");
  });

  it("streams a document that is larger than what it looks at first", async () => {
    const rows = 30_000;
    async function* source(): AsyncGenerator<Uint8Array> {
      yield Buffer.from("<log><meta><x/></meta>");
      const entries = Array.from({ length: rows }, (_, id) => `<entry id="${id}"><text>some words</text></entry>`);
      for (let from = 0; from < rows; from += 500) yield Buffer.from(entries.slice(from, from + 500).join(""));
      yield await Promise.resolve(Buffer.from("</log>"));
    }
    const seen = await observe(xml, source());
    expect([seen.rows.length, seen.rows.at(-1)]).toEqual([rows, { "@id": String(rows - 1), text: "some words" }]);
  });

  it.each([
    ["<a><b></a>", "content.xml_malformed", { line: 1 }],
    ["<a>&undefined;</a>", "content.xml_malformed", { line: 1 }],
    ['<!DOCTYPE a [<!ENTITY b "boom">]><a>&b;</a>', "content.xml_malformed", { line: 1 }],
    ['<?xml version="1.0" encoding="EBCDIC-US"?><a/>', "content.wrong_encoding", { encoding: "ebcdic-us" }],
    [`${"<a>".repeat(300)}${"</a>".repeat(300)}`, "content.xml_malformed", { line: 1 }],
  ])("refuses %.60s", async (text, code, details) => {
    const error = await refusal(xml, text);
    expect([error.code, error.details]).toEqual([code, expect.objectContaining(details)]);
  });
});

describe("HTML", () => {
  const html = parserOf("html");
  const page = `<html><head><title>Prices</title><style>p{}</style></head><body><h2>List</h2><p>One <b>bold</b>\n two<p>Three &amp; four<script>no()</script>
    <table><tr><th>item<th>price<tr><td rowspan=2>tea<td>1.5<tr><td>2</table><ul><li>a<li>b</ul><pre> x\n  y</pre></body></html>`;

  it("gives text and tables as blocks in their order", async () => {
    const { rows } = await observe(html, page);
    expect(rows.map(({ kind, text }) => `${String(kind)}: ${String(text)}`)).toEqual([
      "heading: Prices",
      "heading: List",
      "paragraph: One bold two",
      "paragraph: Three & four",
      "table_row: item\tprice",
      "table_row: tea\t1.5",
      "table_row: tea\t2",
      "list_item: a",
      "list_item: b",
      "preformatted:  x\n  y",
    ]);
  });

  it("gives the rows of one table under its header", async () => {
    expect((await observe(html, page, { table: 1 })).rows).toEqual([
      { item: "tea", price: "1.5" },
      { item: "tea", price: "2" },
    ]);
    expect((await refusal(html, page, { table: 2 })).details).toEqual({ table: 2, tables: 1 });
    const ragged = "<table><tr><td>a<tr><td>1<td>2</table>";
    expect((await refusal(html, ragged, { table: 1 })).details).toEqual({ row: 2, cells: 2, expected_cells: 1 });
  });

  it("takes no more time or room than the page's bytes are worth, whatever its tags say", async () => {
    const deep = await refusal(html, "<div>".repeat(100_000));
    expect([deep.code, deep.details]).toEqual(["content.html_malformed", { max_depth: 4_096 }]);
    const wide = await observe(html, `<table><tr>${"<td colspan=1000 rowspan=1000>x".repeat(50)}</table>`);
    const [{ cells } = {}] = wide.rows;
    // The first one's thousand columns, and the others' own.
    expect(cells).toHaveLength(1_049);
  });
});

describe("text", () => {
  it("is a block for each paragraph, whatever ends its lines", async () => {
    const { rows } = await observe(parserOf("txt"), "one\ntwo\r\n\r\nthree\r\rfour");
    expect(rows.map(({ text, line }) => [text, line])).toEqual([
      ["one\ntwo", 1],
      ["three", 4],
      ["four", 6],
    ]);
  });
});

describe("PDF", () => {
  const pdf = parserOf("pdf");
  const at = (...texts: readonly string[]) => texts.map((text, column) => ({ x: 72 + column * 150, text }));

  it("gives the text of each page, and lines in columns as rows of a table", async () => {
    const file = pdfOf([
      [at("A list of prices"), at(), at("item", "price"), at("tea", "1.50"), at("coffee", "2.00")],
      [at("The end")],
    ]);
    const { rows } = await observe(pdf, sourceOf(file));
    expect(rows.map(({ kind, text, page }) => [page, kind, text])).toEqual([
      [1, "paragraph", "A list of prices"],
      [1, "table_row", "item\tprice"],
      [1, "table_row", "tea\t1.50"],
      [1, "table_row", "coffee\t2.00"],
      [2, "paragraph", "The end"],
    ]);
  });

  it("refuses what is encrypted, cut off, without text, or no PDF at all", async () => {
    expect((await refusal(pdf, sourceOf(pdfOf([[at("secret")]], { encrypt: true })))).code).toBe(
      "content.pdf_encrypted",
    );
    expect((await refusal(pdf, sourceOf(pdfOf([[at("x")]]).subarray(0, 40)))).code).toBe("content.pdf_malformed");
    expect((await refusal(pdf, sourceOf(pdfOf([[]])))).code).toBe("content.pdf_without_text");
    expect((await refusal(pdf, "id,name\n1,a\n")).code).toBe("content.pdf_malformed");
  });

  it.each([
    ["unpacks to far more than it is", Buffer.alloc(600_000_000, " ")],
    ["has more text on a page than people read", Buffer.from("BT /F1 9 Tf (a) Tj ET\n".repeat(300_000))],
  ])(
    "refuses one that %s, and goes on with other work meanwhile",
    async (_, commands) => {
      const file = packedPdf(commands);
      let longestMs = 0;
      let before = performance.now();
      const beat = setInterval(() => {
        longestMs = Math.max(longestMs, performance.now() - before);
        before = performance.now();
      }, 10);
      const startedMs = performance.now();
      const error = await refusal(pdf, sourceOf(file));
      const tookMs = performance.now() - startedMs;
      clearInterval(beat);
      expect(error.code).toBe("content.pdf_too_large");
      expect(longestMs).toBeLessThan(tookMs / 2);
    },
    30_000,
  );

  it("P1: of many hostile ones that come at once, one is read at a time, beside one of another tenant", async () => {
    const endless = packedPdf(Buffer.from("q ".repeat(20_000_000)));
    const threads = { now: 0, most: 0 };
    const count = (worker: Worker): void => {
      threads.now += 1;
      threads.most = Math.max(threads.most, threads.now);
      worker.once("exit", () => (threads.now -= 1));
    };
    process.on("worker", count);
    const over = new AbortController();
    const read = (file: Buffer, tenantId: string) =>
      Array.fromAsync(pdf(sourceOf(file), {}, { signal: over.signal, tenantId, sizeBytes: file.length }));
    const hostile = Array.from({ length: 12 }, () => read(endless, "hostile"));
    const ends = Promise.allSettled(hostile);
    const rows = await Promise.all(["one", "two", "three"].map((text) => read(pdfOf([[at(text)]]), "neighbour")));
    expect(rows.map(([row]) => row?.["text"])).toEqual(["one", "two", "three"]);
    expect(threads).toEqual({ now: expect.any(Number), most: 2 });
    over.abort(new Error("over"));
    expect((await ends).map(({ status }) => status)).toEqual(hostile.map(() => "rejected"));
    process.off("worker", count);
    // Who gave up waiting has left no trace.
    expect((await Array.fromAsync(pdf(sourceOf(pdfOf([[at("x")]])), {}, { tenantId: "hostile" }))).length).toBe(1);
  });

  it("ends with its signal, though it is at work on a page", async () => {
    const reason = new Error("the time of the step is over");
    const file = packedPdf(Buffer.from("q ".repeat(20_000_000)));
    const ended = new AbortController();
    const reading = Array.fromAsync(pdf(sourceOf(file), {}, { signal: ended.signal }));
    setTimeout(() => ended.abort(reason), 500);
    await expect(reading).rejects.toBe(reason);
  });

  it("lays out a line of more pieces than a call has arguments", () => {
    const pieces = Array.from({ length: 150_000 }, (_, x) => ({ text: "a", x, y: 1, width: 1, height: 1 }));
    expect(blocksOfPage(pieces, 1, 0).blocks).toEqual([{ kind: "paragraph", page: 1, text: "a".repeat(150_000) }]);
  });
});

describe("DOCX", () => {
  const parse = parserOf("docx");

  it("gives paragraphs, lists and tables of real documents", async () => {
    const { rows } = await observe(parse, sourceOf(docx("tables")));
    expect(rows.map(({ kind, text }) => [kind, text])).toEqual([
      ["paragraph", "Above"],
      ["table_row", "Top left\tTop right"],
      ["table_row", "Bottom left\tBottom right"],
      ["paragraph", "Below"],
    ]);
    const list = await observe(parse, sourceOf(docx("simple-list")));
    expect(list.rows.map(({ kind, text }) => [kind, text])).toEqual([
      ["list_item", "Apple"],
      ["list_item", "Banana"],
    ]);
    expect((await observe(parse, sourceOf(docx("strict-format")))).rows).toMatchObject([{ text: "Test" }]);
  });

  it("gives headings with their level, and nothing that was deleted", async () => {
    const body =
      '<w:p><w:pPr><w:pStyle w:val="Heading2"/></w:pPr><w:r><w:t>Head</w:t></w:r></w:p><w:p><w:del><w:r><w:t>old</w:t></w:r></w:del><w:r><w:t>new</w:t></w:r></w:p>';
    const data = `<w:document xmlns:w="urn:w"><w:body>${body}</w:body></w:document>`;
    const { rows } = await observe(parse, sourceOf(zipOf([{ name: "word/document.xml", data }])));
    expect(rows).toEqual([
      { block: 1, kind: "heading", text: "Head", level: 2 },
      { block: 2, kind: "paragraph", text: "new" },
    ]);
  });

  it("refuses what is no document, and names it so", async () => {
    const none = await refusal(parse, sourceOf(zipOf([{ name: "a.txt", data: "x" }])));
    expect([none.code, none.message]).toEqual(["content.docx_malformed", expect.stringContaining("Word document")]);
    expect((await refusal(parse, "plain text")).code).toBe("content.docx_malformed");
  });
});

describe("X12", () => {
  const x12 = parserOf("x12");

  it("keeps the blanks of an element, whatever stands between segments", async () => {
    const text = ORDER.replace(/(?=SE\*)/, "N1*A * \r\n~\r\n").replace(
      /SE\*(\d+)/,
      (_, count) => `SE*${Number(count) + 1}`,
    );
    const { rows } = await observe(x12, text);
    expect(rows.map(({ elements }) => elements)).toContainEqual(["A ", " "]);
  });

  it.each([
    ["850", ORDER, { segment: "PO1", elements: ["1", "10", "EA", "9.50", "", ["VP", "BP"], "AB-1"] }],
    ["835", REMITTANCE, { segment: "BPR", elements: ["I", "150.75", "C", "ACH"] }],
    ["837", CLAIM, { segment: "CLM", elements: ["26463774", "100", "", "", ["11", "B", "1"], "Y", "A", "Y", "I"] }],
  ])("gives the segments of an %s with where they stand", async (set, text, segment) => {
    const { rows } = await observe(x12, text);
    const place = {
      interchange_control: "000000905",
      group_control: "1",
      transaction_control: "0001",
      transaction_set: set,
    };
    expect(rows).toContainEqual(expect.objectContaining({ ...place, ...segment }));
    expect(rows.filter(({ transaction_set }) => transaction_set === set).map(({ position }) => position)).toEqual(
      rows.filter(({ transaction_set }) => transaction_set === set).map((_, index) => index + 1),
    );
  });

  it.each([
    [
      "SE counts",
      ORDER.replace("SE*6", "SE*7"),
      "x12_bad_count",
      { segment: "SE", told: "7", found: 6, segment_number: 8 },
    ],
    ["GE counts", ORDER.replace("GE*1*", "GE*2*"), "x12_bad_count", { segment: "GE", told: "2", found: 1 }],
    ["IEA counts", ORDER.replace("IEA*1*", "IEA*0*"), "x12_bad_count", { segment: "IEA", told: "0", found: 1 }],
    [
      "control numbers",
      ORDER.replace("IEA*1*000000905", "IEA*1*000000906"),
      "x12_control_mismatch",
      { segment: "IEA" },
    ],
    ["a missing end", ORDER.replace(/IEA.*/s, ""), "x12_malformed", { segment: "ISA" }],
    ["a cut", ORDER.slice(0, -5), "x12_malformed", {}],
    ["a cut header", ORDER.slice(0, 80), "x12_malformed", { segment_number: 1 }],
    ["segments outside", ORDER.replace("GS*", "BEG*"), "x12_malformed", { segment_number: 2 }],
    ["no interchange", "UNA:+.? 'UNB+UNOA", "x12_malformed", { segment_number: 1 }],
  ])("refuses wrong %s with the place", async (_what, text, code, details) => {
    const error = await refusal(x12, text);
    expect([error.code, error.details]).toEqual([`content.${code}`, expect.objectContaining(details)]);
  });
});
