import { MAX_COLUMNS, checkColumnName } from "./columns.ts";
import { tooManyColumns } from "./faults.ts";
import type { Row } from "./parser.ts";
import { typeOf } from "./value-type.ts";
import type { ValueType } from "./value-type.ts";

export type ColumnType = ValueType | "mixed";

/** A column as its values show it; `null_count` counts empty values and rows without the column. */
export type Column = {
  readonly name: string;
  readonly type: ColumnType;
  readonly null_count: number;
};

export type ColumnProfile = {
  readonly columns: readonly Column[];
  readonly record_count: number;
};

export interface ColumnProfiler {
  /** Tells the columns in file order; those that only rows have come after them, in the order of their appearance. */
  declare(names: readonly string[]): void;
  /** Takes one row into account; throws `content.too_many_columns` or `content.column_name_too_long`. */
  add(row: Row): void;
  /** The profile of the rows so far. */
  profile(): ColumnProfile;
}

interface Seen {
  readonly types: Set<ValueType>;
  values: number;
}

/**
 * Profiles rows one by one in memory that grows with the columns only.
 * `valuesAreText` is the selected parser's: then types are read from text, and whatever does not fit one is a string.
 */
export function createColumnProfiler(options: {
  readonly valuesAreText: boolean;
  readonly maxColumns?: number;
}): ColumnProfiler {
  const { valuesAreText, maxColumns = MAX_COLUMNS } = options;
  const columns = new Map<string, Seen>();
  let records = 0;

  const columnOf = (name: string): Seen => {
    const known = columns.get(name);
    if (known !== undefined) return known;
    checkColumnName(name);
    if (columns.size >= maxColumns) throw tooManyColumns(maxColumns);
    const added: Seen = { types: new Set(), values: 0 };
    columns.set(name, added);
    return added;
  };

  return {
    declare: (names) => {
      for (const name of names) columnOf(name);
    },
    add: (row) => {
      records += 1;
      for (const name of Object.keys(row)) {
        const column = columnOf(name);
        const type = typeOf(row[name], valuesAreText);
        if (type === "null") continue;
        column.types.add(type);
        column.values += 1;
      }
    },
    profile: () => ({
      columns: Array.from(columns, ([name, seen]) => ({
        name,
        type: commonType(seen.types, valuesAreText),
        null_count: records - seen.values,
      })),
      record_count: records,
    }),
  };
}

/** The narrowest type that all values have: a float can be an integer, a moment a day, a text of CSV anything. */
function commonType(types: ReadonlySet<ValueType>, valuesAreText: boolean): ColumnType {
  const consistsOf = (...allowed: readonly ValueType[]): boolean =>
    types.values().every((type) => allowed.includes(type));
  const [first] = types;
  if (first === undefined) return "null";
  if (types.size === 1) return first;
  if (consistsOf("integer", "float")) return "float";
  if (consistsOf("date", "datetime")) return "datetime";
  if (types.has("array") || types.has("object")) return "mixed";
  // In a typed file a date is a text too.
  if (valuesAreText || consistsOf("date", "datetime", "string")) return "string";
  return "mixed";
}
