import { type Clock, rfc3339 } from "../clock.ts";
import { notFound, RuntimeError } from "../errors.ts";
import { asId, type Ids, type SessionId, type TenantId, type TraceId } from "../ids.ts";
import type { JsonObject } from "../json.ts";
import { expectSize, type SizeLimit } from "../json-size.ts";
import {
  movePendingIntent,
  newPendingIntent,
  pendingFacet,
  type PendingIntent,
  type PendingIntentDraft,
  pendingIntentKind,
  type PendingStatus,
} from "../intents/pending-intent.ts";
import { type ExecutionStore, NO_CHANGE } from "../ports/execution-store.ts";
import type { Page, PageRequest } from "../ports/paging.ts";
import { type Artifact, artifactKind } from "../artifacts/artifact.ts";
import type { IntentCatalog } from "../sagas/intent-catalog.ts";
import { expectRole, type Role } from "../roles.ts";
import type { StateSurface } from "../state/state-surface.ts";
import { UnitOfWork } from "../state/unit-of-work.ts";
import { REVIVE_EXECUTION } from "./ending.ts";
import type { ExecutionControl, Repeat } from "./execution-control.ts";
import type { ExecutionLifecycle, SubmitAnswer } from "./execution-lifecycle.ts";

const CONTEXT: SizeLimit = {
  code: "pending_intent.too_large",
  what: "The context of a pending intent",
  maxBytes: 256 * 1024,
  advice: "Keep what is large as an artifact.",
};

export interface PendingSubmission {
  readonly tenantId: TenantId;
  readonly userId: string | undefined;
  readonly roles?: readonly Role[] | undefined;
  readonly sessionId: SessionId;
  /** Over what the pending intent's context knows. */
  readonly parameters: JsonObject;
  /** The same key with the same parameters is the same execution. */
  readonly idempotencyKey?: string | undefined;
  readonly traceId: TraceId;
}

/** Intents that wait for a person or a later session. */
export interface PendingIntents {
  /**
   * Throws `intent.unknown_type`, `pending_intent.no_target`, `pending_intent.wrong_target` (422), `pending_intent.too_large` (413) or
   * `artifact.not_found`.
   */
  create(draft: PendingIntentDraft): Promise<PendingIntent>;
  list(
    tenantId: TenantId,
    filter: {
      readonly target?: string | undefined;
      readonly type?: string | undefined;
      readonly status?: PendingStatus | undefined;
    },
    page: PageRequest,
  ): Promise<Page<PendingIntent> & { readonly total: number }>;
  /**
   * Takes it up in any session of its tenant; of several callers one wins, the others get 409. What asks about a dead execution wants an
   * operator (403), as the execution itself does; so does `cancel`.
   */
  submit(id: string, submission: PendingSubmission): Promise<SubmitAnswer>;
  /** `roles` are the caller's; absent for the runtime itself. */
  cancel(tenantId: TenantId, id: string, roles?: readonly Role[]): Promise<PendingIntent>;
}

export interface PendingIntentsDeps {
  readonly store: ExecutionStore;
  readonly surface: StateSurface;
  readonly catalog: IntentCatalog;
  readonly lifecycle: ExecutionLifecycle;
  readonly control: ExecutionControl;
  readonly clock: Clock;
  readonly ids: Ids;
}

export function createPendingIntents({
  store,
  surface,
  catalog,
  lifecycle,
  control,
  clock,
  ids,
}: PendingIntentsDeps): PendingIntents {
  const definitionOf = (type: string) => {
    const definition = catalog.find(type);
    if (definition === undefined) {
      throw new RuntimeError("intent.unknown_type", `No handler found for intent type: ${type}`, {
        status: 422,
        faults: [{ path: "intent_type", message: "is unknown" }],
      });
    }
    if (definition.target === undefined) {
      throw new RuntimeError(
        "pending_intent.no_target",
        `${definition.type} works on no artifact, so it cannot wait for one.`,
        {
          status: 422,
          faults: [{ path: "intent_type", message: "takes no target artifact" }],
        },
      );
    }
    return { definition, target: definition.target };
  };

  /** A person lets a dead execution go on; of two who take its pending intent up, it goes on by one. */
  const revive = async (tenantId: TenantId, pending: PendingIntent, repeat: Repeat): Promise<SubmitAnswer> => {
    const executionId = asId.execution(pending.target_artifact_id);
    // That somebody has taken it up is told before how the execution is now.
    const now = rfc3339(clock.now());
    await movePendingIntent(new UnitOfWork(surface, tenantId, clock.now()), pending.intent_id, "in_progress", { now });
    return control.retry(tenantId, executionId, { ...repeat, pendingIntentId: pending.intent_id });
  };

  return {
    create: async (draft) => {
      const { definition, target: wanted } = definitionOf(draft.intentType);
      const unit = new UnitOfWork(surface, draft.tenantId, clock.now());
      const target = await unit.get(artifactKind, draft.targetArtifactId);
      if (target === undefined) throw notFound("artifact", draft.targetArtifactId);
      if (target.artifact_type !== wanted.artifactType) throw wrongTarget(definition.type, wanted.artifactType, target);
      const subjectId = target.subject_id;
      expectSize(draft.context, CONTEXT);
      if (subjectId !== undefined && Object.keys(draft.context).length > 0) throw openContext();
      const pending = newPendingIntent(ids.intent(), rfc3339(clock.now()), {
        ...draft,
        subjectId,
        intentType: definition.type,
      });
      unit.put(pendingIntentKind, pending.intent_id, pending);
      await store.write(draft.tenantId, { ...NO_CHANGE, records: unit.records });
      return pending;
    },

    list: async (tenantId, filter, page) => {
      const type = filter.type === undefined ? undefined : (catalog.find(filter.type)?.type ?? filter.type);
      const found = await surface.list(tenantId, pendingIntentKind, pendingFacet({ ...filter, type }), page);
      return { ...found, items: found.items.map(({ value }) => value) };
    },

    submit: async (id, { tenantId, userId, roles, sessionId, parameters, idempotencyKey: key, traceId }) => {
      const found = await surface.get(tenantId, pendingIntentKind, id);
      if (found === undefined) throw notFound("pending intent", id);
      const pending = found.value;
      if (pending.intent_type === REVIVE_EXECUTION) {
        expectRole(roles, "operator");
        return revive(tenantId, pending, { userId, roles, traceId });
      }
      const { definition, target } = definitionOf(pending.intent_type);
      return lifecycle.submit({
        tenantId,
        userId,
        roles,
        sessionId,
        intentType: definition.type,
        parameters: {
          ...knownTo(definition.inputNames, pending.context),
          ...parameters,
          [target.input]: pending.target_artifact_id,
        },
        metadata: {},
        solutionId: undefined,
        subjectId: pending.subject_id,
        intentId: undefined,
        idempotencyKey: key === undefined ? undefined : `pending/${id}/${key}`,
        pendingIntentId: id,
        traceId,
      });
    },

    cancel: async (tenantId, id, roles) => {
      const unit = new UnitOfWork(surface, tenantId, clock.now());
      const pending = await unit.get(pendingIntentKind, id);
      if (pending?.intent_type === REVIVE_EXECUTION) expectRole(roles, "operator");
      const cancelled = await movePendingIntent(unit, id, "cancelled", { now: rfc3339(clock.now()) });
      const { outcome } = await store.write(tenantId, { ...NO_CHANGE, records: unit.records });
      if (outcome === "conflict") {
        throw taken();
      }
      return cancelled;
    },
  };
}

function wrongTarget(intentType: string, wanted: string, { artifact_type }: Artifact): RuntimeError {
  const message = `${intentType} works on an artifact of type ${wanted}; this one is ${artifact_type}.`;
  const faults = [{ path: "target_artifact_id", message }];
  return new RuntimeError("pending_intent.wrong_target", message, { status: 422, faults });
}

/** A context is read by people, and would rest as it is. */
function openContext(): RuntimeError {
  const message =
    "A pending intent on a subject's artifact keeps no context; give the parameters when it is submitted.";
  return new RuntimeError("subject.context_refused", message, { status: 422, faults: [{ path: "context", message }] });
}

function taken(): RuntimeError {
  return new RuntimeError("pending_intent.taken", "Somebody else changed this pending intent first.", { status: 409 });
}

/** A context may hold more than parameters, such as a note for people; the intent takes what its input knows. */
function knownTo(inputNames: readonly string[], context: JsonObject): JsonObject {
  return Object.fromEntries(
    inputNames.filter((name) => Object.hasOwn(context, name)).map((name) => [name, context[name]]),
  );
}
