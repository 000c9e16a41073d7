import type { JsonValue } from "../../../shared/json.ts";
import { decodeCp037 } from "./cp037.ts";
import type { Leaf } from "./copybook.ts";

export type Charset = "ascii" | "cp037";

/** The value of a field, or why its bytes are none. */
export type FieldReading =
  | { readonly ok: true; readonly value: JsonValue }
  | { readonly ok: false; readonly why: string };

/** A sign that is written into a digit: the last one unless LEADING. The letters are the same in EBCDIC and in ASCII. */
const POSITIVE = "{ABCDEFGHI";
const NEGATIVE = "}JKLMNOPQR";
/** As Micro Focus writes negative digits in ASCII. */
const NEGATIVE_ASCII = "pqrstuvwxy";

export function readField(bytes: Uint8Array, leaf: Leaf, charset: Charset): FieldReading {
  const { picture, usage } = leaf;
  if (picture.kind === "text") return readText(bytes, charset);
  switch (usage) {
    case "display":
      return readDisplay(textOf(bytes, charset), leaf, picture);
    case "packed":
      return readPacked(bytes, picture);
    case "binary":
      return readBinary(bytes, picture);
  }
}

type NumberPicture = Extract<Leaf["picture"], { readonly kind: "number" }>;

function textOf(bytes: Uint8Array, charset: Charset): string {
  return charset === "cp037" ? decodeCp037(bytes) : Buffer.from(bytes).toString("latin1");
}

/** Low values are no value; blanks at the end are none of the text's. */
function readText(bytes: Uint8Array, charset: Charset): FieldReading {
  if (bytes.every((byte) => byte === 0)) return { ok: true, value: null };
  if (charset === "ascii" && bytes.some((byte) => byte > 0x7e || (byte < 0x20 && byte !== 0x09))) {
    return { ok: false, why: "is not ASCII text" };
  }
  return { ok: true, value: withoutFiller(textOf(bytes, charset)) };
}

/** Not by an expression: looking for the end of each of a million blanks, one would be at it for an hour. */
function withoutFiller(text: string): string {
  let end = text.length;
  while (end > 0 && /[\s\0]/.test(text.charAt(end - 1))) end -= 1;
  return text.slice(0, end);
}

function readDisplay(text: string, leaf: Leaf, { digits, scale, signed }: NumberPicture): FieldReading {
  // Blank is how a number is written that is not there.
  if (/^ *$/.test(text)) return { ok: true, value: null };
  let plain = text;
  let negative = false;
  if (leaf.separateSign !== undefined) {
    const sign = leaf.separateSign === "leading" ? text.slice(0, 1) : text.slice(-1);
    if (sign !== "+" && sign !== "-" && sign !== " ")
      return { ok: false, why: `has ${JSON.stringify(sign)} where its sign is` };
    negative = sign === "-";
    plain = leaf.separateSign === "leading" ? text.slice(1) : text.slice(0, -1);
  } else if (signed) {
    const at = leaf.leadingSign ? 0 : text.length - 1;
    const letter = text[at] ?? "";
    const positive = POSITIVE.indexOf(letter);
    const minus = Math.max(NEGATIVE.indexOf(letter), NEGATIVE_ASCII.indexOf(letter));
    negative = minus !== -1;
    const digit = positive !== -1 ? positive : minus;
    if (digit !== -1) plain = text.slice(0, at) + String(digit) + text.slice(at + 1);
  }
  if (plain.length !== digits || !/^\d+$/.test(plain))
    return { ok: false, why: `is ${JSON.stringify(text)}, which is no number` };
  return { ok: true, value: numberOf(plain, scale, negative) };
}

function readPacked(bytes: Uint8Array, { digits, scale }: NumberPicture): FieldReading {
  const nibbles = Buffer.from(bytes).toString("hex");
  const sign = nibbles.at(-1) ?? "";
  const plain = nibbles.slice(0, -1);
  if (!/^\d+$/.test(plain) || !/[a-f]/.test(sign))
    return { ok: false, why: `is 0x${nibbles}, which is no packed decimal` };
  return { ok: true, value: numberOf(plain.slice(-Math.max(digits, 1)), scale, sign === "d" || sign === "b") };
}

function readBinary(bytes: Uint8Array, { scale, signed }: NumberPicture): FieldReading {
  const hex = Buffer.from(bytes).toString("hex");
  const raw = BigInt(`0x${hex}`);
  const value = signed ? BigInt.asIntN(bytes.length * 8, raw) : raw;
  return { ok: true, value: numberOf(String(value < 0n ? -value : value), scale, value < 0n) };
}

/** A number, or a text where a double would lose a digit. */
function numberOf(digits: string, scale: number, negative: boolean): JsonValue {
  const padded = digits.padStart(scale + 1, "0");
  const whole = padded.slice(0, padded.length - scale).replace(/^0+(?=\d)/, "");
  const text = `${negative && /[1-9]/.test(padded) ? "-" : ""}${whole}${scale === 0 ? "" : `.${padded.slice(-scale)}`}`;
  return padded.replace(/^0+/, "").length <= 15 ? Number(text) : text;
}
