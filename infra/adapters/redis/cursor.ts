import { RuntimeError } from "../../../shared/errors.ts";
import type { Page, PageRequest } from "../../../shared/ports/paging.ts";

/** Where a page ends, as what it is ordered by. */
export type Position = readonly (number | string)[];

/** The position in a cursor that this adapter wrote. Throws `cursor.invalid` for anything else. */
export function readCursor(cursor: string | undefined, shape: readonly ("number" | "string")[]): Position | undefined {
  if (cursor === undefined) return undefined;
  try {
    const value: unknown = JSON.parse(Buffer.from(cursor, "base64url").toString());
    if (Array.isArray(value) && value.length === shape.length && value.every((part, i) => isPart(part, shape[i]))) {
      return value as Position;
    }
  } catch {
    // Falls through to the one error for every malformed cursor.
  }
  throw new RuntimeError(
    "cursor.invalid",
    "The cursor is not one that a page of this listing gave; start without it.",
    {
      status: 422,
      faults: [{ path: "cursor", message: "is not a cursor of this listing" }],
    },
  );
}

/** Cuts a page from rows of which one more than its limit was asked for. */
export function pageOf<Row, Item>(
  rows: readonly Row[],
  { limit }: PageRequest,
  item: (row: Row) => Item,
  position: (row: Row) => Position,
): Page<Item> {
  const items = rows.slice(0, limit);
  const last = items.at(-1);
  const more = rows.length > limit && last !== undefined;
  const nextCursor = more ? Buffer.from(JSON.stringify(position(last))).toString("base64url") : undefined;
  return { items: items.map(item), nextCursor };
}

function isPart(part: unknown, type: "number" | "string" | undefined): boolean {
  return type === "number" ? Number.isSafeInteger(part) && Number(part) >= 0 : typeof part === type;
}
