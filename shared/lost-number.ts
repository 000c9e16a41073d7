/** Where a number may be that a double does not hold: one of many digits, or of a great exponent. */
const LONG_NUMBER = /\d{16}|\d[eE]\+?\d{2}/;
/** Such a number as a whole. */
const LONG_NUMBERS = /-?\d[\d.]{15,}(?:[eE][+-]?\d+)?|-?\d[\d.]*[eE]\+?\d{2,}/g;
/** Of a number that is told. */
const MAX_SHOWN_CHARS = 40;

/**
 * The first number of a JSON text that JSON.parse would turn into another one, as it is written there: an integer that a double does not
 * hold, or one beyond a double's range. Undefined when there is none. A fraction is what the nearest double is (RFC 8259, section 6).
 */
export function lostNumberIn(text: string): string | undefined {
  if (!LONG_NUMBER.test(text)) return undefined;
  // Between its strings, and not by a reviver, which is called for each value: a million of them take a second.
  for (const part of outsideStrings(text)) {
    for (const [source] of part.matchAll(LONG_NUMBERS)) if (isOther(Number(source), source)) return source;
  }
  return undefined;
}

/** What its sender is told of such a number. */
export function lostDigits(number: string): string {
  const shown = number.length > MAX_SHOWN_CHARS ? `${number.slice(0, MAX_SHOWN_CHARS)}…` : number;
  return `The number ${shown} would lose digits: JSON numbers are read as doubles. Send it as text.`;
}

/** The parts of a JSON text that are in no string. */
function* outsideStrings(text: string): Generator<string, void> {
  let start = 0;
  for (let open = text.indexOf('"'); open !== -1; open = text.indexOf('"', start)) {
    yield text.slice(start, open);
    start = endOfString(text, open + 1);
  }
  yield text.slice(start);
}

/** The place behind the quote that ends the string. */
function endOfString(text: string, begin: number): number {
  for (let close = text.indexOf('"', begin); close !== -1; close = text.indexOf('"', close + 1)) {
    let before = close;
    while (text.charCodeAt(before - 1) === 0x5c) before -= 1;
    // An even number of backslashes escapes one another.
    if ((close - before) % 2 === 0) return close + 1;
  }
  return text.length;
}

function isOther(value: number, source: string): boolean {
  if (!Number.isFinite(value)) return true;
  return !Number.isSafeInteger(value) && /^-?\d+$/.test(source) && BigInt(source) !== BigInt(value);
}
