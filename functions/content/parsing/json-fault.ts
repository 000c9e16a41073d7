import { excerpt } from "./faults.ts";

/** Where a JSON text stops being JSON, in UTF-16 units from its start, and why. */
export interface JsonFault {
  readonly offset: number;
  readonly message: string;
}

/**
 * Locates the first fault of a text that JSON.parse refused, by the grammar of RFC 8259.
 * JSON.parse itself names the place in some of its messages only, and their wording is V8's own.
 * The caller has bounded the depth of the text, so that recursion is safe.
 */
export function findJsonFault(text: string): JsonFault {
  const checker = new Checker(text);
  try {
    checker.document();
  } catch (error) {
    if (error instanceof Stop) return error.fault;
    throw error;
  }
  return { offset: text.length, message: "the text is not valid JSON" };
}

class Stop extends Error {
  readonly fault: JsonFault;
  constructor(fault: JsonFault) {
    super(fault.message);
    this.fault = fault;
  }
}

class Checker {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  document(): void {
    this.#value();
    if (this.#peek() !== "") this.#stop("nothing more");
  }

  #value(): void {
    const first = this.#peek();
    if (first === "{") this.#members();
    else if (first === "[") this.#elements();
    else if (first === '"') this.#string();
    else if (!this.#take(/-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?(?![\w.+-])|(?:true|false|null)(?!\w)/y)) {
      this.#stop("a value");
    }
  }

  #members(): void {
    this.#at += 1;
    if (this.#takeIf("}")) return;
    do {
      if (this.#peek() !== '"') this.#stop("a name in double quotes");
      this.#string();
      if (!this.#takeIf(":")) this.#stop('":"');
      this.#value();
    } while (this.#takeIf(","));
    if (!this.#takeIf("}")) this.#stop('"," or "}"');
  }

  #elements(): void {
    this.#at += 1;
    if (this.#takeIf("]")) return;
    do this.#value();
    while (this.#takeIf(","));
    if (!this.#takeIf("]")) this.#stop('"," or "]"');
  }

  #string(): void {
    const opened = this.#at;
    this.#at += 1;
    for (;;) {
      this.#take(/[^"\\\u0000-\u001f]{0,4096}/y);
      const next = this.#text[this.#at];
      if (next === '"') break;
      if (next === undefined) throw new Stop({ offset: opened, message: "a string is not closed" });
      if (next === "\\") {
        if (!this.#take(/\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})/y)) this.#stop("a valid escape");
      } else if (next < " ") this.#stop("no line break or control character inside a string");
    }
    this.#at += 1;
  }

  /** The next character that is not white space, at which it stands then; "" at the end. */
  #peek(): string {
    while (" \t\n\r".includes(this.#text[this.#at] ?? "x")) this.#at += 1;
    return this.#text[this.#at] ?? "";
  }

  #takeIf(character: string): boolean {
    if (this.#peek() !== character) return false;
    this.#at += 1;
    return true;
  }

  #take(pattern: RegExp): boolean {
    pattern.lastIndex = this.#at;
    const match = pattern.exec(this.#text);
    if (match === null) return false;
    this.#at += match[0].length;
    return true;
  }

  #stop(expected: string): never {
    const found = this.#text.slice(this.#at, this.#at + 20);
    throw new Stop({
      offset: this.#at,
      message: `expected ${expected}, found ${found === "" ? "the end" : excerpt(found)}`,
    });
  }
}
