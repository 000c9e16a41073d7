import type { JsonValue } from "../../../shared/json.ts";

/** The types of single values. */
export type ValueType = "null" | "boolean" | "integer" | "float" | "date" | "datetime" | "string" | "array" | "object";

const INTEGER = /^-?(?:0|[1-9]\d*)$/;
const FLOAT = /^-?(?:(?:0|[1-9]\d*)(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?$/;
const DATE = /^(\d{4})-(\d{2})-(\d{2})$/;
const DATE_TIME =
  /^(\d{4}-\d{2}-\d{2})[Tt ](?:[01]\d|2[0-3]):[0-5]\d(?::(?:[0-5]\d|60)(?:\.\d{1,9})?)?(?:[Zz]|[+-](?:[01]\d|2[0-3]):?[0-5]\d)?$/;
/** No text of a number or moment is longer; what is, need not be looked at. */
const LONGEST_LITERAL = 64;

/**
 * The type of a value. Dates are known by their ISO 8601 text in any file; `fromText` also reads numbers and booleans
 * from text and an empty text as null, as CSV needs. A number with leading zeros, a plus sign, or more digits than a
 * double holds is an identifier: a string.
 */
export function typeOf(value: JsonValue | undefined, fromText: boolean): ValueType {
  if (value === null || value === undefined) return "null";
  if (typeof value === "boolean") return "boolean";
  if (typeof value === "number") return Number.isInteger(value) ? "integer" : "float";
  if (typeof value === "string") return typeOfText(value, fromText);
  return Array.isArray(value) ? "array" : "object";
}

function typeOfText(text: string, fromText: boolean): ValueType {
  if (text.length > LONGEST_LITERAL) return "string";
  if (fromText) {
    if (text === "") return "null";
    if (INTEGER.test(text)) return Number.isSafeInteger(Number(text)) ? "integer" : "string";
    if (FLOAT.test(text)) return Number.isFinite(Number(text)) ? "float" : "string";
    if (/^(?:true|false)$/i.test(text)) return "boolean";
  }
  if (isCalendarDate(text)) return "date";
  const day = DATE_TIME.exec(text)?.[1];
  return day !== undefined && isCalendarDate(day) ? "datetime" : "string";
}

function isCalendarDate(text: string): boolean {
  const parts = DATE.exec(text);
  if (parts === null) return false;
  const [year, month, day] = [Number(parts[1]), Number(parts[2]), Number(parts[3])];
  if (month < 1 || month > 12 || day < 1) return false;
  const leap = year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0);
  return day <= (month === 2 ? (leap ? 29 : 28) : [4, 6, 9, 11].includes(month) ? 30 : 31);
}
