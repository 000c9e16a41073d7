import * as z from "zod";

import { jsonObject } from "../json.ts";

import { parseRfc3339 } from "../clock.ts";
import { durationMs } from "../duration.ts";
import { idSchemas } from "../ids.ts";
import { chainHeadSchema } from "../state/log-entry.ts";
import type { RecordKind } from "../state/record-kind.ts";

/** How long a session lives after it was last used. */
export const SESSION_LIFETIME_MS = durationMs("24h");

/** A session as it rests. `active_sagas` is not stored: it is what the session's unfinished executions say (ADR 0003). */
export const sessionSchema = z.object({
  session_id: idSchemas.session,
  tenant_id: z.string(),
  user_id: z.string().optional(),
  is_anonymous: z.boolean(),
  status: z.enum(["active", "closed"]),
  context: jsonObject,
  metadata: jsonObject,
  created_at: z.string(),
  updated_at: z.string(),
  chain: chainHeadSchema,
});
export type Session = z.infer<typeof sessionSchema>;

export const sessionKind: RecordKind<Session> = {
  name: "session",
  schema: sessionSchema,
  facets: (session) => [`status=${session.status}`],
  usableUntilMs: (session) =>
    session.status === "active" ? parseRfc3339(session.updated_at) + SESSION_LIFETIME_MS : 0,
};
