import * as z from "zod";

import { jsonObject } from "../json.ts";
import type { RecordKind } from "./record-kind.ts";

/** How far a long work over many things has come (SPEC 6). */
export const operationSchema = z.object({
  operation_id: z.string(),
  /** The intent type that works on it, and the execution that does now. */
  operation_type: z.string(),
  execution_id: z.string(),
  status: z.enum(["running", "completed", "failed"]),
  total: z.int(),
  processed: z.int(),
  succeeded: z.int(),
  failed: z.int(),
  /** Counted from 1; 0 before the first. */
  current_batch: z.int(),
  last_successful_batch: z.int(),
  batch_count: z.int(),
  errors: z.array(z.object({ index: z.int(), code: z.string(), message: z.string() })),
  /** What each thing became, in order; null where it is not done. */
  results: z.array(jsonObject.nullable()),
  created_at: z.string(),
  updated_at: z.string(),
});
export type Operation = z.infer<typeof operationSchema>;

export const operationKind: RecordKind<Operation> = {
  name: "operation",
  schema: operationSchema,
  facets: ({ status }) => [`status=${status}`],
};
