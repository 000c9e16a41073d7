import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { type Duration, durationMs } from "../../shared/duration.ts";

describe("durationMs", () => {
  it.each<[Duration, number]>([
    ["250ms", 250],
    ["20s", 20_000],
    ["5m", 300_000],
    ["48h", 172_800_000],
    ["30d", 2_592_000_000],
    ["1.5h", 5_400_000],
    ["0s", 0],
  ])("%s is %d ms", (duration, expected) => {
    expect(durationMs(duration)).toBe(expected);
  });

  it.each(["", "5", "s", "-5s", "5 s", "5S", "5w", "1e3s", "5s5m", "5s\n", "Infinitys", ".5s"])(
    "refuses %j with a code",
    (text) => {
      expect(() => durationMs(text as Duration)).toThrow(expect.objectContaining({ code: "duration.invalid" }));
    },
  );

  it("grows with its number, and each unit with the one before", () => {
    fc.assert(
      fc.property(fc.nat(10_000), (n) => {
        const [ms, s, m, h, d] = (["ms", "s", "m", "h", "d"] as const).map((unit) => durationMs(`${n}${unit}`));
        expect([s, m, h, d]).toEqual([(ms ?? 0) * 1_000, (s ?? 0) * 60, (m ?? 0) * 60, (h ?? 0) * 24]);
      }),
    );
  });
});
