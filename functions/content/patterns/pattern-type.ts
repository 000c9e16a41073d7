import type { JsonValue } from "../../../shared/json.ts";
import { typeOf, type ValueType } from "../parsing/value-type.ts";

/** The types of SPEC 13: those of single values, and texts of which more is known. */
export type PatternType = ValueType | "email" | "phone" | "uuid";

const EMAIL = /^[A-Za-z0-9._%+-]{1,64}@(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z]{2,24}$/;
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[1-8][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/i;
/** With a plus, or parted as people write numbers: digits alone are a number or an identifier. */
const PHONE = /^(?:\+\d{1,3}[ .-]?)?(?:\(\d{1,4}\)[ .-]?)?\d{1,4}(?:[ .-]\d{2,4}){1,4}$|^\+\d{7,15}$/;
const LONGEST = 320;

export function patternTypeOf(value: JsonValue): PatternType {
  const type = typeOf(value, false);
  if (type !== "string" || typeof value !== "string" || value.length > LONGEST) return type;
  if (EMAIL.test(value)) return "email";
  if (UUID.test(value)) return "uuid";
  // A day that is in no calendar is no number to call either.
  if (/^\d{4}-\d{2}-\d{2}$/.test(value)) return "string";
  const digits = value.replace(/\D/g, "").length;
  return digits >= 7 && digits <= 15 && PHONE.test(value) ? "phone" : "string";
}

/** The type of a column: that of all its values, else what holds them; `string` where nothing else does. */
export function columnTypeOf(types: ReadonlySet<PatternType>): PatternType {
  const [first] = types;
  if (first === undefined) return "null";
  if (types.size === 1) return first;
  const only = (...allowed: readonly PatternType[]): boolean => types.values().every((type) => allowed.includes(type));
  if (only("integer", "float")) return "float";
  if (only("date", "datetime")) return "datetime";
  if (only("array", "object")) return "object";
  return "string";
}

/** How a text is built: letters are a or A, digits 9, the rest stays, and what repeats more than eight times is cut off. */
export function shapeOf(text: string): string {
  const shape = text
    .slice(0, 64)
    .replace(/\p{Lu}/gu, "A")
    .replace(/\p{Ll}/gu, "a")
    .replace(/\p{Nd}/gu, "9")
    .replace(/(.)\1{8,}/gu, (_, repeated: string) => `${repeated.repeat(8)}+`);
  return text.length > 64 ? `${shape}…` : shape;
}
