import * as z from "zod";

import { RuntimeError } from "../../../shared/errors.ts";
import { sha256 } from "../../../shared/json.ts";

/**
 * Where a page of the log ended. In the tail: at a place, with the digests of what was given of that place's millisecond, so that
 * the cold log, which may order one millisecond otherwise, can go on. In the cold log: at its own cursor, within narrowed bounds.
 */
const cursorSchema = z.discriminatedUnion("in", [
  z.strictObject({ in: z.literal("tail"), place: z.string(), given: z.array(z.string()) }),
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
  try {
    return cursorSchema.parse(JSON.parse(Buffer.from(cursor, "base64url").toString()));
  } catch {
    throw new RuntimeError(
      "cursor.invalid",
      "The cursor is not one that a page of this listing gave; start without it.",
      {
        status: 422,
        faults: [{ path: "cursor", message: "is not a cursor of this listing" }],
      },
    );
  }
}

export function writeLogCursor(cursor: LogCursor): string {
  return Buffer.from(JSON.stringify(cursor)).toString("base64url");
}

export function textDigest(text: string): string {
  return sha256(text).slice(0, 16);
}
