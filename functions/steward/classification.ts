import * as z from "zod";

import { DATA_CLASSIFICATIONS } from "../../shared/data-classification.ts";
import { toJson, type JsonValue } from "../../shared/json.ts";
import type { Page } from "../../shared/ports/paging.ts";

/** Whose data is meant; a query without it does not get in. */
export const dataClassification = z
  .enum(DATA_CLASSIFICATIONS)
  .describe("client: your tenant's own; platform: the installation's, written by the platform role only");

export const page = {
  limit: z.int().min(1).max(200).default(50),
  cursor: z.string().max(1_000).optional(),
};

/** A page as an intent returns it. */
export function pageJson({ items, nextCursor }: Page<unknown>): { items: JsonValue[]; next_cursor?: string } {
  const rows = items.map((item) => toJson(item));
  return { items: rows, ...(nextCursor === undefined ? {} : { next_cursor: nextCursor }) };
}

/** The id of a file, of parsed or of semantic data, as the graph store takes it. */
export const contentId = z.string().regex(/^[\w.:-]{1,200}$/, "must be 1 to 200 letters, digits, _ - . :");

export const id = z.string().min(1).max(256);
