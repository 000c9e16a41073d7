import { recordTooLarge } from "./faults.ts";
import { MAX_RECORD_CHARS } from "./parser.ts";

export interface Line {
  /** From 1. */
  readonly number: number;
  readonly text: string;
}

/** The lines of a text without what ends them: LF, CRLF or CR, in any mixture; the last one need not end. */
export async function* textLines(format: string, pieces: AsyncIterable<string>): AsyncGenerator<Line, void> {
  let open = "";
  let number = 1;
  let afterCr = false;
  for await (const piece of pieces) {
    let start = 0;
    const breaks = /\r\n|\n|\r/g;
    if (afterCr && piece.startsWith("\n")) {
      start = 1;
      breaks.lastIndex = 1;
    }
    afterCr = piece === "" ? afterCr : piece.endsWith("\r");
    for (let found = breaks.exec(piece); found !== null; found = breaks.exec(piece)) {
      yield { number, text: open + piece.slice(start, found.index) };
      open = "";
      number += 1;
      start = breaks.lastIndex;
    }
    open += piece.slice(start);
    if (open.length > MAX_RECORD_CHARS) throw recordTooLarge(format, MAX_RECORD_CHARS, { line: number });
  }
  if (open !== "") yield { number, text: open };
}
