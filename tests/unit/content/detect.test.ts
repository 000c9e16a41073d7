import { describe, expect, it } from "vitest";

import { RuntimeError } from "../../../shared/errors.ts";
import { selectParser } from "../../../functions/content/parsing/detect.ts";
import type { FileDescription } from "../../../functions/content/parsing/detect.ts";
import { parseOptionsSchema } from "../../../functions/content/parsing/parse-options.ts";
import { refusal, rowsOf } from "./byte-source.ts";

function codeOf(file: FileDescription): string {
  try {
    return selectParser(file).format;
  } catch (error) {
    if (error instanceof RuntimeError && error.status === 422) return error.code;
    throw error;
  }
}

describe("a file's parser", () => {
  it.each([
    [{ filename: "a.csv" }, "csv"],
    [{ filename: "A.TSV" }, "csv"],
    [{ filename: "a.b.jsonl" }, "jsonl"],
    [{ filename: "a.ndjson" }, "jsonl"],
    [{ filename: "a.json" }, "json"],
    [{ filename: "a.xlsx" }, "xlsx"],
    [{ filename: "a", mime_type: "text/csv; charset=utf-8" }, "csv"],
    [{ filename: "a", mime_type: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet" }, "xlsx"],
    [{ filename: "a.csv", mime_type: "application/vnd.ms-excel" }, "csv"],
    [{ filename: "a.json", mime_type: "application/octet-stream" }, "json"],
    [{ filename: "a.txt", file_type: ".CSV" }, "csv"],
    [{ filename: "a.txt", file_type: "application/json" }, "json"],
    [{ filename: "a.json", file_type: "json", parsing_type: "jsonl" }, "jsonl"],
    [{ filename: "a.csv", file_type: "", mime_type: "" }, "csv"],
  ])("for %j is that of %s", (file, format) => {
    expect(codeOf(file)).toBe(format);
  });

  it.each([
    [{ filename: "a" }],
    [{ filename: "a.exe" }],
    [{ filename: "constructor" }],
    [{ filename: "a.__proto__" }],
    [{ filename: "a.csv", file_type: "pptx" }],
    [{ filename: "a.csv", parsing_type: "magic" }],
  ])("for %j is none, and the error lists what there is", (file) => {
    expect(codeOf(file)).toBe("content.unsupported_type");
    expect(() => selectParser(file)).toThrow(/csv, .*docx, .*json, jsonl, .*pdf, .*tsv, .*x12, .*xlsx, xml/);
  });

  it("says whether the types are still to be inferred from text", () => {
    expect(selectParser({ filename: "a.tsv" }).valuesAreText).toBe(true);
    expect(selectParser({ filename: "a.json" }).valuesAreText).toBe(false);
  });

  it("reads TSV with tabs even where commas are likelier", async () => {
    expect(await rowsOf(selectParser({ filename: "a.tsv" }).parse, "a,b,c\n1,2,3\n")).toEqual([{ "a,b,c": "1,2,3" }]);
  });

  it("refuses options that its format has no use for, rather than pass over them", async () => {
    const error = await refusal((...call) => selectParser({ filename: "a.csv" }).parse(...call), "a\n1\n", {
      sheet: "S",
    });
    expect(error.code).toBe("content.option_not_applicable");
    expect(error.details).toMatchObject({ options: ["sheet"], applicable: ["delimiter", "has_header", "encoding"] });
  });
});

describe("parse options", () => {
  it("are all optional", () => {
    expect(parseOptionsSchema.parse({})).toEqual({});
  });

  it.each([
    [{ delimiter: "" }],
    [{ delimiter: '"' }],
    [{ delimiter: "\n" }],
    [{ delimiter: ",," }],
    [{ header_row: 0 }],
    [{ encoding: "ebcdic" }],
    [{ separator: "," }],
  ])("are not %j", (options) => {
    expect(parseOptionsSchema.safeParse(options).success).toBe(false);
  });
});
