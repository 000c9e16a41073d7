import { isDeepStrictEqual } from "node:util";

import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { canonicalJson, digestOf, type JsonValue, sha256, toJson } from "../../shared/json.ts";
import { lostNumberIn } from "../../shared/lost-number.ts";

/** The same value with the members of each object in another order. */
function reordered(value: JsonValue | undefined): JsonValue | undefined {
  if (Array.isArray(value)) return (value as JsonValue[]).map((item) => reordered(item) as JsonValue);
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(
    Object.entries(value)
      .toReversed()
      .map(([key, member]) => [key, reordered(member as JsonValue)]),
  );
}

const json = fc.jsonValue().map((value) => toJson(value));

describe("json", () => {
  it("canonicalJson is JSON of the same value", () => {
    fc.assert(
      fc.property(json, (value) => {
        expect(JSON.parse(canonicalJson(value))).toEqual(value);
      }),
    );
  });

  it("canonicalJson and digestOf do not depend on the order of members", () => {
    fc.assert(
      fc.property(json, (value) => {
        expect(canonicalJson(reordered(value))).toBe(canonicalJson(value));
        expect(digestOf(reordered(value))).toBe(digestOf(value));
      }),
    );
  });

  it("digestOf tells different values apart", () => {
    fc.assert(
      fc.property(json, json, (a, b) => {
        expect(digestOf(a) === digestOf(b)).toBe(isDeepStrictEqual(a, b));
      }),
    );
    const tricky: JsonValue[] = [null, "null", 0, "0", [], {}, [[]], { a: null }, "", { "": "" }, ["a", "b"], ["a,b"]];
    expect(new Set(tricky.map(digestOf)).size).toBe(tricky.length);
  });

  it("a member that is undefined is as good as absent", () => {
    expect(canonicalJson({ b: undefined, a: 1 })).toBe('{"a":1}');
    expect(digestOf({ a: undefined })).toBe(digestOf({}));
    expect(digestOf(undefined)).toBe(digestOf(null));
  });

  it("toJson gives what a store would give back, in copies of its own", () => {
    const inner = { list: [1] };
    const given = { gone: undefined, at: new Date(0), inner };
    const read = toJson(given);
    inner.list.push(2);
    expect(read).toStrictEqual({ at: "1970-01-01T00:00:00.000Z", inner: { list: [1] } });
    expect(toJson(undefined)).toBeNull();
  });

  it("lostNumberIn finds the integers that a double does not hold, and what is beyond its range, and nothing else", () => {
    for (const lost of ["9007199254740993", "-9007199254740993", "12345678901234567890", "1e309", "-1E+400"])
      expect(lostNumberIn(`{"a":[1,{"b":${lost}}],"c":2}`)).toBe(lost);
    for (const kept of ["9007199254740992", "1e22", "10000000000000000000000", "1e-400", "0.1234567890123456789", "-0"])
      expect(lostNumberIn(`[${kept},"12345678901234567890"]`)).toBeUndefined();
    expect(lostNumberIn(String.raw`{"12345678901234567":"\"12345678901234567\\","b":-12345678901234567}`)).toBe(
      "-12345678901234567",
    );
  });

  it("sha256 is the one of FIPS 180-4, over text as UTF-8 and over bytes", () => {
    expect(sha256("abc")).toBe("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    expect(sha256(Buffer.from("ü"))).toBe(sha256("ü"));
  });
});
