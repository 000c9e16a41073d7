import { describe, expect, it } from "vitest";

import { selectParser } from "../../../functions/content/parsing/detect.ts";
import type { ParseOptions } from "../../../functions/content/parsing/parser.ts";
import { observe, refusal, sourceOf } from "./byte-source.ts";

const { parse } = selectParser({ filename: "accounts", parsing_type: "copybook" });

const COPYBOOK = `
000100* Accounts of the branch                                          00000100
000200 01  ACCOUNT-RECORD.                                              00000200
000300     05  ACCOUNT-ID            PIC 9(6).                          00000300
000400     05  HOLDER.                                                  00000400
000500         10  LAST-NAME         PIC X(8).                          00000500
000600         10  INITIAL           PIC X.                             00000600
000700     05  BALANCE               PIC S9(5)V99 COMP-3.               00000700
000800     05  VISITS                PIC S9(4) COMP.                    00000800
000900     05  RATE                  PIC S9V999.                        00000900
001000     05  MONTHS OCCURS 2 TIMES.                                   00001000
001100         10  MONTH-TOTAL       PIC 9(3).                          00001100
001200     05  KIND                  PIC X.                             00001200
001300         88  IS-PERSON         VALUE 'P'.                         00001300
001400     05  DETAIL                PIC X(4).                          00001400
001500     05  DETAIL-NUMBER REDEFINES DETAIL PIC 9(4).                 00001500
001600     05  FILLER                PIC X(2).                          00001600
`;
/** EBCDIC: 000042, MILLER, J, +12345.67, -2, -0.125, 001, 250, P, 0815. */
const EBCDIC = Buffer.concat([
  Buffer.from("f0f0f0f0f4f2", "hex"),
  Buffer.from("d4c9d3d3c5d94040d1", "hex"),
  Buffer.from("1234567c", "hex"),
  Buffer.from("fffe", "hex"),
  Buffer.from("f0f1f2d5", "hex"),
  Buffer.from("f0f0f1f2f5f0", "hex"),
  Buffer.from("d7f0f8f1f54040", "hex"),
]);
const MILLER = {
  "ACCOUNT-ID": 42,
  "LAST-NAME": "MILLER",
  INITIAL: "J",
  BALANCE: 12_345.67,
  VISITS: -2,
  RATE: -0.125,
  MONTHS: [{ "MONTH-TOTAL": 1 }, { "MONTH-TOTAL": 250 }],
  KIND: "P",
  DETAIL: "0815",
  "DETAIL-NUMBER": 815,
};

describe("records as a copybook describes them", () => {
  it("in EBCDIC, one after the other, with packed, binary and overpunched numbers", async () => {
    const { rows, columns } = await observe(parse, sourceOf(EBCDIC, EBCDIC.subarray(0, 20), EBCDIC.subarray(20)), {
      copybook: COPYBOOK,
      charset: "cp037",
    });
    expect(rows).toEqual([MILLER, MILLER]);
    expect(columns).toEqual([Object.keys(MILLER)]);
  });

  it("in ASCII on lines, where a redefinition that does not fit is null, and a blank number too", async () => {
    const copybook =
      "01 R. 05 ID PIC 9(3). 05 A PIC X(3). 05 N REDEFINES A PIC 9(3). 05 S PIC S9(3) SIGN LEADING SEPARATE.";
    const { rows } = await observe(parse, "001abc-012\r\n   123+7 0\n".replace("+7 0", "+700"), { copybook });
    expect(rows).toEqual([
      { ID: 1, A: "abc", N: null, S: -12 },
      { ID: null, A: "123", N: 123, S: 700 },
    ]);
  });

  it("with numbers of eighteen digits whole", async () => {
    const copybook = "01 N PIC 9(18).";
    expect((await observe(parse, "123456789012345678\n", { copybook })).rows).toEqual([{ N: "123456789012345678" }]);
  });

  it.each([
    [
      "a record that is too short",
      Buffer.concat([EBCDIC, EBCDIC.subarray(0, 10)]),
      { record: 2, bytes: 10, expected_bytes: 38 },
    ],
    [
      "a packed number that is none",
      Buffer.from(EBCDIC).fill(0x40, 15, 19),
      { record: 1, field: "BALANCE", offset: 15 },
    ],
    ["digits that are none", Buffer.from(EBCDIC).fill(0xc1, 0, 1), { record: 1, field: "ACCOUNT-ID", offset: 0 }],
    ["an element of a list", Buffer.from(EBCDIC).fill(0xc1, 28, 29), { record: 1, field: "MONTH-TOTAL", offset: 28 }],
  ])("and refuses %s, saying where", async (_what, bytes, details) => {
    const error = await refusal(parse, sourceOf(bytes), { copybook: COPYBOOK, charset: "cp037" });
    expect([error.code, error.details]).toEqual(["content.copybook_mismatch", expect.objectContaining(details)]);
  });

  it.each([
    ["01 A PIC 9(3)", "does not end with a period"],
    ["01 A PIC Q(3).", "which is none"],
    ["01 A.", "neither a PICTURE nor fields"],
    ["01 A PIC X. 05 B PIC X.", "cannot hold"],
    ["01 R. 05 A OCCURS 1 TO 5 TIMES DEPENDING ON N PIC X.", "another field tells"],
    ["01 A COMP-1.", "not read"],
    ["01 R. 05 B REDEFINES A PIC X.", "does not stand before"],
    ["01 R. 05 A PIC X(5)\n05 B PIC 9(3).", "no period at its end"],
    ["01 R. 05 A PIC X. 05 B PIC 9(4) COMP SYNC.", "is SYNC"],
    ["01 R. 05 A PIC 9(4) COMP-6.", "not read"],
    ["01 R SIGN LEADING SEPARATE. 05 A PIC S9.", "SIGN but no PICTURE"],
    ["hello.", "no level number"],
    ["* only a comment", "no field"],
    [`01 R. ${"05 A PIC X(1000000). ".repeat(4_000)}`, "more than"],
    [`01 R. ${"05 A OCCURS 100000 PIC X(1000000). ".repeat(2)}`, "more than"],
  ])("refuses the copybook %.40s", async (copybook, message) => {
    const error = await refusal(parse, "x", { copybook } satisfies ParseOptions);
    expect([error.code, error.message]).toEqual(["content.copybook_malformed", expect.stringContaining(message)]);
  });

  it("takes levels in the first columns for levels", async () => {
    const copybook = "01     R.\n  05     A     PIC X(2).\n000300     05 B PIC X.";
    expect((await observe(parse, "abc", { copybook })).rows).toEqual([{ A: "ab", B: "c" }]);
  });

  it("reads a long field with one letter at its end at once", async () => {
    const text = `${" ".repeat(300_000)}a`;
    expect((await observe(parse, text, { copybook: "01 A PIC X(300001)." })).rows).toEqual([{ A: text }]);
  });

  it("asks for a copybook", async () => {
    expect((await refusal(parse, "x")).code).toBe("content.copybook_needed");
  });
});
