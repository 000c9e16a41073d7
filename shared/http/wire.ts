import * as z from "zod";

/** Pieces of requests that several endpoints share. */
export const tenantId = z
  .string()
  .min(1)
  .max(128)
  .describe("must be the tenant of the bearer token")
  .meta({ example: "acme" });

/** The longest id that a caller may send: as long as those that are stored. */
export const MAX_ID_CHARS = 128;

export const anyId = z.string().min(1).max(MAX_ID_CHARS);

const MAX_CURSOR_CHARS = 2_048;
export const DEFAULT_LIMIT = 50;
export const MAX_LIMIT = 1_000;

/** `limit` and `cursor` as a query has them. */
export const pageQuery = {
  limit: z.coerce.number().pipe(z.int().min(1).max(MAX_LIMIT)).default(DEFAULT_LIMIT),
  cursor: z.string().min(1).max(MAX_CURSOR_CHARS).optional().describe("`next_cursor` of the page before"),
};

/** `limit` and `cursor` as a body has them. */
export const pageBody = {
  limit: z.int().min(1).max(MAX_LIMIT).default(100),
  cursor: z.string().min(1).max(MAX_CURSOR_CHARS).optional().describe("`next_cursor` of the page before"),
};

export const flag = z
  .enum(["true", "false"])
  .optional()
  .transform((text) => text === "true");

export const instant = z.iso
  .datetime({
    offset: true,
    error: "must be a time such as 2026-01-31T12:00:00Z; the + of an offset is %2B in a query",
  })
  .meta({ example: "2026-01-31T12:00:00.000Z" });

/** Where the next page begins, as a member of an answer. */
export function cursorOf(page: { readonly nextCursor?: string | undefined }): { next_cursor?: string } {
  return page.nextCursor === undefined ? {} : { next_cursor: page.nextCursor };
}
