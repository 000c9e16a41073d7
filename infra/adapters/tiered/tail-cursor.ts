import * as z from "zod";

import { sha256 } from "../../../shared/json.ts";
import { invalidCursor, readCursor, writeCursor } from "../../../shared/ports/page-cursor.ts";
import { readPlace } from "./places.ts";

/**
 * Where a page of the log ended. In the tail: at a place, with the digests of what was given of that place's millisecond, so that
 * the cold log, which may order one millisecond otherwise, can go on. In the cold log: at its own cursor, within narrowed bounds.
 */
const cursorSchema = z.discriminatedUnion("in", [
  z.strictObject({
    in: z.literal("tail"),
    place: z.string().refine((place) => readPlace(place) !== undefined),
    given: z.array(z.string()),
  }),
  z.strictObject({
    in: z.literal("cold"),
    cursor: z.string().optional(),
    from: z.number().optional(),
    to: z.number().optional(),
    given: z.array(z.string()).optional(),
  }),
]);
export type LogCursor = Readonly<z.infer<typeof cursorSchema>>;
export type TailCursor = Extract<LogCursor, { readonly in: "tail" }>;
export type ColdCursor = Extract<LogCursor, { readonly in: "cold" }>;

/** Throws `cursor.invalid` for what no page of the log gave. */
export function readLogCursor(cursor: string | undefined): LogCursor | undefined {
  if (cursor === undefined) return undefined;
  const parsed = cursorSchema.safeParse(readCursor(cursor));
  if (!parsed.success) throw invalidCursor();
  return parsed.data;
}

export function writeLogCursor(cursor: LogCursor): string {
  return writeCursor(cursor);
}

export function textDigest(text: string): string {
  return sha256(text).slice(0, 16);
}
