import * as z from "zod";

import { invalidCursor, readCursor } from "../../../shared/ports/page-cursor.ts";

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
  throw invalidCursor();
}

const packCursors = {
  place: z.tuple([z.string().regex(PLACE), z.int()]).readonly(),
  last: z.tuple([z.int(), z.int()]).readonly(),
};
/** Where a page of the log ended: the pack, by what orders packs, and the sequence of the entry. */
export type PackCursor = readonly [string | number, number];

/** The cursor of a page of the log that this adapter wrote. Throws `cursor.invalid` for anything else. */
export function readPackCursor(cursor: string | undefined, by: keyof typeof packCursors): PackCursor | undefined {
  const value = readCursor(cursor);
  if (value === undefined) return undefined;
  const parsed = packCursors[by].safeParse(value);
  if (!parsed.success) throw invalidCursor();
  return parsed.data;
}
