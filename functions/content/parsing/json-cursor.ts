import type { RuntimeError } from "../../../shared/errors.ts";
import type { JsonValue } from "../../../shared/json.ts";
import { excerpt, malformed, recordTooLarge } from "./faults.ts";
import { MAX_JSON_DEPTH, parseJson } from "./json-value.ts";
import { MAX_RECORD_CHARS, PIECE_CHARS } from "./parser.ts";
import { lineBreaksIn } from "./text.ts";

/** One value of a document that is read piece by piece, and what it takes to hold it. */
export interface ReadValue {
  readonly value: JsonValue;
  readonly chars: number;
}

/**
 * Walks a JSON document of any size: it goes into the arrays and objects that it is told to and parses whole values of
 * bounded length. So JSON.parse decides on every value what is JSON, and this class only on what lies between them.
 */
export class JsonCursor {
  readonly #pieces: AsyncGenerator<string, void>;
  #text = "";
  #at = 0;
  #line = 1;
  #column = 1;

  constructor(pieces: AsyncGenerator<string, void>) {
    this.#pieces = pieces;
  }

  async close(): Promise<void> {
    await this.#pieces.return();
  }

  /** The next character that is not white space, without taking it; "" at the end of the document. */
  async peek(): Promise<string> {
    for (;;) {
      const start = this.#at;
      while (this.#at < this.#text.length && isSpace(this.#text.charCodeAt(this.#at))) this.#at += 1;
      if (this.#at > start) this.#passed(this.#text.slice(start, this.#at));
      if (this.#at < this.#text.length) return this.#text.charAt(this.#at);
      if (!(await this.#fill())) return "";
    }
  }

  /** Reads and parses the whole value that comes next. */
  async value(hint = ""): Promise<ReadValue> {
    await this.peek();
    const place = { line: this.#line, column: this.#column };
    const scan = new ValueScan();
    const parts: string[] = [];
    let chars = 0;
    for (;;) {
      const start = this.#at;
      const end = scan.end(this.#text, start);
      this.#at = end ?? this.#text.length;
      const part = this.#text.slice(start, this.#at);
      parts.push(part);
      chars += part.length;
      if (chars > MAX_RECORD_CHARS) throw recordTooLarge("json", MAX_RECORD_CHARS, place, hint);
      if (end !== undefined || !(await this.#fill())) break;
    }
    const text = parts.join("");
    // What comes next can begin no value.
    if (text === "") throw this.#unexpected("a value");
    const parsed = parseJson(text);
    if (!parsed.ok) {
      this.#passed(text.slice(0, parsed.fault.offset));
      throw this.fault(parsed.fault.message);
    }
    this.#passed(text);
    return { value: parsed.value, chars: chars + parsed.values * PIECE_CHARS };
  }

  /** Goes into the array that comes next and stops at each of its elements, which the caller must take before the next. */
  async *elements(): AsyncGenerator<void, void> {
    this.#take();
    if ((await this.peek()) === "]") return this.#take();
    for (;;) {
      yield;
      if ((await this.#takeOneOf(",", "]")) === "]") return;
    }
  }

  /** Goes into the object that comes next and stops at the value of each member, which the caller must take. */
  async *members(): AsyncGenerator<string, void> {
    this.#take();
    if ((await this.peek()) === "}") return this.#take();
    for (;;) {
      if ((await this.peek()) !== '"') throw this.#unexpected("a name in double quotes");
      const { value: name } = await this.value();
      await this.#takeOneOf(":");
      if (typeof name === "string") yield name;
      if ((await this.#takeOneOf(",", "}")) === "}") return;
    }
  }

  /** Passes over the next value in bounded memory, however long it is, but not over faults in it. */
  async skip(depth = 0): Promise<void> {
    const first = await this.peek();
    if (depth > MAX_JSON_DEPTH) throw this.fault(`values are nested more than ${MAX_JSON_DEPTH} deep`);
    if (first === "[") for await (const _ of this.elements()) await this.skip(depth + 1);
    else if (first === "{") for await (const _ of this.members()) await this.skip(depth + 1);
    else await this.value();
  }

  /** An error at the place where the cursor stands. */
  fault(message: string): RuntimeError {
    const place = { line: this.#line, column: this.#column };
    return malformed("json", `Line ${place.line}, column ${place.column}: ${message}.`, place);
  }

  async end(): Promise<void> {
    if ((await this.peek()) !== "") throw this.#unexpected("nothing more after the document");
  }

  async #takeOneOf(...expected: readonly string[]): Promise<string> {
    const next = await this.peek();
    if (!expected.includes(next)) throw this.#unexpected(expected.map((character) => `"${character}"`).join(" or "));
    this.#take();
    return next;
  }

  #take(): void {
    this.#at += 1;
    this.#column += 1;
  }

  #unexpected(expected: string): RuntimeError {
    const found = this.#text.slice(this.#at, this.#at + 20);
    return this.fault(`expected ${expected}, found ${found === "" ? "the end of the file" : excerpt(found)}`);
  }

  async #fill(): Promise<boolean> {
    const next = await this.#pieces.next();
    if (next.done === true) return false;
    this.#text = next.value;
    this.#at = 0;
    return true;
  }

  #passed(text: string): void {
    const breaks = lineBreaksIn(text);
    this.#line += breaks;
    this.#column = breaks === 0 ? this.#column + text.length : text.length - text.lastIndexOf("\n");
  }
}

/** Finds where one value ends across pieces of text, by brackets and quotes alone. */
class ValueScan {
  #depth = 0;
  #quoted = false;
  #escaped = false;
  #begun = false;

  /** The offset behind the value's last character, or undefined when it goes on after this piece. */
  end(text: string, from: number): number | undefined {
    for (let at = from; at < text.length; at += 1) {
      const character = text.charCodeAt(at);
      if (this.#quoted) {
        if (this.#escaped) this.#escaped = false;
        else if (character === 0x5c) this.#escaped = true;
        else if (character === 0x22) {
          this.#quoted = false;
          if (this.#depth === 0) return at + 1;
        }
        continue;
      }
      if (this.#depth === 0 && this.#begun && (isSpace(character) || isSeparator(character))) return at;
      if (character === 0x22) this.#quoted = true;
      else if (character === 0x5b || character === 0x7b) this.#depth += 1;
      else if (character === 0x5d || character === 0x7d) {
        if (this.#depth <= 1) return this.#depth === 0 ? at : at + 1;
        this.#depth -= 1;
      } else if (this.#depth === 0 && isSeparator(character)) return at;
      this.#begun = true;
    }
    return undefined;
  }
}

function isSpace(character: number): boolean {
  return character === 0x20 || character === 0x0a || character === 0x0d || character === 0x09;
}

/** A comma, a colon or a closing bracket. */
function isSeparator(character: number): boolean {
  return character === 0x2c || character === 0x3a || character === 0x5d || character === 0x7d;
}
