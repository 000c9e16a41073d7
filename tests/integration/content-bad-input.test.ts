import { readFileSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { join } from "node:path";

import { parquetWriteBuffer } from "hyparquet-writer";
import { describe, expect, it } from "vitest";

import { intents } from "../../functions/catalog.ts";
import { artifactKind } from "../../shared/artifacts/artifact.ts";
import { asId } from "../../shared/ids.ts";
import type { JsonObject } from "../../shared/json.ts";
import { openRuntime } from "../kit/runtime.ts";
import { temporaryFolder } from "../kit/temporary-folder.ts";
import { pdfOf } from "../unit/content/pdf-fixture.ts";
import { workbookOf } from "../unit/content/workbook-fixture.ts";
import { ORDER } from "../unit/content/x12-fixture.ts";
import { zipOf } from "../unit/content/zip-fixture.ts";
import { done, readyFile } from "./content-flow.ts";

const wide = Array.from({ length: 10_000 }, (_, index) => `c${index}`).join(",");
const sheet = (rows: string): Buffer => workbookOf({ sheets: { S: rows } });
const parquet = new Uint8Array(parquetWriteBuffer({ columnData: [{ name: "a", data: [1, 2, 3], type: "DOUBLE" }] }));
/** A file that somebody published in a package. */
const published = (path: string): Buffer => readFileSync(join(import.meta.dirname, "../../node_modules", path));
const COPYBOOK = "01 R. 05 ID PIC 9(3). 05 NAME PIC X(5).";

/** What is wrong, the file, its options, and the code with the place. */
const refused: readonly (readonly [string, string, string | Uint8Array, JsonObject | undefined, string, JsonObject])[] =
  [
    [
      "a workbook that is called .csv",
      "a.csv",
      sheet("<row><c><v>1</v></c></row>"),
      undefined,
      "content.not_utf8",
      { line: 1 },
    ],
    ["a CSV that is called .xlsx", "a.xlsx", "id\n1\n", undefined, "content.xlsx_malformed", {}],
    ["a CSV that is called .pdf", "a.pdf", "id\n1\n", undefined, "content.pdf_malformed", {}],
    ["an extension that nobody knows", "a.pages", "x", undefined, "content.unsupported_type", { filename: "a.pages" }],
    [
      "Latin-1 that does not say so",
      "a.csv",
      Buffer.from("name\nZ\xfcrich\n", "latin1"),
      undefined,
      "content.not_utf8",
      { line: 2, byte_offset: 6 },
    ],
    ["UTF-16 without a mark", "a.csv", Buffer.from("id\n1\n", "utf16le"), undefined, "content.not_utf8", { line: 1 }],
    [
      "a row with too many fields",
      "a.csv",
      "a,b\n1,2\n1,2,3\n",
      undefined,
      "content.csv_malformed",
      { line: 3, fields: 3, expected_fields: 2 },
    ],
    [
      "a fault behind many good rows",
      "a.csv",
      `a,b\n${"1,2\n".repeat(30_000)}1,2,3\n`,
      undefined,
      "content.csv_malformed",
      { line: 30_002 },
    ],
    [
      "more columns than a row may have",
      "a.csv",
      `${Array.from({ length: 17_000 }, (_, c) => `c${c}`).join(",")}\n`,
      undefined,
      "content.too_many_columns",
      {},
    ],
    [
      "a zip bomb",
      "a.xlsx",
      workbookOf({
        sheets: { S: "" },
        members: [{ name: "xl/worksheets/sheet1.xml", data: Buffer.alloc(40_000_000, 0x20) }],
      }),
      undefined,
      "content.xlsx_too_large",
      {},
    ],
    [
      "a zip bomb that is called .docx",
      "a.docx",
      zipOf([{ name: "word/document.xml", data: Buffer.alloc(40_000_000, 0x20) }]),
      undefined,
      "content.docx_too_large",
      {},
    ],
    [
      "a real PDF that is damaged",
      "a.pdf",
      published("pdf-parse/test/data/03-invalid.pdf"),
      undefined,
      "content.pdf_malformed",
      {},
    ],
    [
      "a real workbook under a password",
      "a.xlsx",
      published("xlsx-populate/examples/encryption/in.xlsx"),
      undefined,
      "content.xlsx_encrypted",
      {},
    ],
    [
      "a real workbook with a value outside its header",
      "a.xlsx",
      published("xlsx-populate/examples/styles/out.xlsx"),
      undefined,
      "content.xlsx_malformed",
      {},
    ],
    [
      "an encrypted workbook",
      "a.xlsx",
      Buffer.concat([Buffer.from("d0cf11e0a1b11ae1", "hex"), Buffer.from("EncryptedPackage", "utf16le")]),
      undefined,
      "content.xlsx_encrypted",
      {},
    ],
    [
      "an encrypted PDF",
      "a.pdf",
      pdfOf([[[{ x: 72, text: "secret" }]]], { encrypt: true }),
      undefined,
      "content.pdf_encrypted",
      {},
    ],
    ["a PDF of pictures", "a.pdf", pdfOf([[]]), undefined, "content.pdf_without_text", { pages: 1 }],
    [
      "Parquet, which is not parsed again",
      "a.parquet",
      parquet.subarray(0, parquet.length - 20),
      undefined,
      "content.unsupported_type",
      {},
    ],
    [
      "EDI with a bad count of segments",
      "a.edi",
      ORDER.replace("SE*6", "SE*9"),
      undefined,
      "content.x12_bad_count",
      { segment: "SE", segment_number: 8, told: "9", found: 6 },
    ],
    [
      "EDI with another control number",
      "a.edi",
      ORDER.replace("SE*6*0001", "SE*6*0002"),
      undefined,
      "content.x12_control_mismatch",
      { segment: "SE", told: "0002", expected: "0001" },
    ],
    ["EDI that is cut off", "a.edi", ORDER.slice(0, 200), undefined, "content.x12_malformed", {}],
    [
      "a record that does not fit its copybook",
      "a.dat",
      "001ann  \n0x2bob  \n",
      { copybook: COPYBOOK },
      "content.copybook_mismatch",
      { record: 2, field: "ID", offset: 0 },
    ],
    [
      "a record that is too short",
      "a.dat",
      "001ann  \n002bo\n",
      { copybook: COPYBOOK },
      "content.copybook_mismatch",
      { record: 2, bytes: 5, expected_bytes: 8 },
    ],
    ["a copybook that is none", "a.dat", "001", { copybook: "01 R PIC Q." }, "content.copybook_malformed", { line: 1 }],
    ["XML that does not close", "a.xml", "<a>\n<b>\n</a>", undefined, "content.xml_malformed", { line: 3 }],
    [
      "XML with an entity of its own",
      "a.xml",
      '<!DOCTYPE a [<!ENTITY b "x">]><a>&b;</a>',
      undefined,
      "content.xml_malformed",
      { line: 1 },
    ],
    ["JSON that breaks off", "a.json", '[{"a":1},\n{"a":', undefined, "content.json_malformed", { line: 2 }],
    [
      "an option of another format",
      "a.csv",
      "a\n1\n",
      { table: 1 },
      "content.option_not_applicable",
      { options: ["table"] },
    ],
  ];

describe("a file that cannot be parsed", () => {
  it.concurrent.each(refused)("%s: %s", { timeout: 120_000 }, async (...[, name, content, options, code, details]) => {
    await using folder = await temporaryFolder();
    await using runtime = await openRuntime({ intents, folder: folder.path });
    const file_id = await readyFile(runtime, name, typeof content === "string" ? Buffer.from(content) : content);
    const parameters = { file_id, ...(options === undefined ? {} : { parse_options: options }) };
    const { status, error, execution_id } = await runtime.run("content.parse_content", parameters);
    expect(["failed", "compensated"]).toContain(status);
    expect(error).toMatchObject({ code, details });

    // The artifact says why, keeps its lineage, and has no bytes; what was sent is there to be parsed again.
    const { surface } = runtime.services;
    const all = await surface.list(runtime.tenantId, artifactKind, "all", { limit: 10 });
    const parsed = all.items.map(({ value }) => value).find((each) => each.artifact_type === "parsed_content");
    expect(parsed).toMatchObject({
      lifecycle_state: "FAILED",
      failure: { code },
      parent_artifacts: [file_id],
      materializations: [],
      produced_by: { execution_id },
    });
    const source = await surface.get(runtime.tenantId, artifactKind, asId.artifact(file_id));
    expect(source?.value.lifecycle_state).toBe("READY");
    const kept = await readdir(join(folder.path, "objects"), { recursive: true });
    expect(kept.filter((path) => path.includes("parsed_content") || path.includes(".incoming/"))).toEqual([]);
  });
});

describe("a file that only looks wrong", () => {
  const rowsOf = async (name: string, content: string | Uint8Array, options?: JsonObject) => {
    await using runtime = await openRuntime({ intents });
    const file_id = await readyFile(runtime, name, typeof content === "string" ? Buffer.from(content) : content);
    const parameters = { file_id, ...(options === undefined ? {} : { parse_options: options }) };
    await done(runtime, "content.parse_content", parameters);
    // By what is kept: an output of ten thousand columns is kept beside its execution.
    const all = await runtime.services.surface.list(runtime.tenantId, artifactKind, "all", { limit: 10 });
    const parsed = all.items.map(({ value }) => value).find((each) => each.artifact_type === "parsed_content");
    const [bytes] = parsed?.materializations ?? [];
    if (bytes === undefined) throw new Error("it has no bytes");
    const table = { path: bytes.path, sizeBytes: bytes.size_bytes, format: "parquet" } as const;
    return {
      rows: await Array.fromAsync(runtime.services.adapters.tables.rows(table)),
      columns: parsed?.semantic_descriptor.columns,
    };
  };

  it.concurrent.each([
    ["a byte order mark", "a.csv", "\uFEFFid,name\n1,ann\n", undefined, [{ id: 1, name: "ann" }]],
    ["UTF-16 with a mark", "a.csv", Buffer.from("\uFEFFid\n1\n", "utf16le"), undefined, [{ id: 1 }]],
    [
      "Latin-1 that says so",
      "a.csv",
      Buffer.from("n\nZ\xfcrich\n", "latin1"),
      { encoding: "windows-1252" },
      [{ n: "Zürich" }],
    ],
    [
      "every kind of line end",
      "a.csv",
      "a,b\r\n1,2\n3,4\r5,6",
      undefined,
      [
        { a: 1, b: 2 },
        { a: 3, b: 4 },
        { a: 5, b: 6 },
      ],
    ],
    [
      "formulas",
      "a.xlsx",
      sheet('<row r="1"><c r="A1" t="str"><v>n</v></c></row><row r="2"><c r="A2"><f>1+1</f><v>2</v></c></row>'),
      undefined,
      [{ n: 2 }],
    ],
    [
      "merged cells",
      "a.xlsx",
      sheet(
        '<row r="1"><c r="A1" t="str"><v>a</v></c><c r="B1" t="str"><v>b</v></c></row><row r="2"><c r="A2"><v>1</v></c></row>',
      ),
      undefined,
      [{ a: 1, b: null }],
    ],
    [
      "EBCDIC",
      "a.dat",
      Buffer.from("f0f0f1c1d5d54040", "hex"),
      { copybook: COPYBOOK, charset: "cp037" },
      [{ ID: 1, NAME: "ANN" }],
    ],
  ] as const)("%s", { timeout: 120_000 }, async (_what, name, content, options, rows) => {
    expect((await rowsOf(name, content, options)).rows).toEqual(rows);
  });

  it("ten thousand columns", { timeout: 120_000 }, async () => {
    const { rows, columns } = await rowsOf("a.csv", `${wide}\n${wide.replaceAll("c", "")}\n`);
    expect([rows.length, columns?.length]).toEqual([1, 10_000]);
    expect(rows[0]).toMatchObject({ c0: 0, c9999: 9_999 });
  });
});
