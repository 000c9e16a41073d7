import * as z from "zod";

import { jsonObject } from "../json.ts";

import { notFound, RuntimeError } from "../errors.ts";
import type { TenantId } from "../ids.ts";
import type { RecordKind } from "../state/record-kind.ts";
import type { UnitOfWork } from "../state/unit-of-work.ts";

export const PENDING_STATUSES = ["pending", "in_progress", "completed", "failed", "cancelled"] as const;

/** Work that waits for a person or a later session: which intent, on which artifact, with what is known so far. */
export const pendingIntentSchema = z.object({
  intent_id: z.string(),
  intent_type: z.string(),
  tenant_id: z.string(),
  status: z.enum(PENDING_STATUSES),
  target_artifact_id: z.string(),
  /** Whose data the target is. */
  subject_id: z.string().optional(),
  context: jsonObject,
  session_id: z.string().optional(),
  user_id: z.string().optional(),
  /** The execution that took it up. */
  execution_id: z.string().optional(),
  created_at: z.string(),
  updated_at: z.string(),
});
export type PendingIntent = z.infer<typeof pendingIntentSchema>;
export type PendingStatus = PendingIntent["status"];

/** A listing for each combination of conditions that callers may ask for. */
export function pendingFacet(filter: {
  readonly target?: string | undefined;
  readonly type?: string | undefined;
  readonly status?: string | undefined;
}): string {
  const parts = [
    filter.target === undefined ? "" : `target=${filter.target}`,
    filter.type === undefined ? "" : `type=${filter.type}`,
    filter.status === undefined ? "" : `status=${filter.status}`,
  ].filter((part) => part !== "");
  return parts.length === 0 ? "all" : parts.join("|");
}

export const pendingIntentKind: RecordKind<PendingIntent> = {
  name: "pending_intent",
  schema: pendingIntentSchema,
  facets: ({ target_artifact_id: target, intent_type: type, status }) => [
    pendingFacet({ target }),
    pendingFacet({ type }),
    pendingFacet({ status }),
    pendingFacet({ target, type }),
    pendingFacet({ target, status }),
    pendingFacet({ type, status }),
    pendingFacet({ target, type, status }),
  ],
};

export interface PendingIntentDraft {
  readonly tenantId: TenantId;
  readonly intentType: string;
  readonly targetArtifactId: string;
  readonly context: PendingIntent["context"];
  readonly sessionId: string | undefined;
  readonly userId: string | undefined;
  readonly subjectId?: string | undefined;
}

/** A pending intent as it begins. */
export function newPendingIntent(id: string, now: string, draft: PendingIntentDraft): PendingIntent {
  return {
    intent_id: id,
    intent_type: draft.intentType,
    tenant_id: draft.tenantId,
    status: "pending",
    target_artifact_id: draft.targetArtifactId,
    context: draft.context,
    ...(draft.subjectId === undefined ? {} : { subject_id: draft.subjectId }),
    ...(draft.sessionId === undefined ? {} : { session_id: draft.sessionId }),
    ...(draft.userId === undefined ? {} : { user_id: draft.userId }),
    created_at: now,
    updated_at: now,
  };
}

const NEXT: Readonly<Record<PendingStatus, readonly PendingStatus[]>> = {
  pending: ["in_progress", "cancelled"],
  // A failed run gives the pending intent back to people: it is not lost, and may be tried again.
  in_progress: ["completed", "failed"],
  failed: ["in_progress", "cancelled"],
  completed: [],
  cancelled: [],
};

/**
 * Moves a pending intent on, in the caller's unit of work; the commit conflicts when somebody else was faster.
 * Throws `pending_intent.not_found`, or `pending_intent.wrong_status` (409) for a move that its life cycle does not have.
 */
export async function movePendingIntent(
  unit: UnitOfWork,
  id: string,
  to: PendingStatus,
  facts: { readonly now: string; readonly executionId?: string },
): Promise<PendingIntent> {
  const current = await unit.get(pendingIntentKind, id);
  if (current === undefined) throw notFound("pending intent", id);
  if (!NEXT[current.status].includes(to)) {
    throw new RuntimeError(
      "pending_intent.wrong_status",
      `The pending intent ${id} is ${current.status}; it cannot become ${to}.`,
      {
        status: 409,
        details: { status: current.status },
      },
    );
  }
  const moved: PendingIntent = {
    ...current,
    status: to,
    updated_at: facts.now,
    ...(facts.executionId === undefined ? {} : { execution_id: facts.executionId }),
  };
  unit.put(pendingIntentKind, id, moved);
  return moved;
}

/**
 * Takes a pending intent up for a request that may be a repeat. Where somebody else takes it up, or has done, the commit conflicts, so that
 * only a repeat of the very request that took it is answered. Throws `pending_intent.not_found`.
 */
export async function takePendingIntent(
  unit: UnitOfWork,
  id: string,
  facts: { readonly now: string; readonly executionId: string },
): Promise<void> {
  const current = await unit.get(pendingIntentKind, id);
  if (current === undefined) throw notFound("pending intent", id);
  if (NEXT[current.status].includes("in_progress")) await movePendingIntent(unit, id, "in_progress", facts);
  else unit.create(pendingIntentKind, id, current);
}
