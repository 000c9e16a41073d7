import type { JsonValue } from "../../../shared/json.ts";
import { lostDigits, lostNumberIn } from "../../../shared/lost-number.ts";

/** JSON that somebody typed. Throws for what is none, and for a number that would be sent as another one. */
export function readJson(text: string): JsonValue {
  const value = JSON.parse(text) as JsonValue;
  const lost = lostNumberIn(text);
  if (lost !== undefined) throw new Error(lostDigits(lost));
  return value;
}
