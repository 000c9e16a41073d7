import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { createLiveRegion } from "../../../infra/cli/live-region.ts";
import { createScreen } from "../../e2e/terminal-screen.ts";

/** As a terminal's driver passes lines on. */
const asTyped = (text: string): string => text.replaceAll("\n", "\r\n");

describe("a live region", () => {
  it("shows the last frame alone, below what was there before, whatever the frames (L1)", () => {
    const line = fc.string({ unit: fc.constantFrom("a", "b", " ", "━"), maxLength: 120 });
    const frames = fc.array(fc.array(line, { maxLength: 12 }), { minLength: 1, maxLength: 8 });
    const size = { columns: 60, rows: 10 };
    fc.assert(
      fc.property(frames, (drawn) => {
        let written = "$ symphainy watch\n";
        const region = createLiveRegion({ ...size, isTTY: true, write: (text) => (written += text) });
        for (const frame of drawn) region.draw(frame);
        region.end();
        const screen = createScreen(asTyped(written), size);
        const last = (drawn.at(-1) ?? [])
          .slice(-9)
          .map((each) => (each.length > 59 ? `${each.slice(0, 58)}…` : each).trimEnd());
        expect(screen.lines()).toEqual(["$ symphainy watch", ...last].join("\n").trimEnd().split("\n"));
        expect(screen.cursorVisible()).toBe(true);
      }),
    );
  });

  it("hides the cursor while it draws, and shows it once at the end (L2)", () => {
    let written = "";
    const region = createLiveRegion({ isTTY: true, write: (text) => (written += text) });
    region.end();
    expect(written).toBe("");
    const other = createLiveRegion({ isTTY: true, write: (text) => (written += text) });
    other.draw(["a"]);
    expect(createScreen(written, { columns: 80, rows: 24 }).cursorVisible()).toBe(false);
    other.end();
    other.end();
    other.draw(["too late"]);
    expect(written.match(/\u001b\[\?25h/g)).toHaveLength(1);
    expect(written).not.toContain("too late");
  });
});
