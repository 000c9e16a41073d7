import { styleText } from "node:util";

/** Where text goes: a process's stream, or a test's. */
export interface Output {
  readonly isTTY?: boolean | undefined;
  readonly columns?: number | undefined;
  readonly rows?: number | undefined;
  write(text: string): unknown;
}

export type Environment = Readonly<Record<string, string | undefined>>;

type Paint = (text: string) => string;
export interface Style {
  readonly bold: Paint;
  readonly dim: Paint;
  readonly red: Paint;
  readonly green: Paint;
  readonly yellow: Paint;
  readonly cyan: Paint;
}

/** Colours for a terminal that wants them; elsewhere, and with NO_COLOR (no-color.org), text as it is. */
export function styleFor(output: Output, env: Environment): Style {
  const colours = output.isTTY === true && (env["NO_COLOR"] ?? "") === "" && env["TERM"] !== "dumb";
  const paint =
    (format: keyof Style): Paint =>
    (text) =>
      colours ? styleText(format, text, { validateStream: false }) : text;
  return {
    bold: paint("bold"),
    dim: paint("dim"),
    red: paint("red"),
    green: paint("green"),
    yellow: paint("yellow"),
    cyan: paint("cyan"),
  };
}

/** Controls of C0 and C1, and the marks that turn the direction of text: what a tenant's data must not tell a terminal. */
const UNPRINTABLE = /[\u0000-\u001f\u007f-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069]/g;

/** Text of others, safe to print in one line. */
export function printable(text: string): string {
  return text.replace(UNPRINTABLE, escaped);
}

/** JSON on one line that is as safe to print; it reads back as the same value. */
export function printableJson(value: unknown, indent?: number): string {
  const text = JSON.stringify(value, undefined, indent);
  // JSON itself escapes C0; of its own line ends only those of the indent are left.
  return text.replace(UNPRINTABLE, (character) => (character === "\n" ? character : escaped(character)));
}

function escaped(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
}

const STYLING = /\u001b\[[0-9;]*m/g;
const TWO_COLUMNS =
  /^[\p{Script=Han}\p{Script=Hangul}\p{Script=Hiragana}\p{Script=Katakana}\p{Emoji_Presentation}\uff01-\uff60]/u;
const NO_COLUMN = /^(?:\p{Mark}|\p{Default_Ignorable_Code_Point})/u;

/** How many columns of a terminal text takes. */
export function columnsOf(text: string): number {
  return Array.from(text.replace(STYLING, "")).reduce((sum, character) => sum + columnsOfOne(character), 0);
}

function columnsOfOne(character: string): number {
  if (NO_COLUMN.test(character)) return 0;
  return TWO_COLUMNS.test(character) ? 2 : 1;
}

/** Text in at most `columns` columns; a cut one is reset, so that no style runs on. */
export function clip(text: string, columns: number): string {
  if (columnsOf(text) <= columns) return text;
  let shown = "";
  let left = columns - 1;
  for (const piece of text.split(/(\u001b\[[0-9;]*m)/)) {
    if (piece.startsWith("\u001b[")) {
      shown += piece;
      continue;
    }
    for (const character of Array.from(piece)) {
      left -= columnsOfOne(character);
      if (left < 0) return `${shown}…${text.includes("\u001b[") ? "\u001b[0m" : ""}`;
      shown += character;
    }
  }
  return shown;
}

export function pad(text: string, width: number): string {
  return text + " ".repeat(Math.max(0, width - columnsOf(text)));
}
