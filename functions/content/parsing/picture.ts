/** What a PICTURE clause of COBOL says of a field. */
export type Picture =
  | { readonly kind: "text"; readonly chars: number }
  | { readonly kind: "number"; readonly digits: number; readonly scale: number; readonly signed: boolean };

const MAX_CHARS = 1_048_576;

/** Reads a picture such as X(10), S9(7)V99 or ZZ,ZZ9.99; an edited one is text. Undefined for one that is none. */
export function readPicture(text: string): Picture | undefined {
  // As runs: what a few characters say of a million symbols is never written out.
  const runs: { readonly symbol: string; readonly times: number }[] = [];
  let chars = 0;
  for (const [whole, symbol = "", count] of text.toUpperCase().matchAll(/([A-Z0-9.,$+\-*/])(?:\((\d{1,7})\))?|./g)) {
    const times = count === undefined ? 1 : Number(count);
    chars += times;
    if (symbol === "" || whole === "" || times < 1 || chars > MAX_CHARS) return undefined;
    runs.push({ symbol, times });
  }
  if (runs.length === 0) return undefined;
  if (runs.every(({ symbol }) => "XAB".includes(symbol))) return { kind: "text", chars };
  const charsOf = (...symbols: readonly string[]): number =>
    runs.reduce((sum, { symbol, times }) => sum + (symbols.includes(symbol) ? times : 0), 0);
  const symbols = runs.map(({ symbol }) => symbol).join("");
  const point = symbols.indexOf("V");
  if (/^S?9*(?:V9*)?$/.test(symbols) && charsOf("S") <= 1 && charsOf("V") <= 1 && symbols.includes("9")) {
    const digits = charsOf("9");
    const scale = point === -1 ? 0 : runs.slice(point + 1).reduce((sum, { times }) => sum + times, 0);
    return { kind: "number", digits, scale, signed: symbols.startsWith("S") };
  }
  if (!/^[XAB9ZV0.,$+\-*/CRDB]+$/.test(symbols)) return undefined;
  return { kind: "text", chars: chars - charsOf("V") };
}
