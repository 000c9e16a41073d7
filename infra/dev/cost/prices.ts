import { readFile } from "node:fs/promises";
import path from "node:path";

import * as z from "zod";

const dollars = z.number().positive();
const seen = { source: z.url(), verified: z.string().min(1) };

const pricesForm = z.strictObject({
  as_of: z.iso.date(),
  currency: z.literal("USD"),
  note: z.string(),
  cloud_run: z.strictObject({ cpu_second: dollars, memory_gib_second: dollars, request: dollars, ...seen }),
  firestore: z.strictObject({
    document_read: dollars,
    document_write: dollars,
    document_delete: dollars,
    storage_gib_month: dollars,
    ...seen,
  }),
  pubsub: z.strictObject({ tib: dollars, least_bytes_a_request: z.literal(1_000), ...seen }),
  upstash_redis: z.strictObject({ command: dollars, storage_gb_month: dollars, ...seen }),
  others: z.array(
    z.strictObject({
      name: z.string(),
      unit: z.string(),
      price: dollars,
      units: z.strictObject({ start: z.int().nonnegative(), step: z.int().positive() }),
      rule: z.string(),
      ...seen,
    }),
  ),
  assumed: z.strictObject({
    commit_seconds_strict: z.number().positive(),
    commit_seconds_fast: z.number().positive(),
    step_seconds: z.number().positive(),
    requests_at_a_time: z.number().min(1),
    note: z.string(),
  }),
  retention_months: z.number().positive(),
});

export type Prices = z.infer<typeof pricesForm>;

/** The prices of a day, with where each was read. Throws when the file is not what it should be. */
export async function readPrices(): Promise<Prices> {
  return pricesForm.parse(JSON.parse(await readFile(path.join(import.meta.dirname, "prices.json"), "utf8")));
}
