import type { JsonValue } from "../../../shared/json.ts";
import { contentFault, excerpt, tooManyColumns } from "./faults.ts";
import type { ParseEvents, Row } from "./parser.ts";

/** As many columns as an Excel sheet can have. */
export const MAX_COLUMNS = 16_384;
/** With MAX_COLUMNS it bounds what all the names of a file can cost in memory. */
export const MAX_COLUMN_NAME_CHARS = 1_024;

/**
 * The names of the columns by their header cells: trimmed, an empty one `column_<position>`, a repeated one `<name>_2`.
 * Every name that had to be made or changed is noted as `content.column_renamed`.
 */
export function nameColumns(header: readonly string[], events?: ParseEvents): readonly string[] {
  if (header.length > MAX_COLUMNS) throw tooManyColumns(MAX_COLUMNS);
  const given = header.map((cell) => cell.trim());
  const reserved = new Set(given);
  const used = new Set<string>();
  const nextSuffix = new Map<string, number>();
  return given.map((name, index) => {
    checkColumnName(name);
    if (name !== "" && !used.has(name)) {
      used.add(name);
      return name;
    }
    const base = name === "" ? defaultColumnName(index) : name;
    let suffix = nextSuffix.get(base) ?? (name === "" ? 1 : 2);
    const candidate = (): string => (suffix === 1 ? base : `${base}_${suffix}`);
    // A made-up name must not take one that a later header cell has.
    while (reserved.has(candidate()) || used.has(candidate())) suffix += 1;
    const unique = candidate();
    nextSuffix.set(base, suffix + 1);
    used.add(unique);
    events?.onNote?.({
      code: "content.column_renamed",
      message: `Column ${index + 1} ${name === "" ? "has no name" : `repeats the name ${excerpt(name)}`}: it is called ${excerpt(unique)}.`,
      details: { position: index + 1, given: name, name: unique },
    });
    return unique;
  });
}

/** What a column without a header is called; `index` counts from 0, the name from 1. */
export function defaultColumnName(index: number): string {
  return `column_${index + 1}`;
}

/** Throws when a name is too long to be one. */
export function checkColumnName(name: string): void {
  if (name.length <= MAX_COLUMN_NAME_CHARS) return;
  throw contentFault(
    "column_name_too_long",
    `The column name that begins ${excerpt(name)} is longer than ${MAX_COLUMN_NAME_CHARS} characters.`,
    { max_chars: MAX_COLUMN_NAME_CHARS },
  );
}

/** The row of these values under these names; absent values are null. */
export function rowOf(names: readonly string[], values: readonly (JsonValue | undefined)[]): Row {
  const row: Record<string, JsonValue> = {};
  for (let index = 0; index < names.length; index += 1) {
    const name = names[index];
    if (name === undefined) continue;
    const value = values[index] ?? null;
    // Plain assignment to __proto__ would set the prototype and lose the value.
    if (name === "__proto__")
      Object.defineProperty(row, name, { value, enumerable: true, writable: true, configurable: true });
    else row[name] = value;
  }
  return row;
}
