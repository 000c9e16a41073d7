import type { Clock } from "../clock.ts";
import { type ExecutionId, type Ids, type TraceId, trustedTenantId, type WorkerId } from "../ids.ts";
import type { Intent } from "../intents/intent.ts";
import type { JsonObject } from "../json.ts";
import type { Logger } from "../logger.ts";
import type {
  Acceptance,
  AcceptOutcome,
  ExecutionRef,
  ExecutionStore,
  IdempotencyClaim,
  RecordRequirement,
} from "../ports/execution-store.ts";
import type { IntentDefinition } from "../sagas/intent-definition.ts";
import type { SessionService } from "../sessions/session-service.ts";
import type { ClaimCheck } from "../state/claim-check.ts";
import type { StateSurface } from "../state/state-surface.ts";
import type { UnitOfWork } from "../state/unit-of-work.ts";
import { patchOf } from "./advance.ts";
import { type Execution, isSettled } from "./execution.ts";
import type { ExecutionDraft } from "./execution-events.ts";
import { Journal } from "./journal.ts";
import { openingDrafts } from "./opening.ts";
import { Scene } from "./scene.ts";
import { settle } from "./settle.ts";
import type { LoadedExecution } from "./stored-execution.ts";

export interface NewExecution {
  readonly executionId: ExecutionId;
  readonly definition: IntentDefinition;
  /** With its parameters parked where they are large. */
  readonly intent: Intent;
  /** The parameters themselves, as the input schema made them. */
  readonly input: JsonObject;
  readonly traceId: TraceId;
  readonly idempotency: IdempotencyClaim | undefined;
  readonly links?: Pick<Execution, "parent" | "forked_from">;
  /** What is changed beside it. */
  readonly unit?: UnitOfWork;
  /** Entries right after the opening: steps copied from another execution, or an end before the start. */
  readonly prologue?: (journal: Journal) => readonly ExecutionDraft[];
}

export interface AcceptanceResult {
  readonly outcome: AcceptOutcome;
  /** What this worker holds when the outcome is `accepted`. */
  readonly held: LoadedExecution;
}

/** Puts a new execution into the store: the opening of its log, its first steps as started, and all that goes with it. */
export type Accept = (execution: NewExecution) => Promise<AcceptanceResult>;

export interface AcceptanceDeps {
  readonly store: ExecutionStore;
  readonly surface: StateSurface;
  readonly sessions: SessionService;
  readonly claimCheck: ClaimCheck;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly logger: Logger;
  readonly workerId: WorkerId;
  /** Called when the store did not answer: the execution may be accepted, and then it is this worker's. */
  readonly onDoubt: (ref: ExecutionRef) => void;
}

export function createAcceptance(deps: AcceptanceDeps): Accept {
  return async ({ executionId, definition, intent, input, traceId, idempotency, links = {}, unit, prologue }) => {
    const tenantId = trustedTenantId(intent.tenant_id);
    const owner = { tenantId, sessionId: intent.session_id, executionId, sagaId: deps.ids.saga(), traceId };
    const opening = openingDrafts(definition, intent, owner, links);
    const journal = Journal.begin({ ...deps, onCommit: () => undefined }, owner, opening);
    if (unit !== undefined) journal.absorb(unit);
    if (prologue !== undefined) journal.record(...prologue(journal));
    const scene = new Scene(definition, journal, input, deps.claimCheck.of(intent.subject_id));
    await scene.load();
    await settle({ ...deps, intent }, scene);
    if (isSettled(journal.state.status)) journal.tellEnd();
    const acceptance: Acceptance = {
      tenantId,
      executionId,
      sessionId: intent.session_id,
      intentType: definition.type,
      createdMs: deps.clock.now(),
      workerId: deps.workerId,
      intent,
      state: patchOf(undefined, journal.state),
      idempotency,
      // What it changes beside itself must be changed with it, by one commit of the store that decides.
      durability: journal.change.records.length === 0 ? definition.durability : "strict",
      requires: requirementOf(deps.sessions.requirement(intent.session_id), links),
      change: journal.change,
    };
    const outcome = await deps.store.accept(acceptance).catch((error: unknown) => {
      deps.onDoubt({ tenantId, executionId });
      throw error;
    });
    return { outcome, held: { epoch: 1, intent, state: journal.state } };
  };
}

/** A child belongs to what was accepted while the session lived: it needs the session, alive or not, and does not prolong it. */
function requirementOf(
  requirement: RecordRequirement,
  { parent }: NonNullable<NewExecution["links"]>,
): RecordRequirement {
  return parent === undefined ? requirement : { ...requirement, atMs: -1, prolongToMs: 0 };
}
