import { SaxesParser } from "saxes";

import { RuntimeError } from "../../../shared/errors.ts";
import { decodeDeclared } from "./declared-encoding.ts";
import { contentFault, malformed, recordTooLarge } from "./faults.ts";
import { MAX_RECORD_CHARS, type ParseEvents, type ParseOptions, PIECE_CHARS, type Row } from "./parser.ts";
import { Untold } from "./untold.ts";
import { newElement, recordPathOf, type XmlElement, xmlRow } from "./xml-tree.ts";

const ENCODING = /^\s*<\?xml[^>]*\sencoding\s*=\s*["']([\w-]+)["']/;
/** So much is looked at before it is decided which elements are the records. */
const LOOK_CHARS = 2 * 1024 * 1024;
const MAX_DEPTH = 256;
const MAX_ATTRIBUTES = 1_024;
/** What an element costs besides its text, and an attribute besides its own, about. */
const ELEMENT_CHARS = 64;

/**
 * XML: a row for each record, which is an element that repeats; `record_path` names the records where that is not what is meant
 * (names with dots between, from the root). Streamed: no more than a record is held once the records are known. Entities of a
 * document type are never read, and refused where they are used.
 */
export async function* readXmlRecords(
  source: AsyncIterable<Uint8Array>,
  options: ParseOptions,
  events?: ParseEvents,
): AsyncGenerator<Row, void> {
  const records = new XmlRecords(options.record_path?.split("."));
  const untold = new Untold();
  const parser = parserInto(records, untold.told);
  try {
    for await (const text of decodeDeclared(source, ENCODING, options.encoding)) {
      parser.write(text);
      if (untold.isTooMuchWith(text)) throw recordTooLarge("xml", MAX_RECORD_CHARS, { line: parser.line });
      yield* records.take();
    }
    parser.close();
  } catch (error) {
    if (error instanceof RuntimeError) throw error;
    const place = { line: parser.line, column: parser.column };
    const said = error instanceof Error ? error.message.replace(/^\d+:\d+: /, "") : "";
    throw malformed("xml", `Line ${place.line}, column ${place.column}: ${said}`, place, error);
  }
  yield* records.end();
  if (records.passedOver.size > 0) {
    const names = [...records.passedOver].slice(0, 20);
    events?.onNote?.({
      code: "content.xml_passed_over",
      message: `Elements beside the records were passed over: ${names.join(", ")}.`,
      details: { elements: names },
    });
  }
}

function parserInto(records: XmlRecords, told: () => void): SaxesParser {
  const parser = new SaxesParser({ position: true });
  let attributes = 0;
  parser.on("opentagstart", () => {
    attributes = 0;
  });
  parser.on("attribute", () => {
    attributes += 1;
    if (attributes > MAX_ATTRIBUTES)
      throw tooDeep(`has a tag with more than ${MAX_ATTRIBUTES} attributes`, parser.line);
  });
  parser.on("comment", told);
  parser.on("processinginstruction", told);
  parser.on("doctype", told);
  parser.on("opentag", (tag) => {
    told();
    const own = Object.entries(tag.attributes)
      .filter(([name]) => name !== "xmlns" && !name.startsWith("xmlns:"))
      .map(([name, value]) => [localName(name), String(value)] as const);
    records.open(newElement(localName(tag.name), own), parser.line);
  });
  parser.on("closetag", () => {
    told();
    records.close();
  });
  const text = (piece: string): void => {
    told();
    records.text(piece, parser.line);
  };
  parser.on("text", text);
  parser.on("cdata", text);
  return parser;
}

/** Builds elements, and lets go of the records as soon as it is known which they are. */
class XmlRecords {
  readonly passedOver = new Set<string>();
  readonly #stack: XmlElement[] = [];
  readonly #stated: boolean;
  #path: readonly string[] | undefined;
  #root: XmlElement | undefined;
  #ready: Row[] = [];
  #count = 0;
  /** What is held that is not a row yet. */
  #heldChars = 0;

  constructor(path: readonly string[] | undefined) {
    this.#path = path;
    this.#stated = path !== undefined;
  }

  open(element: XmlElement, line: number): void {
    if (this.#stack.length >= MAX_DEPTH) throw tooDeep(`nests tags more than ${MAX_DEPTH} deep`, line);
    const parent = this.#stack.at(-1);
    parent?.children.push(element);
    this.#root ??= element;
    this.#stack.push(element);
    this.#hold(
      ELEMENT_CHARS +
        element.attributes.reduce((sum, [name, value]) => sum + name.length + value.length + ELEMENT_CHARS, 0),
      line,
    );
  }

  text(piece: string, line: number): void {
    const element = this.#stack.at(-1);
    if (element === undefined || (element.text === "" && piece.trim() === "")) return;
    element.text += piece;
    this.#hold(piece.length + PIECE_CHARS, line);
  }

  close(): void {
    const path = this.#path;
    const element = this.#stack.at(-1);
    if (path !== undefined && element !== undefined) {
      if (this.#isAt(path)) this.#give(element);
      // Inside a record everything belongs to it; beside the records nothing is wanted.
      else if (!this.#isWithin(path)) this.#drop(element, path);
    }
    this.#stack.pop();
    const parent = this.#stack.at(-1);
    if (path !== undefined && parent !== undefined && !this.#isWithin(path)) parent.children.pop();
    if (path !== undefined && !this.#isWithin(path)) this.#heldChars = 0;
  }

  take(): Row[] {
    if (this.#path === undefined && this.#heldChars > LOOK_CHARS) this.#decide();
    const ready = this.#ready;
    this.#ready = [];
    return ready;
  }

  end(): Row[] {
    if (this.#path === undefined) this.#decide();
    if (this.#count === 0 && this.#stated) {
      const path = this.#path?.join(".") ?? "";
      throw contentFault("record_path_not_found", `The record path "${path}" leads nowhere in the document.`, {
        record_path: path,
      });
    }
    return this.take();
  }

  /** By what has been read so far; the records among it that are whole are given out. */
  #decide(): void {
    const root = this.#root;
    if (root === undefined) return;
    const path = recordPathOf(root);
    // Only one element so far: it may be the record that holds everything, or there is more to come.
    if (path.length === 1 && this.#stack.length > 0) return;
    this.#path = path;
    let parents: XmlElement[] = [root];
    if (path.length === 1) return this.#give(root);
    for (const name of path.slice(1, -1)) {
      const children = parents.flatMap((parent) => parent.children);
      for (const child of children) if (child.name !== name) this.#drop(child, path);
      parents = children.filter((child) => child.name === name);
    }
    for (const parent of parents) {
      for (const child of parent.children.splice(0)) {
        if (this.#stack.includes(child)) parent.children.push(child);
        else if (child.name === path.at(-1)) this.#give(child);
        else this.#drop(child, path);
      }
    }
    this.#heldChars = 0;
  }

  #isAt(path: readonly string[]): boolean {
    return this.#stack.length === path.length && path.every((name, index) => this.#stack[index]?.name === name);
  }

  #isWithin(path: readonly string[]): boolean {
    return this.#stack.length >= path.length && path.every((name, index) => this.#stack[index]?.name === name);
  }

  #give(element: XmlElement): void {
    this.#count += 1;
    this.#ready.push(xmlRow(element));
  }

  #drop(element: XmlElement, path: readonly string[]): void {
    if (!path.includes(element.name) && this.passedOver.size < 1_000) this.passedOver.add(element.name);
  }

  #hold(chars: number, line: number): void {
    this.#heldChars += chars;
    if (this.#heldChars > MAX_RECORD_CHARS) {
      throw recordTooLarge(
        "xml",
        MAX_RECORD_CHARS,
        { line },
        "Name the elements that are the records with record_path.",
      );
    }
  }
}

function localName(name: string): string {
  return name.slice(name.indexOf(":") + 1);
}

function tooDeep(what: string, line: number) {
  return malformed("xml", `The document ${what}, at line ${line}.`, { line });
}
