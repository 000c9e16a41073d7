/** What a PICTURE clause of COBOL says of a field. */
export type Picture =
  | { readonly kind: "text"; readonly chars: number }
  | { readonly kind: "number"; readonly digits: number; readonly scale: number; readonly signed: boolean };

const MAX_CHARS = 1_048_576;

/** Reads a picture such as X(10), S9(7)V99 or ZZ,ZZ9.99; an edited one is text. Undefined for one that is none. */
export function readPicture(text: string): Picture | undefined {
  const symbols: string[] = [];
  for (const [whole, symbol = "", count] of text.toUpperCase().matchAll(/([A-Z0-9.,$+\-*/])(?:\((\d{1,7})\))?|./g)) {
    const times = count === undefined ? 1 : Number(count);
    if (symbol === "" || whole === "" || times < 1 || symbols.length + times > MAX_CHARS) return undefined;
    for (let index = 0; index < times; index += 1) symbols.push(symbol);
  }
  if (symbols.length === 0) return undefined;
  if (symbols.every((symbol) => "XAB".includes(symbol))) return { kind: "text", chars: symbols.length };
  const number = symbols.join("");
  if (/^S?9*(?:V9*)?$/.test(number) && number.includes("9")) {
    const [whole = "", fraction = ""] = number.replace("S", "").split("V");
    return {
      kind: "number",
      digits: whole.length + fraction.length,
      scale: fraction.length,
      signed: number.startsWith("S"),
    };
  }
  if (!/^[XAB9ZV0.,$+\-*/CRDB]+$/.test(number)) return undefined;
  return { kind: "text", chars: symbols.filter((symbol) => symbol !== "V").length };
}
