const CANDIDATES = [",", ";", "\t", "|"] as const;

/** How many characters of a file are looked at to find its delimiter. */
export const SAMPLE_CHARS: number = 64 * 1024;

/**
 * The likeliest field delimiter of CSV text: the one that occurs equally often on most lines, outside quotes.
 * A candidate must occur on the first line; of equals the more frequent wins, then the order , ; tab |; else a comma.
 * `complete` is false when the sample stops before the end of the file, so that its last line is not judged.
 */
export function sniffDelimiter(sample: string, complete: boolean): string {
  const lines = countPerLine(sample);
  if (!complete && lines.length > 1) lines.pop();
  let best: { readonly delimiter: string; readonly agreeing: number; readonly perLine: number } | undefined;
  for (const [index, delimiter] of CANDIDATES.entries()) {
    const perLine = lines[0]?.[index] ?? 0;
    if (perLine === 0) continue;
    const agreeing = lines.filter((counts) => counts[index] === perLine).length;
    if (best === undefined || agreeing > best.agreeing || (agreeing === best.agreeing && perLine > best.perLine)) {
      best = { delimiter, agreeing, perLine };
    }
  }
  return best?.delimiter ?? ",";
}

/** For every line that is not blank, how often each candidate occurs outside quotes. */
function countPerLine(sample: string): number[][] {
  const lines: number[][] = [];
  let counts = CANDIDATES.map(() => 0);
  let blank = true;
  let quoted = false;
  const endLine = (): void => {
    if (!blank) lines.push(counts);
    counts = CANDIDATES.map(() => 0);
    blank = true;
  };
  for (const character of sample) {
    if (character === '"') quoted = !quoted;
    if (!quoted && (character === "\n" || character === "\r")) {
      endLine();
      continue;
    }
    blank = false;
    if (quoted) continue;
    const candidate = CANDIDATES.findIndex((delimiter) => delimiter === character);
    if (candidate !== -1) counts[candidate] = (counts[candidate] ?? 0) + 1;
  }
  endLine();
  return lines;
}
