import * as z from "zod";

import { jsonObject } from "../json.ts";

import { idSchemas } from "../ids.ts";
import { ROLES } from "../roles.ts";

/** What was asked, as it rests: written once when the intent is accepted. */
export const intentSchema = z.object({
  intent_id: idSchemas.intent,
  intent_type: z.string(),
  version: z.int().positive(),
  tenant_id: z.string(),
  session_id: idSchemas.session,
  user_id: z.string().optional(),
  solution_id: z.string().optional(),
  /** Whose data it holds: its parameters are sealed then. */
  subject_id: z.string().optional(),
  /** The caller's, where the intent or the platform's data depends on them. */
  roles: z.array(z.enum(ROLES)).optional(),
  /** As submitted, or a claim check when they are large. */
  parameters: jsonObject,
  metadata: jsonObject,
  idempotency_key: z.string().optional(),
  pending_intent_id: z.string().optional(),
  created_at: z.string(),
});
export type Intent = Readonly<z.infer<typeof intentSchema>>;
