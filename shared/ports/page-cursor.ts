import { RuntimeError } from "../errors.ts";
import type { Page, PageRequest } from "./paging.ts";

/** Where a page ends, as what it is ordered by. */
export type Position = readonly (number | string)[];

/** An opaque cursor that says the value: any JSON. */
export function writeCursor(value: unknown): string {
  return Buffer.from(JSON.stringify(value)).toString("base64url");
}

/** The value that a cursor says, of whatever shape; undefined when there is none. Throws `cursor.invalid` (422). */
export function readCursor(cursor: string | undefined): unknown {
  if (cursor === undefined) return undefined;
  try {
    return JSON.parse(Buffer.from(cursor, "base64url").toString());
  } catch {
    throw invalidCursor();
  }
}

/** The position in a cursor of the shape; numbers are whole and not negative. Throws `cursor.invalid` (422) for anything else. */
export function readPosition(
  cursor: string | undefined,
  shape: readonly ("number" | "string")[],
): Position | undefined {
  const value = readCursor(cursor);
  if (value === undefined) return undefined;
  if (Array.isArray(value) && value.length === shape.length && value.every((part, i) => isPart(part, shape[i]))) {
    return value as Position;
  }
  throw invalidCursor();
}

/** Cuts a page from rows of which one more than its limit was asked for. */
export function pageOf<Row, Item>(
  rows: readonly Row[],
  { limit }: PageRequest,
  item: (row: Row) => Item,
  position: (row: Row) => Position | number | string,
): Page<Item> {
  const items = rows.slice(0, limit);
  const last = items.at(-1);
  const more = rows.length > limit && last !== undefined;
  return { items: items.map(item), nextCursor: more ? writeCursor(position(last)) : undefined };
}

/** The one error for every cursor that no page gave. */
export function invalidCursor(): RuntimeError {
  return new RuntimeError(
    "cursor.invalid",
    "The cursor is not one that a page of this listing gave; start without it.",
    { status: 422, faults: [{ path: "cursor", message: "is not a cursor of this listing" }] },
  );
}

function isPart(part: unknown, type: "number" | "string" | undefined): boolean {
  return type === "number" ? Number.isSafeInteger(part) && Number(part) >= 0 : typeof part === type;
}
