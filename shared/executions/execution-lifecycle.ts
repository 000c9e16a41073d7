import { type Clock, rfc3339 } from "../clock.ts";
import { durationMs } from "../duration.ts";
import { type FieldFault, notFound, RuntimeError } from "../errors.ts";
import { asId, type ExecutionId, type Ids, type SessionId, type TenantId, type TraceId } from "../ids.ts";
import type { Intent } from "../intents/intent.ts";
import { movePendingIntent } from "../intents/pending-intent.ts";
import { digestOf, type JsonObject } from "../json.ts";
import type { ExecutionStore } from "../ports/execution-store.ts";
import type { IntentCatalog } from "../sagas/intent-catalog.ts";
import type { IntentDefinition } from "../sagas/intent-definition.ts";
import type { SessionService } from "../sessions/session-service.ts";
import type { ClaimCheck } from "../state/claim-check.ts";
import type { StateSurface } from "../state/state-surface.ts";
import { UnitOfWork } from "../state/unit-of-work.ts";
import type { WriteAheadLog } from "../state/write-ahead-log.ts";
import { advance } from "./advance.ts";
import { type Execution, isTerminal } from "./execution.ts";
import { foldLog } from "./fold.ts";
import { openingDrafts } from "./opening.ts";
import type { Presence } from "./presence.ts";
import type { Recovery } from "./recovery.ts";
import { type LoadedExecution, loadExecution } from "./stored-execution.ts";
import type { Workshop } from "./workshop.ts";

const IDEMPOTENCY_LIFETIME_MS = durationMs("24h");
const WATCH_EVERY_MS = 250;

export interface Submission {
  readonly tenantId: TenantId;
  readonly userId: string | undefined;
  readonly intentType: string;
  readonly sessionId: SessionId;
  readonly parameters: JsonObject;
  readonly metadata: Intent["metadata"];
  readonly solutionId: string | undefined;
  readonly intentId: string | undefined;
  readonly idempotencyKey: string | undefined;
  readonly pendingIntentId?: string;
  readonly traceId: TraceId;
}

export interface Submitted {
  readonly execution: Execution;
  /** False when the same key led to an execution of before. */
  readonly fresh: boolean;
}

/** An execution and, when it is new, what this worker holds of it. */
interface Accepted {
  readonly execution: Execution;
  readonly held: LoadedExecution | undefined;
}

/** Takes intents in, and answers what became of them. */
export interface ExecutionLifecycle {
  /**
   * Accepts an intent: once this resolves it is durable and will reach a terminal state. It goes on running behind.
   * Throws `intent.unknown_type`, `intent.bad_parameters`, `idempotency.other_body` (422), `session.not_found` (404),
   * `runtime.overloaded` (503, retryable).
   */
  submit(submission: Submission): Promise<Submitted>;
  /** The execution once it is terminal, or as it is when the budget is over. */
  wait(tenantId: TenantId, executionId: ExecutionId, budgetMs: number, signal?: AbortSignal): Promise<Execution>;
  /** Throws `execution.not_found` for an absent or foreign one. */
  get(tenantId: TenantId, executionId: ExecutionId): Promise<Execution>;
  /** The execution as its log tells it: always what `get` answers. Throws `execution.not_found`. */
  replay(tenantId: TenantId, executionId: ExecutionId): Promise<Execution>;
  /** Takes in nothing more, lets running steps finish within the grace period, and hands the rest on. */
  stop(graceMs: number): Promise<void>;
}

export interface ExecutionLifecycleDeps {
  readonly store: ExecutionStore;
  readonly surface: StateSurface;
  readonly log: WriteAheadLog;
  readonly sessions: SessionService;
  readonly catalog: IntentCatalog;
  readonly claimCheck: ClaimCheck;
  readonly workshop: Workshop;
  readonly presence: Presence;
  readonly recovery: Recovery;
  readonly clock: Clock;
  readonly ids: Ids;
  /** How many executions this process may hold, running and in line. */
  readonly maxHeld: number;
}

export function createExecutionLifecycle(deps: ExecutionLifecycleDeps): ExecutionLifecycle {
  const { store, surface, log, sessions, catalog, claimCheck, workshop, presence, recovery, clock, ids } = deps;
  let stopped = false;

  const get = async (tenantId: TenantId, executionId: ExecutionId): Promise<Execution> => {
    const stored = await store.readExecution(tenantId, executionId);
    if (stored === undefined) throw notFound("execution", executionId);
    return loadExecution(stored).state;
  };

  const toIntent = async (submission: Submission, definition: IntentDefinition): Promise<Intent> => ({
    intent_id: submission.intentId === undefined ? ids.intent() : asId.intent(submission.intentId),
    intent_type: definition.type,
    version: definition.version,
    tenant_id: submission.tenantId,
    session_id: submission.sessionId,
    ...(submission.userId === undefined ? {} : { user_id: submission.userId }),
    ...(submission.solutionId === undefined ? {} : { solution_id: submission.solutionId }),
    parameters: (await claimCheck.park(submission.tenantId, submission.parameters)) as Intent["parameters"],
    metadata: submission.metadata,
    ...(submission.idempotencyKey === undefined ? {} : { idempotency_key: submission.idempotencyKey }),
    ...(submission.pendingIntentId === undefined ? {} : { pending_intent_id: submission.pendingIntentId }),
    created_at: rfc3339(clock.now()),
  });

  const accept = async (submission: Submission, definition: IntentDefinition): Promise<Accepted> => {
    const { tenantId, sessionId, traceId } = submission;
    const intent = await toIntent(submission, definition);
    const executionId = ids.execution();
    const owner = { tenantId, sessionId, executionId, sagaId: ids.saga(), traceId };
    const first = { step_id: ids.step(), step_name: definition.plan.nodes[0]?.name ?? "" };
    const opened = advance({ ids, clock }, owner, undefined, openingDrafts(definition, intent, owner, first));
    const unit = new UnitOfWork(surface, tenantId, clock.now());
    if (submission.pendingIntentId !== undefined) {
      await movePendingIntent(unit, submission.pendingIntentId, "in_progress", {
        now: rfc3339(clock.now()),
        executionId,
      });
    }
    // A key of the caller's own, or else the intent id that it chose: either says "this is the same intent".
    const key = submission.idempotencyKey ?? submission.intentId;
    const outcome = await store
      .accept({
        tenantId,
        executionId,
        sessionId,
        intentType: definition.type,
        createdMs: clock.now(),
        workerId: presence.workerId,
        intent,
        state: opened.patch,
        idempotency:
          key === undefined
            ? undefined
            : {
                key: `${definition.type}/${key}`,
                digest: bodyDigest(submission),
                expiresMs: clock.now() + IDEMPOTENCY_LIFETIME_MS,
              },
        requires: sessions.requirement(sessionId),
        change: { records: unit.records, log: opened.rows, outbox: [] },
      })
      .catch((error: unknown) => {
        // It may have been accepted all the same: then it is this worker's, and must run.
        recovery.remember({ tenantId, executionId });
        throw error;
      });
    switch (outcome.outcome) {
      case "accepted":
        return { execution: opened.state, held: { epoch: outcome.epoch, intent, state: opened.state } };
      case "duplicate":
        return { execution: await get(tenantId, outcome.executionId), held: undefined };
      case "idempotency_mismatch":
        throw new RuntimeError(
          "idempotency.other_body",
          "This idempotency key was used for an intent with another body.",
          {
            status: 422,
            details: { execution_id: outcome.executionId },
          },
        );
      case "requirement_unmet":
        throw notFound("session", sessionId);
      case "conflict":
        throw new RuntimeError("pending_intent.taken", "Somebody else took this pending intent up first.", {
          status: 409,
        });
    }
  };

  return {
    submit: async (submission) => {
      const definition = catalog.find(submission.intentType);
      if (definition === undefined) throw unknownType(submission.intentType, catalog);
      const parameters = checkedParameters(definition, submission.parameters);
      if (stopped || workshop.held >= deps.maxHeld) {
        throw new RuntimeError("runtime.overloaded", "This instance takes no more work right now; try again.", {
          status: 503,
          retryable: true,
        });
      }
      const leave = (): void => presence.leave();
      await presence.enter();
      try {
        const { execution, held } = await accept({ ...submission, parameters }, definition);
        if (held === undefined) leave();
        else workshop.take(held).then(leave, leave);
        return { execution, fresh: held !== undefined };
      } catch (error) {
        leave();
        throw error;
      }
    },

    wait: async (tenantId, executionId, budgetMs, signal) => {
      const untilMs = clock.now() + budgetMs;
      const patience = new AbortController();
      const impatience = signal === undefined ? patience.signal : AbortSignal.any([patience.signal, signal]);
      const here = workshop.settled(executionId);
      if (here !== undefined) {
        const settled = await Promise.race([here.catch(() => undefined), clock.sleep(budgetMs, impatience)]);
        patience.abort();
        if (settled !== undefined && isTerminal(settled.status)) return settled;
      }
      // It runs elsewhere, or its run here was cut short: the store is the only witness.
      for (;;) {
        const execution = await get(tenantId, executionId);
        const leftMs = untilMs - clock.now();
        if (isTerminal(execution.status) || leftMs <= 0 || signal?.aborted === true) return execution;
        await clock.sleep(Math.min(WATCH_EVERY_MS, leftMs), signal);
      }
    },

    get,

    replay: async (tenantId, executionId) => {
      const execution = await foldLog(log.replay(tenantId, { executionId }));
      if (execution === undefined) throw notFound("execution", executionId);
      return execution;
    },

    stop: async (graceMs) => {
      stopped = true;
      await workshop.stop(graceMs);
      await presence.retire();
    },
  };
}

function bodyDigest(submission: Submission): string {
  const { sessionId, parameters, metadata, solutionId, intentId, pendingIntentId } = submission;
  return digestOf({ sessionId, parameters, metadata, solutionId, intentId, pendingIntentId });
}

function checkedParameters(definition: IntentDefinition, parameters: JsonObject): JsonObject {
  const parsed = definition.input.safeParse(parameters);
  if (parsed.success) return parsed.data;
  const faults: FieldFault[] = parsed.error.issues.map((issue) => ({
    path: ["parameters", ...issue.path].join("."),
    message: issue.message,
  }));
  throw new RuntimeError("intent.bad_parameters", `${definition.type} cannot take these parameters.`, {
    status: 422,
    faults,
  });
}

function unknownType(type: string, catalog: IntentCatalog): RuntimeError {
  const known = catalog.definitions.map((definition) => definition.type).join(", ");
  const message = `No handler found for intent type: ${type}. This runtime knows ${known}.`;
  return new RuntimeError("intent.unknown_type", message, {
    status: 422,
    faults: [{ path: "intent_type", message: "is unknown" }],
  });
}
