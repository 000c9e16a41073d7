const MAX_NAMES = 3;

/** The names that somebody may have meant, nearest first: at most three, and none that is far off. */
export function nearest(wanted: string, names: readonly string[]): readonly string[] {
  const text = wanted.toLowerCase();
  return names
    .map((name) => ({ name, distance: distanceTo(text, name.toLowerCase()) }))
    .filter(({ name, distance }) => distance <= Math.max(2, name.length / 3))
    .toSorted((one, other) => one.distance - other.distance || (one.name < other.name ? -1 : 1))
    .slice(0, MAX_NAMES)
    .map(({ name }) => name);
}

/** The last part of a dotted name alone is as good as the whole. */
function distanceTo(text: string, name: string): number {
  const last = name.slice(name.lastIndexOf(".") + 1);
  return Math.min(editDistance(text, name), text.includes(".") ? Infinity : editDistance(text, last));
}

/** Edits of one character, and swaps of two neighbours, that make one text the other (optimal string alignment). */
function editDistance(one: string, other: string): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: other.length + 1 }, (_, column) => column);
  for (let row = 1; row <= one.length; row += 1) {
    const current = [row];
    for (let column = 1; column <= other.length; column += 1) {
      const same = one[row - 1] === other[column - 1];
      const swapped = row > 1 && column > 1 && one[row - 1] === other[column - 2] && one[row - 2] === other[column - 1];
      current.push(
        Math.min(
          at(last, column) + 1,
          at(current, column - 1) + 1,
          at(last, column - 1) + (same ? 0 : 1),
          swapped ? at(beforeLast, column - 2) + 1 : Infinity,
        ),
      );
    }
    beforeLast = last;
    last = current;
  }
  return at(last, other.length);
}

function at(row: readonly number[], column: number): number {
  return row[column] ?? Infinity;
}
