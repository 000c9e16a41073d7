import type { Output } from "./terminal.ts";

const SHOW_EVERY_MS = 200;

/** A line on stderr that tells how far a long read is; nothing where stderr is no terminal. */
export interface Progress {
  tell(text: () => string): void;
  end(): void;
}

export function createProgress(output: Output, now: () => number): Progress {
  let shownMs = now();
  let shown = false;
  return {
    tell: (text) => {
      if (output.isTTY !== true || now() - shownMs < SHOW_EVERY_MS) return;
      shownMs = now();
      shown = true;
      output.write(`\r\u001b[K${text()}`);
    },
    end: () => {
      if (shown) output.write("\r\u001b[K");
      shown = false;
    },
  };
}
