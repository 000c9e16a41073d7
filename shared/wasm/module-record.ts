import * as z from "zod";

import type { RecordKind } from "../state/record-kind.ts";

/** One of a tenant's modules, under its digest. Its bytes lie at a place of their own each time that it is kept anew. */
const moduleRecordSchema = z.object({
  sha256: z.string(),
  size_bytes: z.int().positive(),
  /** Absent once nothing needs the module. */
  place: z.string().optional(),
  /** When it was last asked to be kept, to within `TOUCH_EVERY_MS`. */
  used_ms: z.int(),
  /** Places whose bytes are to be removed: nothing will ever point there again. */
  leaving: z.array(z.string()),
});
export type ModuleRecord = z.infer<typeof moduleRecordSchema>;

export const moduleKind: RecordKind<ModuleRecord> = {
  name: "wasm_module",
  schema: moduleRecordSchema,
  facets: () => [],
};
