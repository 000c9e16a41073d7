import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { humanDuration } from "../../../shared/duration.ts";
import { clip, columnsOf, printable, printableJson, styleFor } from "../../../infra/cli/terminal.ts";

const tty = { isTTY: true, write: () => undefined };

describe("text of others", () => {
  it("reaches a terminal without a control, in lines and in JSON that reads back the same", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (text) => {
        expect(printable(text)).not.toMatch(/\p{Cc}|[\u202a-\u202e\u2066-\u2069]/u);
        const json = printableJson({ text });
        expect(json).not.toMatch(/\p{Cc}|[\u202a-\u202e\u2066-\u2069]/u);
        expect(JSON.parse(json)).toEqual({ text });
      }),
    );
    expect(printable("a\u001b[2Jb")).toBe("a\\u001b[2Jb");
  });
});

describe("clip", () => {
  it("keeps within the columns, whatever the text and its styles", () => {
    const style = styleFor(tty, {});
    const piece = fc.tuple(fc.string({ unit: "grapheme" }), fc.boolean());
    fc.assert(
      fc.property(fc.array(piece), fc.integer({ min: 1, max: 60 }), (pieces, columns) => {
        const text = pieces.map(([each, red]) => (red ? style.red(printable(each)) : printable(each))).join("");
        const clipped = clip(text, columns);
        expect(columnsOf(clipped)).toBeLessThanOrEqual(columns);
        if (columnsOf(text) <= columns) expect(clipped).toBe(text);
      }),
    );
  });

  it("counts two columns for wide characters and none for marks", () => {
    expect(columnsOf("日本")).toBe(4);
    expect(columnsOf("e\u0301")).toBe(1);
    expect(clip("日本語", 5)).toBe("日本…");
  });

  it("lets no style run on behind a cut", () => {
    expect(clip(styleFor(tty, {}).red("abcdef"), 4)).toBe("\u001b[31mabc…\u001b[0m");
  });
});

describe("styles", () => {
  it("are for terminals that want them", () => {
    expect(styleFor(tty, {}).bold("x")).toBe("\u001b[1mx\u001b[22m");
    for (const [output, env] of [
      [{ write: () => undefined }, {}],
      [tty, { NO_COLOR: "1" }],
      [tty, { TERM: "dumb" }],
    ] as const)
      expect(styleFor(output, env).bold("x")).toBe("x");
    expect(styleFor(tty, { NO_COLOR: "" }).bold("x")).not.toBe("x");
  });
});

describe("humanDuration", () => {
  it("speaks in the two units that matter, and never of 60 of one", () => {
    const spoken = [-5, 0, 999.4, 1_000, 9_994, 59_940, 60_000, 200_000, 3_599_600, 3_600_000, 86_399_000, 90_000_000];
    expect(spoken.map(humanDuration)).toEqual([
      "0 ms",
      "0 ms",
      "999 ms",
      "1 s",
      "9.99 s",
      "59.9 s",
      "1 min",
      "3 min 20 s",
      "1 h",
      "1 h",
      "1 d",
      "1 d 1 h",
    ]);
  });
});
