import { writeFile } from "node:fs/promises";
import { join } from "node:path";

import fc from "fast-check";
import { describe, expect, it } from "vitest";

import type { ColumnKind } from "../../../functions/content/rows/column-kind.ts";
import { encodeRows, GuessFailed } from "../../../functions/content/rows/encode-rows.ts";
import type { ColumnProfile } from "../../../functions/content/parsing/column-profile.ts";
import type { Row } from "../../../functions/content/parsing/parser.ts";
import { parquetRows } from "../../../infra/adapters/duckdb/row-reader.ts";
import { temporaryFolder } from "../../kit/temporary-folder.ts";

/** The rows as a Parquet file keeps them, over a second reading where the first guess fails. */
async function kept(rows: readonly Row[], valuesAreText = false) {
  await using folder = await temporaryFolder();
  let readings = 0;
  let profile: ColumnProfile | undefined;
  const encode = async (kinds?: ReadonlyMap<string, ColumnKind>): Promise<Buffer> => {
    readings += 1;
    async function* read(): AsyncGenerator<Row> {
      yield* await Promise.resolve(rows);
    }
    const onProfile = (found: ColumnProfile): void => void (profile = found);
    const options = { valuesAreText, kinds, signal: new AbortController().signal, onProfile };
    try {
      return Buffer.concat(await Array.fromAsync(encodeRows(read, options)));
    } catch (error) {
      if (!(error instanceof GuessFailed) || kinds !== undefined) throw error;
      return encode(error.kinds);
    }
  };
  const file = join(folder.path, "rows.parquet");
  await writeFile(file, await encode());
  return { back: await Array.fromAsync(parquetRows(file)), readings, profile };
}

describe("rows kept as Parquet read back as they were", () => {
  it("whatever JSON is in them", async () => {
    const row = fc.dictionary(fc.string({ maxLength: 8 }), fc.jsonValue({ maxDepth: 2 }), {
      maxKeys: 5,
      noNullPrototype: true,
    });
    await fc.assert(
      fc.asyncProperty(fc.array(row, { minLength: 1, maxLength: 20 }), async (rows) => {
        const names = new Set(rows.flatMap((each) => Object.keys(each)));
        fc.pre(names.size > 0);
        const { back } = await kept(rows);
        const whole = rows.map((each) =>
          Object.fromEntries([...names].map((name) => [name, Object.hasOwn(each, name) ? (each as Row)[name] : null])),
        );
        expect(JSON.parse(JSON.stringify(back))).toEqual(JSON.parse(JSON.stringify(whole)));
      }),
      { numRuns: 60 },
    );
  });

  it("with types that texts show, and texts where they show several", async () => {
    const { back, profile } = await kept(
      [
        {
          id: "1",
          code: "007",
          ratio: "1.50",
          ok: "TRUE",
          day: "2024-02-29",
          at: "2024-02-29T10:00:00+02:00",
          note: "",
        },
        { id: "-2", code: "12", ratio: "3", ok: "false", day: "1969-12-31", at: "1969-12-31T23:59:59.25Z", note: "x" },
      ],
      true,
    );
    expect(back).toEqual([
      { id: 1, code: "007", ratio: 1.5, ok: true, day: "2024-02-29", at: "2024-02-29T08:00:00Z", note: null },
      { id: -2, code: "12", ratio: 3, ok: false, day: "1969-12-31", at: "1969-12-31T23:59:59.25Z", note: "x" },
    ]);
    expect(profile?.columns.map(({ type }) => type)).toEqual(
      "integer string float boolean date datetime string".split(" "),
    );
  });

  it("with times that have no zone, days among them, and nothing that would lose a digit or a leap second", async () => {
    const rows = [
      {
        local: "2024-01-01T10:00:00.5",
        mixed: "2024-01-01",
        nanos: "2024-01-01T00:00:00.000000001Z",
        leap: "2016-12-31T23:59:60Z",
      },
      {
        local: "2024-01-01 10:00",
        mixed: "2024-01-01T12:00",
        nanos: "2024-01-01T00:00:00Z",
        leap: "2016-12-31T23:59:59Z",
      },
    ];
    expect((await kept(rows, true)).back).toEqual([
      { ...rows[0], mixed: "2024-01-01T00:00:00" },
      { ...rows[1], local: "2024-01-01T10:00:00", mixed: "2024-01-01T12:00:00" },
    ]);
  });

  it("over row groups, and over a second reading when a late row is of another kind or has another column", async () => {
    const many = Array.from({ length: 30_000 }, (_, id) => ({ id, name: `name ${id % 10}` }));
    const calm = await kept(many);
    expect([calm.readings, calm.back.length, calm.profile?.record_count]).toEqual([1, 30_000, 30_000]);
    const late = await kept([...many, { id: 1.5, name: "float", more: [1] }]);
    expect([late.readings, late.back.length]).toEqual([2, 30_001]);
    expect(late.back[0]).toEqual({ id: 0, name: "name 0", more: null });
    expect(late.back.at(-1)).toEqual({ id: 1.5, name: "float", more: [1] });
  });

  it("with many columns, and names that mean something elsewhere", async () => {
    const wide = Object.fromEntries(Array.from({ length: 1_500 }, (_, index) => [`c.${index}`, index]));
    expect((await kept([wide, wide])).back).toEqual([wide, wide]);
    const odd = JSON.parse('{"__proto__":1,"constructor":"x","":"empty","a b":true}') as Row;
    expect(JSON.stringify((await kept([odd])).back)).toBe(JSON.stringify([odd]));
  });

  it("or are refused where they have no column that could be read back", async () => {
    await expect(kept([{}, {}])).rejects.toMatchObject({ code: "content.empty_file", status: 422 });
  });
});
