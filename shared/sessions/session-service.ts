import { type Clock, parseRfc3339, rfc3339 } from "../clock.ts";
import { notFound, RuntimeError } from "../errors.ts";
import { asId, type Ids, type SagaId, type SessionId, type TenantId, type TraceId } from "../ids.ts";
import type { JsonObject } from "../json.ts";
import { expectSize, type SizeLimit } from "../json-size.ts";
import { type ExecutionStore, NO_CHANGE, type RecordRequirement } from "../ports/execution-store.ts";
import { CHAIN_START, type EventType, seal } from "../state/log-entry.ts";
import type { StateSurface, Versioned } from "../state/state-surface.ts";
import { UnitOfWork } from "../state/unit-of-work.ts";
import { type Session, SESSION_LIFETIME_MS, sessionKind } from "./session.ts";

/** How often a change is tried again when another writer was faster. */
const WRITE_ATTEMPTS = 8;
const ACTIVE_SAGAS_SHOWN = 1_000;
/** What a session holds of its caller's own; a store writes all of it with each change, and the smallest takes 1 MiB in all. */
const OWN: SizeLimit = {
  code: "session.too_large",
  what: "The context and metadata of a session",
  maxBytes: 512 * 1024,
  advice: "Keep what is large as an artifact.",
};

export interface NewSession {
  readonly tenantId: TenantId;
  readonly userId: string | undefined;
  readonly context: Session["context"];
  readonly metadata: Session["metadata"];
  readonly traceId: TraceId;
}

/** A session as its tenant sees it. */
export interface SessionView {
  readonly session: Session;
  readonly status: "active" | "closed" | "expired";
  readonly expiresAtMs: number;
  readonly activeSagas: readonly SagaId[];
}

export interface SessionUpgrade {
  readonly userId: string;
  readonly metadata: Session["metadata"];
}

/**
 * Sessions of a tenant. Each change is one commit of the session and its log entry.
 * All operations throw `session.not_found` for an absent or foreign session, and changes throw `session.not_active` for one
 * that is closed or expired, and `session.too_large` (413) for what is more than a session holds.
 */
export interface SessionService {
  create(draft: NewSession): Promise<SessionView>;
  view(tenantId: TenantId, sessionId: SessionId): Promise<SessionView>;
  mergeContext(
    tenantId: TenantId,
    sessionId: SessionId,
    context: Session["context"],
    traceId: TraceId,
  ): Promise<SessionView>;
  /** Anonymous becomes authenticated, under the same id; throws `session.already_authenticated` for another user's session. */
  upgrade(tenantId: TenantId, sessionId: SessionId, upgrade: SessionUpgrade, traceId: TraceId): Promise<SessionView>;
  close(tenantId: TenantId, sessionId: SessionId, traceId: TraceId): Promise<SessionView>;
  /** Records a decision about an intent of a live session, in the session's own chain. */
  recordDecision(tenantId: TenantId, sessionId: SessionId, decision: JsonObject, traceId: TraceId): Promise<void>;
  /** Records a decision against a new session: a chain of this one entry, under the id that the session would have had. */
  recordUncreated(tenantId: TenantId, decision: JsonObject, traceId: TraceId): Promise<void>;
  /** Why a session takes no intent: it is not there, or it is closed or expired. */
  unfit(tenantId: TenantId, sessionId: SessionId): Promise<RuntimeError>;
  /** What an accepted intent requires of its session: alive now, and alive for a full lifetime from now. */
  requirement(sessionId: SessionId): RecordRequirement;
}

interface SessionChange {
  readonly session: Session;
  readonly eventType: EventType;
  readonly payload: JsonObject;
}

export interface SessionServiceDeps {
  readonly store: ExecutionStore;
  readonly surface: StateSurface;
  readonly clock: Clock;
  readonly ids: Ids;
}

export function createSessionService({ store, surface, clock, ids }: SessionServiceDeps): SessionService {
  const write = async (
    unit: UnitOfWork,
    session: Session,
    eventType: EventType,
    payload: JsonObject,
    traceId: TraceId,
  ): Promise<boolean> => {
    const owner = { tenantId: unit.tenantId, sessionId: session.session_id, traceId };
    const sealed = seal(session.chain, owner, { event_type: eventType, payload }, ids, clock.now());
    unit.put(sessionKind, session.session_id, { ...session, chain: sealed.head });
    const change = { ...NO_CHANGE, records: unit.records, log: [sealed.row] };
    return (await store.write(unit.tenantId, change)).outcome === "written";
  };

  const load = async (tenantId: TenantId, sessionId: SessionId): Promise<Versioned<Session>> => {
    const found = await surface.get(tenantId, sessionKind, sessionId);
    if (found === undefined) throw notFound("session", sessionId);
    return found;
  };

  const activeSagas = async (tenantId: TenantId, sessionId: SessionId): Promise<readonly SagaId[]> => {
    const live = await store.listExecutions(tenantId, { sessionId, live: true }, { limit: ACTIVE_SAGAS_SHOWN });
    return live.items.map((head) => asId.saga(head["saga_id"] as string));
  };

  const view = async (tenantId: TenantId, sessionId: SessionId): Promise<SessionView> => {
    const found = await load(tenantId, sessionId);
    const { status, updated_at } = found.value;
    return {
      session: found.value,
      status: statusOf(found, clock.now()),
      expiresAtMs: status === "closed" ? parseRfc3339(updated_at) : (found.usableUntilMs ?? 0),
      activeSagas: await activeSagas(tenantId, sessionId),
    };
  };

  const append = async (
    tenantId: TenantId,
    sessionId: SessionId,
    traceId: TraceId,
    change: (session: Session) => SessionChange,
  ): Promise<void> => {
    for (let attempt = 1; attempt <= WRITE_ATTEMPTS; attempt += 1) {
      const current = await load(tenantId, sessionId);
      const status = statusOf(current, clock.now());
      if (status !== "active") throw notActive(sessionId, status);
      const unit = new UnitOfWork(surface, tenantId, clock.now());
      const { session, eventType, payload } = change((await unit.get(sessionKind, sessionId)) ?? current.value);
      const updated = { ...session, updated_at: rfc3339(clock.now()) };
      if (await write(unit, updated, eventType, { session_id: sessionId, ...payload }, traceId)) return;
    }
    throw new RuntimeError(
      "session.contended",
      `The session ${sessionId} is being changed by many callers at once; try again.`,
      {
        status: 409,
        retryable: true,
      },
    );
  };

  const update = async (
    tenantId: TenantId,
    sessionId: SessionId,
    traceId: TraceId,
    change: (session: Session) => Omit<SessionChange, "eventType">,
  ): Promise<SessionView> => {
    await append(tenantId, sessionId, traceId, (session) => ({ ...change(session), eventType: "session_updated" }));
    return view(tenantId, sessionId);
  };

  return {
    create: async ({ tenantId, userId, context, metadata, traceId }) => {
      const now = rfc3339(clock.now());
      const sessionId = ids.session();
      const session: Session = {
        session_id: sessionId,
        tenant_id: tenantId,
        ...(userId === undefined ? {} : { user_id: userId }),
        is_anonymous: userId === undefined,
        status: "active",
        context,
        metadata,
        created_at: now,
        updated_at: now,
        chain: CHAIN_START,
      };
      checkSize(session);
      const payload = { session_id: sessionId, user_id: userId ?? null, context };
      await write(new UnitOfWork(surface, tenantId, clock.now()), session, "session_created", payload, traceId);
      return view(tenantId, sessionId);
    },

    view,

    mergeContext: (tenantId, sessionId, context, traceId) =>
      update(tenantId, sessionId, traceId, (session) => {
        const merged = { ...session, context: { ...session.context, ...context } };
        checkSize(merged);
        return { session: merged, payload: { operation: "context_merged", context } };
      }),

    upgrade: (tenantId, sessionId, { userId, metadata }, traceId) =>
      update(tenantId, sessionId, traceId, (session) => {
        if (!session.is_anonymous && session.user_id !== userId) {
          throw new RuntimeError("session.already_authenticated", `The session ${sessionId} belongs to another user.`, {
            status: 409,
          });
        }
        const merged = { ...session.metadata, ...metadata };
        checkSize({ ...session, metadata: merged });
        return {
          session: { ...session, user_id: userId, is_anonymous: false, metadata: merged },
          payload: { operation: "upgraded", user_id: userId },
        };
      }),

    close: (tenantId, sessionId, traceId) =>
      update(tenantId, sessionId, traceId, (session) => ({
        session: { ...session, status: "closed" },
        payload: { operation: "closed" },
      })),

    recordDecision: (tenantId, sessionId, decision, traceId) =>
      append(tenantId, sessionId, traceId, (session) => ({ session, eventType: "policy_decided", payload: decision })),

    recordUncreated: async (tenantId, decision, traceId) => {
      const owner = { tenantId, sessionId: ids.session(), traceId };
      const { row } = seal(CHAIN_START, owner, { event_type: "policy_decided", payload: decision }, ids, clock.now());
      await store.write(tenantId, { ...NO_CHANGE, log: [row] });
    },

    unfit: async (tenantId, sessionId) => {
      const found = await surface.get(tenantId, sessionKind, sessionId);
      if (found === undefined) return notFound("session", sessionId);
      const status = statusOf(found, clock.now());
      // It may have been the clock of a moment ago that it was expired by.
      return notActive(sessionId, status === "active" ? "expired" : status);
    },

    requirement: (sessionId) => ({
      kind: sessionKind.name,
      id: sessionId,
      atMs: clock.now(),
      prolongToMs: clock.now() + SESSION_LIFETIME_MS,
    }),
  };
}

function checkSize({ context, metadata }: Pick<Session, "context" | "metadata">): void {
  expectSize([context, metadata], OWN);
}

function notActive(sessionId: SessionId, status: SessionView["status"]): RuntimeError {
  return new RuntimeError("session.not_active", `The session ${sessionId} is ${status}; create a new one.`, {
    status: 409,
  });
}

function statusOf({ value, usableUntilMs }: Versioned<Session>, nowMs: number): SessionView["status"] {
  if (value.status === "closed") return "closed";
  return (usableUntilMs ?? 0) > nowMs ? "active" : "expired";
}
