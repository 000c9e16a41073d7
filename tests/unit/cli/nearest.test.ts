import { describe, expect, it } from "vitest";

import { nearest } from "../../../infra/cli/nearest.ts";

const NAMES = ["content.ingest_file", "content.parse_content", "content.save_materialization", "test.slow"];

describe("nearest", () => {
  it("forgives a missing, an additional, a wrong and two swapped letters", () => {
    for (const typed of ["watc", "wattch", "wotch", "wtach", "WATCH"])
      expect(nearest(typed, ["watch", "wal"])[0]).toBe("watch");
  });

  it("finds a dotted name by its last part", () => {
    expect(nearest("ingest_fle", NAMES)).toEqual(["content.ingest_file"]);
    expect(nearest("conten.ingest_file", NAMES)).toEqual(["content.ingest_file"]);
  });

  it("does not guess at what is far off, and offers three at most", () => {
    expect(nearest("zebra", NAMES)).toEqual([]);
    expect(nearest("aaaa", ["aaab", "aaac", "aaad", "aaae"])).toEqual(["aaab", "aaac", "aaad"]);
  });
});
