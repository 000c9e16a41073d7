import { createReadStream } from "node:fs";

import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { createColumnProfiler } from "../../../functions/content/parsing/column-profile.ts";
import type { ColumnProfile } from "../../../functions/content/parsing/column-profile.ts";
import { selectParser } from "../../../functions/content/parsing/detect.ts";
import type { Row } from "../../../functions/content/parsing/parser.ts";

function profileOf(rows: readonly Row[], valuesAreText: boolean): ColumnProfile {
  const profiler = createColumnProfiler({ valuesAreText });
  for (const row of rows) profiler.add(row);
  return profiler.profile();
}

function typeOfColumn(values: readonly Row[string][], valuesAreText: boolean): string | undefined {
  return profileOf(
    values.map((value) => ({ value })),
    valuesAreText,
  ).columns[0]?.type;
}

async function profileOfFile(filename: string, options = {}): Promise<ColumnProfile> {
  const { parse, valuesAreText } = selectParser({ filename });
  const profiler = createColumnProfiler({ valuesAreText });
  const source = createReadStream(`node_modules/vega-datasets/data/${filename}`);
  for await (const row of parse(source, options, { onColumns: profiler.declare })) profiler.add(row);
  return profiler.profile();
}

describe("the type of a column of text", () => {
  it.each([
    [["1", "-20", "0", ""], "integer"],
    [["1", "2.5", "-.5", "1e3", "1."], "float"],
    [["true", "FALSE"], "boolean"],
    [["2024-02-29", ""], "date"],
    [["2024-02-29", "2024-02-29T10:00:00Z"], "datetime"],
    [["2024-02-29 10:00", "2024-02-29T10:00:00.123+01:00"], "datetime"],
    [["2023-02-29"], "string"],
    [["2024-02-29T24:00"], "string"],
    [["02134"], "string"],
    [["+49123"], "string"],
    [["12345678901234567890"], "string"],
    [["1e999"], "string"],
    [["1", "x"], "string"],
    [["1", "true", "2024-01-01"], "string"],
    [["", ""], "null"],
    [[" "], "string"],
    [["NaN", "Infinity", "0x10", "1_000"], "string"],
  ])("%j is %s", (values, type) => {
    expect(typeOfColumn(values, true)).toBe(type);
  });
});

describe("the type of a column of JSON values", () => {
  it.each([
    [[1, 2, null], "integer"],
    [[1, 2.5], "float"],
    [["1", "2"], "string"],
    [[""], "string"],
    [["2024-01-01", "x"], "string"],
    [["2024-01-01"], "date"],
    [[1, "x"], "mixed"],
    [[true, 1], "mixed"],
    [[1, "2024-01-01"], "mixed"],
    [[[1], []], "array"],
    [[{ a: 1 }], "object"],
    [[{ a: 1 }, [1]], "mixed"],
    [[null], "null"],
  ])("%j is %s", (values, type) => {
    expect(typeOfColumn(values, false)).toBe(type);
  });
});

describe("a profile", () => {
  it("counts a row without the column as null, also when the column comes later", () => {
    expect(profileOf([{ a: 1 }, { a: null, b: "x" }, {}], false)).toEqual({
      columns: [
        { name: "a", type: "integer", null_count: 2 },
        { name: "b", type: "string", null_count: 2 },
      ],
      record_count: 3,
    });
  });

  it("keeps the order that was declared, where objects list number-like names first", () => {
    const profiler = createColumnProfiler({ valuesAreText: true });
    profiler.declare(["country", "2021", "__proto__"]);
    profiler.add(JSON.parse('{"country":"FR","2021":"1","__proto__":"2"}') as Row);
    expect(profiler.profile().columns).toEqual([
      { name: "country", type: "string", null_count: 0 },
      { name: "2021", type: "integer", null_count: 0 },
      { name: "__proto__", type: "integer", null_count: 0 },
    ]);
  });

  it("refuses the column that is one too many, and a name without end", () => {
    const profiler = createColumnProfiler({ valuesAreText: false, maxColumns: 2 });
    profiler.add({ a: 1 });
    profiler.add({ b: 1 });
    expect(() => profiler.add({ c: 1 })).toThrow(
      expect.objectContaining({ code: "content.too_many_columns", status: 422 }),
    );
    expect(() => createColumnProfiler({ valuesAreText: false }).add({ ["x".repeat(1_025)]: 1 })).toThrow(
      expect.objectContaining({ code: "content.column_name_too_long" }),
    );
  });

  it("is the same in whatever order the rows come", () => {
    const value = fc.constantFrom(null, true, 1, 1.5, "x", "2024-01-01", "2024-01-01T00:00:00Z", [], {});
    fc.assert(
      fc.property(fc.array(value, { minLength: 1 }), fc.boolean(), (values, valuesAreText) => {
        const forwards = values.map((each) => ({ a: each }));
        expect(profileOf(forwards.toReversed(), valuesAreText)).toEqual(profileOf(forwards, valuesAreText));
      }),
    );
  });

  it("of seattle-weather.csv has the types that a person would give", async () => {
    expect(await profileOfFile("seattle-weather.csv")).toEqual({
      columns: [
        { name: "date", type: "date", null_count: 0 },
        { name: "precipitation", type: "float", null_count: 0 },
        { name: "temp_max", type: "float", null_count: 0 },
        { name: "temp_min", type: "float", null_count: 0 },
        { name: "wind", type: "float", null_count: 0 },
        { name: "weather", type: "string", null_count: 0 },
      ],
      record_count: 1461,
    });
  });

  it("of movies.json counts what is missing", async () => {
    const { columns, record_count } = await profileOfFile("movies.json");
    expect(record_count).toBe(3201);
    expect(columns.find(({ name }) => name === "IMDB Rating")).toEqual({
      name: "IMDB Rating",
      type: "float",
      null_count: 213,
    });
    expect(columns.find(({ name }) => name === "Title")?.type).toBe("mixed");
  });
});
