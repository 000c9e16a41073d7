export interface Screen {
  /** What it shows, without empty lines at the end. */
  lines(): readonly string[];
  cursorVisible(): boolean;
}

/**
 * What a terminal shows after this output: text, line ends, and the few controls that are used (cursor up, clear below, clear
 * line, show and hide the cursor, styles). Throws for any other control, and for a cursor that would leave the screen at its top.
 */
export function createScreen(
  output: string,
  { columns, rows }: { readonly columns: number; readonly rows: number },
): Screen {
  const lines: string[] = [""];
  let row = 0;
  let column = 0;
  let visible = true;
  const put = (character: string): void => {
    if (column === columns) [row, column] = [row + 1, 0];
    const line = (lines[row] ?? "").padEnd(column);
    lines[row] = line.slice(0, column) + character + line.slice(column + 1);
    column += 1;
  };
  const control = (parameter: string, final: string): void => {
    const code = `${parameter}${final}`;
    if (final === "m") return;
    if (final === "A") {
      row -= Number(parameter);
      if (row < Math.max(0, lines.length - rows)) throw new Error("The cursor leaves the screen at its top.");
    } else if (code === "0J") {
      lines.length = row + 1;
      lines[row] = (lines[row] ?? "").slice(0, column);
    } else if (code === "K") lines[row] = (lines[row] ?? "").slice(0, column);
    else if (code === "?25l") visible = false;
    else if (code === "?25h") visible = true;
    else throw new Error(`The control ESC[${code} is not expected.`);
  };
  for (const [, parameter = "", final, character = ""] of output.matchAll(/\u001b\[([0-9;?]*)([A-Za-z])|([^])/gu)) {
    if (final !== undefined) control(parameter, final);
    else if (character === "\r") column = 0;
    else if (character === "\n") {
      row += 1;
      lines[row] ??= "";
    } else put(character);
  }
  return {
    lines: () =>
      lines
        .map((line) => line.trimEnd())
        .join("\n")
        .trimEnd()
        .split("\n"),
    cursorVisible: () => visible,
  };
}
