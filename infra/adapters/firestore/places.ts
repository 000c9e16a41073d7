import { RuntimeError } from "../../../shared/errors.ts";
import type { Page, PageRequest } from "../../../shared/ports/paging.ts";

const TIME_DIGITS = 16;
const SEQUENCE_DIGITS = 10;

/**
 * A row's place in a listing by time, as text: places of a listing are unique, and their order as text is the order of the
 * times, then of the sequence, then of what tells rows apart. One field is thus filter, order and cursor.
 */
export function placeOf(atMs: number, sequence: number, name: string): string {
  return `${timeText(atMs)}.${String(sequence).padStart(SEQUENCE_DIGITS, "0")}.${name}`;
}

/** Below every place of this time, and above every place of a time before. */
export function timeText(atMs: number): string {
  return String(Math.max(0, Math.ceil(atMs))).padStart(TIME_DIGITS, "0");
}

/** The time of a place, in epoch milliseconds. */
export function timeOf(place: string): number {
  return Number(place.slice(0, TIME_DIGITS));
}

const PLACE = new RegExp(`^\\d{${TIME_DIGITS}}\\.\\d{${SEQUENCE_DIGITS}}\\.`);

/** The place in a cursor that this adapter wrote. Throws `cursor.invalid` for anything else. */
export function readPlace(cursor: string | undefined): string | undefined {
  const value = readCursor(cursor);
  if (value === undefined || (typeof value === "string" && PLACE.test(value))) return value;
  throw badCursor();
}

/** The sequence in a cursor that this adapter wrote. Throws `cursor.invalid` for anything else. */
export function readSequence(cursor: string | undefined): number | undefined {
  const value = readCursor(cursor);
  if (value === undefined || (typeof value === "number" && Number.isSafeInteger(value))) return value;
  throw badCursor();
}

function readCursor(cursor: string | undefined): unknown {
  if (cursor === undefined) return undefined;
  try {
    return JSON.parse(Buffer.from(cursor, "base64url").toString());
  } catch {
    throw badCursor();
  }
}

function badCursor(): RuntimeError {
  return new RuntimeError(
    "cursor.invalid",
    "The cursor is not one that a page of this listing gave; start without it.",
    { status: 422, faults: [{ path: "cursor", message: "is not a cursor of this listing" }] },
  );
}

/** Cuts a page from rows fetched with one more than its limit. */
export function pageOf<Row, Item>(
  rows: readonly Row[],
  request: PageRequest,
  item: (row: Row) => Item,
  position: (row: Row) => string | number,
): Page<Item> {
  const items = rows.slice(0, request.limit);
  const last = items.at(-1);
  const more = rows.length > request.limit && last !== undefined;
  const nextCursor = more ? Buffer.from(JSON.stringify(position(last))).toString("base64url") : undefined;
  return { items: items.map(item), nextCursor };
}
