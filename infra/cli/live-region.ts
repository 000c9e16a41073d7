import { clip, type Output } from "./terminal.ts";

const HIDE_CURSOR = "\u001b[?25l";
const SHOW_CURSOR = "\u001b[?25h";
const CLEAR_BELOW = "\u001b[0J";

/** Lines at the bottom of a terminal that are drawn over again. */
export interface LiveRegion {
  /** Shows these lines instead of those before; the last ones when the terminal is too low for all. */
  draw(lines: readonly string[]): void;
  /** Leaves the last lines where they are, and the cursor visible below them. Harmless when repeated. */
  end(): void;
}

/**
 * A region on a terminal.
 *  L1  A frame is one write, its lines are cut at the terminal's width: a wrapped line would put the next frame out of place.
 *  L2  Whatever ends the drawing, `end` shows the cursor again.
 */
export function createLiveRegion(output: Output): LiveRegion {
  let drawn = 0;
  let begun = false;
  let ended = false;
  const home = (): string => (drawn === 0 ? "" : `\u001b[${drawn}A\r`);
  return {
    draw: (lines) => {
      if (ended) return;
      const columns = Math.max(output.columns ?? 80, 20);
      const rows = Math.max((output.rows ?? 24) - 1, 3);
      const shown = lines.slice(-rows).map((line) => clip(line, columns - 1));
      output.write(`${begun ? "" : HIDE_CURSOR}${home()}${CLEAR_BELOW}${shown.map((line) => `${line}\n`).join("")}`);
      drawn = shown.length;
      begun = true;
    },
    end: () => {
      if (begun && !ended) output.write(SHOW_CURSOR);
      ended = true;
    },
  };
}
