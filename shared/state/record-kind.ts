import type * as z from "zod";

import type { JsonObject } from "../json.ts";

/** One kind of record of the state surface: its shape and the listings that it appears in. */
export interface RecordKind<Value extends JsonObject> {
  readonly name: string;
  readonly schema: z.ZodType<Value>;
  /** The listings of a value; every value is also in the listing `all`. */
  readonly facets: (value: Value) => readonly string[];
  /** Until when the record can be required by an accepted intent, in epoch milliseconds; absent means always. */
  readonly usableUntilMs?: (value: Value) => number;
}

/** The listing that holds every record of a kind. */
export const ALL = "all";
