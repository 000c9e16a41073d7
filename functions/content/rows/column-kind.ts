import type { JsonValue } from "../../../shared/json.ts";
import { typeOf } from "../parsing/value-type.ts";

/**
 * What the values of a column are in a Parquet file: the narrowest kind that holds each of them without loss. `moment` has a zone and
 * `local_time` has none; `json` is for arrays, objects, and values that have no kind in common.
 */
export type ColumnKind =
  | "null"
  | "boolean"
  | "integer"
  | "float"
  | "date"
  | "local_time"
  | "moment"
  | "string"
  | "json";

/** A time that microseconds hold: no leap second, at most six digits of a second. */
const TIME = /^\d{4}-\d{2}-\d{2}[Tt ]\d{2}:\d{2}(?::[0-5]\d(?:\.\d{1,6})?)?([Zz]|[+-]\d{2}:?\d{2})?$/;

export function kindOf(value: JsonValue | undefined, fromText: boolean): ColumnKind {
  const type = typeOf(value, fromText);
  switch (type) {
    case "datetime": {
      const time = typeof value === "string" ? TIME.exec(value) : null;
      if (time === null) return "string";
      return time[1] === undefined ? "local_time" : "moment";
    }
    case "integer":
      return Number.isSafeInteger(Number(value)) ? "integer" : "float";
    case "array":
    case "object":
      return "json";
    default:
      return type;
  }
}

/** The narrowest kind for the values of both. In a file of texts everything is a text; elsewhere 1 and "1" are not the same. */
export function commonKind(a: ColumnKind, b: ColumnKind, fromText: boolean): ColumnKind {
  if (a === b || b === "null") return a;
  if (a === "null") return b;
  const both = (...kinds: readonly ColumnKind[]): boolean => kinds.includes(a) && kinds.includes(b);
  if (both("integer", "float")) return "float";
  if (both("date", "local_time")) return "local_time";
  if (fromText && a !== "json" && b !== "json") return "string";
  return both("date", "local_time", "moment", "string") ? "string" : "json";
}
