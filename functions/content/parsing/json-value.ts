import type { JsonObject, JsonValue } from "../../../shared/json.ts";
import { findJsonFault } from "./json-fault.ts";
import type { JsonFault } from "./json-fault.ts";
import type { Row } from "./parser.ts";

/** Deeper than data is; far less than what overflows the stack of whoever walks the value. */
export const MAX_JSON_DEPTH = 256;
/** Of one record: a value of three characters may cost fifty bytes. */
const MAX_JSON_VALUES = 1_000_000;

export type ParsedJson =
  | { readonly ok: true; readonly value: JsonValue; readonly values: number }
  | { readonly ok: false; readonly fault: JsonFault };

/**
 * Parses one JSON text of bounded depth, without loss: an integer beyond 2^53 or a number beyond a double's range
 * becomes its text, since a long identifier with other digits is worse than one of another type.
 */
export function parseJson(text: string): ParsedJson {
  const measured = measure(text);
  if (typeof measured !== "number") return { ok: false, fault: measured };
  try {
    const value = JSON.parse(text, mayHoldLongNumber(text) ? keepDigits : undefined) as JsonValue;
    const half = offsetOfHalf(text);
    if (half !== undefined) return { ok: false, fault: { offset: half, message: "an escape is half of a character" } };
    return { ok: true, value, values: measured };
  } catch {
    return { ok: false, fault: findJsonFault(text) };
  }
}

/** Where an escape is a surrogate alone, which no UTF-8 can hold: two names with other halves would be one name. */
function offsetOfHalf(text: string): number | undefined {
  if (!/\\u[dD][89a-fA-F]/.test(text)) return undefined;
  const escapes = /\\(?:u[dD][89abAB][\da-fA-F]{2}\\u[dD][c-fC-F][\da-fA-F]{2}|(u[dD][89a-fA-F][\da-fA-F]{2})|.)/g;
  return text.matchAll(escapes).find(([, half]) => half !== undefined)?.index;
}

/** The row of a record: an object is one, anything else is its member `value`. */
export function asRow(value: JsonValue): Row {
  return isObject(value) ? value : { value };
}

function isObject(value: JsonValue): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function mayHoldLongNumber(text: string): boolean {
  return /\d{16}|\d[eE]\+?\d{2}/.test(text);
}

function keepDigits(_key: string, value: unknown, context?: { readonly source?: string }): unknown {
  if (typeof value !== "number" || context?.source === undefined) return value;
  if (!Number.isFinite(value)) return context.source;
  return /^-?\d+$/.test(context.source) && !Number.isSafeInteger(value) ? context.source : value;
}

/** How many values there are, about, or where there are too many of them, or too deep ones. */
function measure(text: string): number | JsonFault {
  let depth = 0;
  let values = 1;
  let quoted = false;
  for (let at = 0; at < text.length; at += 1) {
    const character = text.charCodeAt(at);
    if (quoted) {
      if (character === 0x5c) at += 1;
      else if (character === 0x22) quoted = false;
    } else if (character === 0x22) quoted = true;
    else if (character === 0x5b || character === 0x7b) {
      depth += 1;
      values += 1;
      if (depth > MAX_JSON_DEPTH) return { offset: at, message: `values are nested more than ${MAX_JSON_DEPTH} deep` };
    } else if (character === 0x5d || character === 0x7d) depth -= 1;
    else if (character === 0x2c) {
      values += 1;
      if (values > MAX_JSON_VALUES)
        return { offset: at, message: `one record holds more than ${MAX_JSON_VALUES} values` };
    }
  }
  return values;
}
