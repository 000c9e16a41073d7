import { contentFault, excerpt } from "./faults.ts";
import { type Picture, readPicture } from "./picture.ts";

export type Usage = "display" | "packed" | "binary";

/** A field of a record, where it lies in it; what repeats has a count above 1. */
export interface Field {
  readonly name: string;
  readonly offset: number;
  /** Of one occurrence, in bytes. */
  readonly length: number;
  readonly count: number;
  readonly content: Leaf | { readonly kind: "group"; readonly fields: readonly Field[] };
  /** The name of the field whose bytes it sees in another way. */
  readonly redefines: string | undefined;
}

export interface Leaf {
  readonly kind: "leaf";
  readonly picture: Picture;
  readonly usage: Usage;
  readonly separateSign: "leading" | "trailing" | undefined;
  readonly leadingSign: boolean;
}

export interface Copybook {
  readonly fields: readonly Field[];
  /** Of a record, in bytes. */
  readonly length: number;
}

const MAX_RECORD_BYTES = 1_048_576;
const MAX_STATEMENTS = 20_000;
const MAX_OCCURS = 100_000;

interface Entry {
  readonly level: number;
  readonly name: string;
  readonly line: number;
  readonly count: number;
  readonly redefines: string | undefined;
  readonly leaf: Leaf | undefined;
  readonly children: Entry[];
}

/**
 * Reads the record description of a copybook: levels, PIC X, A, 9, S, V and edited ones, DISPLAY, COMP, COMP-3, COMP-4, COMP-5, BINARY,
 * PACKED-DECIMAL, OCCURS n, REDEFINES, SIGN. Throws `content.copybook_malformed` with the line, also for what is not read: COMP-1,
 * COMP-2, OCCURS DEPENDING ON.
 */
export function readCopybook(text: string): Copybook {
  const roots: Entry[] = [];
  const open: Entry[] = [];
  for (const { line, words } of statementsOf(text)) {
    const level = Number(words[0]);
    if (!/^\d{1,2}$/.test(words[0] ?? "") || level < 1) {
      throw malformedAt(line, `${excerpt(words[0] ?? "")} is no level number`);
    }
    if (level === 88 || level === 66) continue;
    while ((open.at(-1)?.level ?? -1) >= level) open.pop();
    const entry = entryOf(level, words, line);
    const parent = level === 77 ? undefined : open.at(-1);
    if (parent?.leaf !== undefined)
      throw malformedAt(line, `${parent.name} has a PICTURE and cannot hold ${entry.name}`);
    (parent?.children ?? roots).push(entry);
    open.push(entry);
  }
  // One record in a file: an 01 level alone is its name and no column.
  if (roots.length === 0) throw malformedAt(1, "it describes no field");
  const { fields, length } = place(roots, 0);
  if (length > MAX_RECORD_BYTES)
    throw malformedAt(1, `a record would have ${length} bytes, more than ${MAX_RECORD_BYTES}`);
  return { fields, length };
}

interface Statement {
  readonly line: number;
  readonly words: readonly string[];
}

/** The statements, each up to its period; sequence numbers, comments and what is after column 72 are left out. */
function* statementsOf(text: string): Generator<Statement, void> {
  let words: string[] = [];
  let begin = 1;
  let count = 0;
  for (const [index, raw] of text.split(/\r\n|\n|\r/).entries()) {
    // A level in the first columns is no sequence number.
    const numbered = /^[\d ]{6}[ */-]/.test(raw) && !/^ {0,4}\d{1,2} /.test(raw);
    const code = numbered ? raw.slice(6, 72) : raw;
    if (/^[*/]/.test(code.trimStart())) continue;
    // A period ends a statement only where a blank or the line's end follows: 9(5).99 has one within.
    for (const [word] of code.replace(/\*>.*$/, "").matchAll(/"[^"]*"\.?|'[^']*'\.?|\S+/g)) {
      if (words.length === 0) begin = index + 1;
      const ends = word.endsWith(".");
      const bare = ends ? word.slice(0, -1) : word;
      if (bare !== "") words.push(bare.replace(/,$/, ""));
      if (!ends || words.length === 0) continue;
      count += 1;
      if (count > MAX_STATEMENTS) throw malformedAt(begin, `it has more than ${MAX_STATEMENTS} entries`);
      yield { line: begin, words };
      words = [];
    }
  }
  if (words.length > 0) throw malformedAt(begin, "the last entry does not end with a period");
}

function entryOf(level: number, words: readonly string[], line: number): Entry {
  const named = words[1] !== undefined && !CLAUSES.has(words[1].toUpperCase());
  const name = named ? (words[1] ?? "FILLER") : "FILLER";
  const clauses = clausesOf(words.slice(named ? 2 : 1), name, line);
  const { count, redefines } = clauses;
  return { level, name, line, count, redefines, leaf: leafOf(clauses, name, line), children: [] };
}

/** Undefined for a group. */
function leafOf({ picture, usage, separate, leading, aligned }: Clauses, name: string, line: number): Leaf | undefined {
  if (picture === undefined) {
    if (usage !== undefined) throw malformedAt(line, `${name} has a USAGE but no PICTURE`);
    if (separate || leading) throw malformedAt(line, `${name} has a SIGN but no PICTURE`);
    return undefined;
  }
  if (picture.kind === "text" && (usage ?? "display") !== "display") {
    throw malformedAt(line, `${name} is text and cannot be ${usage}`);
  }
  if (aligned && usage === "binary") {
    throw malformedAt(line, `${name} is SYNC, with bytes before it that no clause tells; such records are not read`);
  }
  const separateSign = separate ? (leading ? "leading" : "trailing") : undefined;
  return { kind: "leaf", picture, usage: usage ?? "display", leadingSign: leading, separateSign };
}

interface Clauses {
  picture?: Picture;
  usage?: Usage;
  count: number;
  redefines: string | undefined;
  separate: boolean;
  leading: boolean;
  aligned: boolean;
}

function clausesOf(words: readonly string[], name: string, line: number): Clauses {
  const clauses: Clauses = { count: 1, redefines: undefined, separate: false, leading: false, aligned: false };
  for (let at = 0; at < words.length; at += 1) {
    const word = words[at]?.toUpperCase() ?? "";
    const after = words[at + 1]?.toUpperCase() === "IS" ? at + 2 : at + 1;
    switch (word) {
      case "PIC":
      case "PICTURE":
        if (clauses.picture !== undefined) throw malformedAt(line, `${name} has two pictures, or no period at its end`);
        clauses.picture = pictureOf(words[after] ?? "", name, line);
        at = after;
        break;
      case "REDEFINES":
        clauses.redefines = words[at + 1];
        at += 1;
        break;
      case "OCCURS":
        clauses.count = occurrences(words.slice(at + 1), name, line);
        at += 1;
        break;
      case "LEADING":
        clauses.leading = true;
        break;
      case "SEPARATE":
        clauses.separate = true;
        break;
      case "SYNC":
      case "SYNCHRONIZED":
        clauses.aligned = true;
        break;
      case "VALUE":
      case "VALUES":
        return clauses;
      default:
        if (Object.hasOwn(USAGES, word) || /^COMP(UTATIONAL)?-/.test(word)) clauses.usage = usageOf(word, name, line);
    }
  }
  return clauses;
}

function pictureOf(text: string, name: string, line: number): Picture {
  const picture = readPicture(text);
  if (picture === undefined) throw malformedAt(line, `${name} has the picture ${excerpt(text)}, which is none`);
  return picture;
}

function occurrences([times = "", ...rest]: readonly string[], name: string, line: number): number {
  if (rest[0]?.toUpperCase() === "TO" || rest.some((word) => word.toUpperCase() === "DEPENDING")) {
    throw malformedAt(line, `${name} occurs a number of times that another field tells; such records are not read`);
  }
  const count = Number(times);
  if (Number.isInteger(count) && count >= 1 && count <= MAX_OCCURS) return count;
  throw malformedAt(line, `${name} occurs ${excerpt(times)} times`);
}

function usageOf(word: string, name: string, line: number): Usage {
  const usage = USAGES[word];
  if (usage === undefined) throw malformedAt(line, `${name} is ${word}, which is not read`);
  return usage;
}

const CLAUSES: ReadonlySet<string> = new Set(
  "PIC PICTURE REDEFINES OCCURS USAGE VALUE VALUES COMP COMP-3 SIGN SYNC BLANK JUST JUSTIFIED".split(" "),
);
/** Undefined: known, and not read. */
const USAGES: Readonly<Record<string, Usage | undefined>> = {
  DISPLAY: "display",
  COMP: "binary",
  COMPUTATIONAL: "binary",
  "COMP-4": "binary",
  "COMPUTATIONAL-4": "binary",
  "COMP-5": "binary",
  "COMPUTATIONAL-5": "binary",
  BINARY: "binary",
  "COMP-3": "packed",
  "COMPUTATIONAL-3": "packed",
  "PACKED-DECIMAL": "packed",
  "COMP-1": undefined,
  "COMP-2": undefined,
  "COMPUTATIONAL-1": undefined,
  "COMPUTATIONAL-2": undefined,
  INDEX: undefined,
  POINTER: undefined,
};

/** Gives the entries their places, one after the other; a redefinition lies where the field lies that it redefines. */
function place(
  entries: readonly Entry[],
  start: number,
): { readonly fields: readonly Field[]; readonly length: number } {
  const fields: Field[] = [];
  let end = start;
  for (const { name, line, count, redefines, leaf, children } of entries) {
    const original = fields.findLast((field) => field.name.toUpperCase() === redefines?.toUpperCase());
    if (redefines !== undefined && original === undefined) {
      throw malformedAt(line, `${name} redefines ${redefines}, which does not stand before it at its level`);
    }
    const offset = original?.offset ?? end;
    if (leaf === undefined && children.length === 0)
      throw malformedAt(line, `${name} has neither a PICTURE nor fields`);
    const inner = leaf === undefined ? place(children, offset) : undefined;
    const length = inner === undefined ? bytesOf(leaf as Leaf) : inner.length - offset;
    const content = inner === undefined ? (leaf as Leaf) : ({ kind: "group", fields: inner.fields } as const);
    fields.push({ name, offset, length, count, content, redefines: original === undefined ? undefined : redefines });
    end = Math.max(end, offset + length * count);
  }
  return { fields, length: end };
}

function bytesOf({ picture, usage, separateSign }: Leaf): number {
  if (picture.kind === "text") return picture.chars;
  switch (usage) {
    case "display":
      return picture.digits + (separateSign === undefined ? 0 : 1);
    case "packed":
      return Math.floor(picture.digits / 2) + 1;
    case "binary":
      return picture.digits <= 4 ? 2 : picture.digits <= 9 ? 4 : 8;
  }
}

function malformedAt(line: number, what: string) {
  return contentFault("copybook_malformed", `The copybook cannot be used: ${what} (line ${line}).`, { line });
}
