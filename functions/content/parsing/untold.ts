import { MAX_RECORD_CHARS } from "./parser.ts";

/** What a parser of tags was given and has told nothing of yet: it holds a tag, a text or a comment until that ends, however long it is. */
export class Untold {
  #chars = 0;

  /** For whatever the parser tells: it holds no more of what came before. */
  readonly told = (): void => {
    this.#chars = 0;
  };

  /** Counts a text that the parser has just taken, a piece of what comes; true when it holds more than a record may be. */
  isTooMuchWith(text: string): boolean {
    this.#chars += text.length;
    return this.#chars > MAX_RECORD_CHARS;
  }
}
