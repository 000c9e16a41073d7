import { describe, expect, it } from "vitest";

import { kindOfBuiltIn, kindOfFormatCode, serialToIso } from "../../../functions/content/parsing/xlsx-dates.ts";

describe("a number format", () => {
  it.each([
    ["General", "none"],
    ["0.00", "none"],
    ['#,##0.00 "days"', "none"],
    ["0.00E+00", "none"],
    ["@", "none"],
    ["[Red]-0;[Blue]0", "none"],
    ["[h]:mm:ss", "none"],
    ["", "none"],
    ["m/d/yyyy", "date"],
    ["yyyy\\-mm\\-dd;@", "date"],
    ["[$-409]d\\-mmm\\-yy;@", "date"],
    ["mmmm", "date"],
    ['d" of "mmmm', "date"],
    ["yyyy-mm-dd hh:mm", "datetime"],
    ["[$-F400]h:mm:ss AM/PM", "time"],
    ["mm:ss.000", "time"],
    ['"yyyy" 0', "none"],
  ])("%j shows %s", (code, kind) => {
    expect(kindOfFormatCode(code)).toBe(kind);
  });

  it("is none when it is longer than any that a program writes, however it is built", () => {
    expect(kindOfFormatCode(`${"[".repeat(200_000)}yyyy`)).toBe("none");
  });

  it("is known by its number when it is built in", () => {
    expect([0, 2, 14, 20, 22, 46, 47, 49].map(kindOfBuiltIn)).toEqual([
      "none",
      "none",
      "date",
      "time",
      "datetime",
      "none",
      "time",
      "none",
    ]);
  });
});

describe("a serial number", () => {
  it.each([
    [1, "date", "1900-01-01"],
    [59, "date", "1900-02-28"],
    [61, "date", "1900-03-01"],
    [25_569, "date", "1970-01-01"],
    [45_351, "date", "2024-02-29"],
    [2_958_465, "date", "9999-12-31"],
    [45_351.5, "date", "2024-02-29T12:00:00"],
    [45_351, "datetime", "2024-02-29T00:00:00"],
    [45_351 + 13.75 / 24, "datetime", "2024-02-29T13:45:00"],
    [45_351 + 1 / 86_400, "datetime", "2024-02-29T00:00:01"],
    [45_351 + 0.5 / 86_400, "datetime", "2024-02-29T00:00:00.500"],
    [0.75, "time", "18:00:00"],
    [0, "time", "00:00:00"],
    [1.25, "time", "1900-01-01T06:00:00"],
  ] as const)("%d as %s is %s", (serial, kind, expected) => {
    expect(serialToIso(serial, kind, false)).toBe(expected);
  });

  it.each([0, 60, -1, 2_958_466, 1e300, Number.NaN])("%d is no day of the calendar", (serial) => {
    expect(serialToIso(serial, "date", false)).toBeUndefined();
  });

  it("counts from 1904 when the workbook does", () => {
    expect(serialToIso(0, "date", true)).toBe("1904-01-01");
    expect(serialToIso(43_889, "date", true)).toBe("2024-02-29");
  });
});
