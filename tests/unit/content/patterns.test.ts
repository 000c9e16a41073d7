import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { DistinctCount } from "../../../functions/content/patterns/distinct-count.ts";
import { patternTypeOf, shapeOf } from "../../../functions/content/patterns/pattern-type.ts";
import { patternOf } from "../../../functions/content/patterns/table-pattern.ts";
import type { Row } from "../../../functions/content/parsing/parser.ts";
import { sha256 } from "../../../shared/json.ts";

const never = new AbortController().signal;
async function* given(rows: readonly Row[]): AsyncGenerator<Row> {
  yield* await Promise.resolve(rows);
}

describe("a deterministic embedding", () => {
  const rows: readonly Row[] = [
    { Id: 1, Email: "ann@example.com", Joined: "2024-02-01", Note: null, Code: "AB-12", Tags: ["x"] },
    { Id: 2, Email: "bob@example.com", Joined: "2024-01-01", Note: "hi", Code: "CD-34", Tags: [] },
    { Id: 4.5, Email: "bob@example.com", Joined: "2024-03-01", Note: "ho", Code: "E-5", Tags: ["y"] },
  ];

  it("is the SHA-256 of the ordered names, types, positions and nullability of the columns", async () => {
    const { schemaFingerprint } = await patternOf(given(rows), Object.keys(rows[0] ?? {}), never);
    const column = (name: string, type: string, position: number, nullable = false) =>
      `{"name":"${name}","nullable":${nullable},"position":${position},"type":"${type}"}`;
    const columns = [
      column("id", "float", 0),
      column("email", "email", 1),
      column("joined", "date", 2),
      column("note", "string", 3, true),
      column("code", "string", 4),
      column("tags", "array", 5),
    ];
    expect(schemaFingerprint).toBe(sha256(`[${columns.join(",")}]`));
  });

  it("does not depend on the rows but for what they say of the columns, and does on the order of these", async () => {
    const names = Object.keys(rows[0] ?? {});
    const of = async (some: readonly Row[], order = names) =>
      (await patternOf(given(some), order, never)).schemaFingerprint;
    expect(await of(rows.toReversed())).toBe(await of(rows));
    expect(await of(rows, names.toReversed())).not.toBe(await of(rows));
    expect(await of(rows.slice(0, 2))).not.toBe(await of(rows));
  });

  it("tells the pattern of each column", async () => {
    const { patternSignature, recordCount } = await patternOf(given(rows), Object.keys(rows[0] ?? {}), never);
    expect(recordCount).toBe(3);
    expect(patternSignature).toEqual([
      {
        name: "Id",
        type: "float",
        total: 3,
        null: 0,
        unique: 3,
        unique_is_exact: true,
        samples: [1, 2, 4.5],
        min: 1,
        max: 4.5,
        mean: 2.5,
      },
      expect.objectContaining({
        name: "Email",
        type: "email",
        unique: 2,
        min_length: 15,
        max_length: 15,
        mean_length: 15,
        patterns: [{ pattern: "aaa@aaaaaaa.aaa", count: 3 }],
      }),
      expect.objectContaining({ name: "Joined", type: "date", earliest: "2024-01-01", latest: "2024-03-01" }),
      expect.objectContaining({ name: "Note", type: "string", null: 1, unique: 2 }),
      expect.objectContaining({
        name: "Code",
        patterns: [
          { pattern: "AA-99", count: 2 },
          { pattern: "A-9", count: 1 },
        ],
      }),
      expect.objectContaining({ name: "Tags", type: "array", unique: 3, samples: [["x"], [], ["y"]] }),
    ]);
  });

  it("measures the texts of a column by the texts alone", async () => {
    const { patternSignature } = await patternOf(
      given([{ a: "ab" }, { a: "abcd" }, { a: true }, { a: 1 }]),
      ["a"],
      never,
    );
    expect(patternSignature).toMatchObject([{ type: "string", min_length: 2, max_length: 4, mean_length: 3 }]);
  });

  it("of a column without a value is null", async () => {
    const { patternSignature } = await patternOf(given([{ a: null }]), ["a"], never);
    expect(patternSignature).toMatchObject([{ name: "a", type: "null", total: 1, null: 1, unique: 0 }]);
  });
});

describe("the types of values", () => {
  it.each([
    [null, "null"],
    [true, "boolean"],
    [3, "integer"],
    [3.5, "float"],
    ["2024-02-29", "date"],
    ["2023-02-29", "string"],
    ["2024-02-29T10:00:00Z", "datetime"],
    ["ann.lee+x@mail.example.org", "email"],
    ["ann@localhost", "string"],
    ["7f9c24e5-2f4e-4a50-9a0b-1f2d3c4b5a69", "uuid"],
    ["+41 44 668 18 00", "phone"],
    ["(555) 123-4567", "phone"],
    ["+15551234567", "phone"],
    ["192.168.100.200.1", "string"],
    ["12345678", "string"],
    ["hello", "string"],
    [[1], "array"],
    [{ a: 1 }, "object"],
  ])("%j is %s", (value, type) => {
    expect(patternTypeOf(value)).toBe(type);
  });

  it("and shapes keep what is not a letter or a digit", () => {
    expect(shapeOf("Zürich 8001, CH-12")).toBe("Aaaaaa 9999, AA-99");
    expect(shapeOf("a".repeat(100))).toBe("aaaaaaaa+…");
  });
});

describe("counting what is different", () => {
  it("is exact up to its bound, whatever the values are", () => {
    fc.assert(
      fc.property(fc.array(fc.string()), (texts) => {
        const count = new DistinctCount(10_000);
        for (const text of texts) count.add(text);
        expect([count.count, count.isExact]).toEqual([new Set(texts).size, true]);
      }),
    );
  });

  it("is within five percent beyond, and says that it is not exact", () => {
    for (const different of [12_000, 100_000, 400_000]) {
      const count = new DistinctCount(10_000);
      for (let value = 0; value < different; value += 1) {
        count.add(`value ${value}`);
        if (value % 3 === 0) count.add(`value ${value}`);
      }
      expect(count.isExact).toBe(false);
      expect(Math.abs(count.count / different - 1)).toBeLessThan(0.05);
    }
  });
});
