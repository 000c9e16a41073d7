import { hash } from "node:crypto";

import * as z from "zod";

export type JsonPrimitive = string | number | boolean | null;
export type JsonValue = JsonPrimitive | readonly JsonValue[] | JsonObject;
export type JsonObject = { readonly [key: string]: JsonValue | undefined };

/** Any JSON. What comes out of JSON.parse or a store of JSON is JSON already: this types it and walks nothing. */
export const jsonValue = z.unknown().meta({ description: "any JSON" }) as unknown as z.ZodType<JsonValue>;

/** Any JSON object, its members unexamined. */
export const jsonObject: z.ZodType<JsonObject, Record<string, unknown>> = z.record(z.string(), jsonValue);

/** The value as it will read back from a store: plain JSON, own copies, `undefined` members gone. */
export function toJson(value: JsonObject): JsonObject;
export function toJson(value: unknown): JsonValue;
export function toJson(value: unknown): JsonValue {
  return value === undefined ? null : (JSON.parse(JSON.stringify(value)) as JsonValue);
}

/** JSON with the members of every object sorted, so that equal values have equal texts (after RFC 8785). */
export function canonicalJson(value: JsonValue | undefined): string {
  if (value === null || value === undefined || typeof value !== "object") return JSON.stringify(value ?? null);
  if (isJsonArray(value)) return `[${value.map(canonicalJson).join(",")}]`;
  const members: string[] = [];
  for (const key of Object.keys(value).toSorted()) {
    const member = value[key];
    if (member !== undefined) members.push(`${JSON.stringify(key)}:${canonicalJson(member)}`);
  }
  return `{${members.join(",")}}`;
}

/** Lower-case hex SHA-256 of UTF-8 text or bytes. */
export function sha256(data: string | Uint8Array): string {
  return hash("sha256", data, "hex");
}

/** SHA-256 of a JSON value, independent of the order of its members. */
export function digestOf(value: JsonValue | undefined): string {
  return sha256(canonicalJson(value));
}

function isJsonArray(value: JsonValue): value is readonly JsonValue[] {
  return Array.isArray(value);
}
