import { type Clock, rfc3339 } from "../clock.ts";
import { durationMs } from "../duration.ts";
import { faultsOf, RuntimeError } from "../errors.ts";
import { asId, type Ids, type SessionId, type TenantId, type TraceId } from "../ids.ts";
import type { Intent } from "../intents/intent.ts";
import { movePendingIntent, pendingIntentKind, takePendingIntent } from "../intents/pending-intent.ts";
import { digestOf, type JsonObject, toJson } from "../json.ts";
import { expectSize, type SizeLimit } from "../json-size.ts";
import type { Admission, AskedIntent } from "../policy/admission.ts";
import { type ConcurrencySlots, slotKind } from "../policy/concurrency-slots.ts";
import { expectRole, type Role } from "../roles.ts";
import type { IntentCatalog } from "../sagas/intent-catalog.ts";
import type { IntentDefinition } from "../sagas/intent-definition.ts";
import { priceOf } from "../sagas/price.ts";
import type { SessionService } from "../sessions/session-service.ts";
import type { ClaimCheck } from "../state/claim-check.ts";
import type { StateSurface } from "../state/state-surface.ts";
import type { Subjects } from "../state/subjects.ts";
import type { SubjectBox } from "../state/subject-box.ts";
import { UnitOfWork } from "../state/unit-of-work.ts";
import type { Accept, AcceptanceResult, NewExecution } from "./acceptance.ts";
import { journeyRecordKind } from "./journey-record.ts";
import type { Execution } from "./execution.ts";
import type { LoadedExecution } from "./stored-execution.ts";

const IDEMPOTENCY_LIFETIME_MS = durationMs("24h");
/** Unlike parameters they rest with the intent, however large. */
const METADATA: SizeLimit = {
  code: "intent.metadata_too_large",
  what: "The metadata of an intent",
  maxBytes: 256 * 1024,
  advice: "What is larger belongs into the parameters.",
};
/** How often a free slot is looked for again when others were faster. */
const SLOT_ATTEMPTS = 16;

/** An intent as a caller submits it. */
export interface Submission {
  readonly tenantId: TenantId;
  readonly userId: string | undefined;
  /** The caller's; absent for what the runtime itself submits. */
  readonly roles?: readonly Role[] | undefined;
  readonly intentType: string;
  readonly sessionId: SessionId;
  readonly parameters: JsonObject;
  readonly metadata: Intent["metadata"];
  readonly solutionId: string | undefined;
  /** Whose data the parameters are. */
  readonly subjectId?: string | undefined;
  readonly intentId: string | undefined;
  readonly idempotencyKey: string | undefined;
  readonly pendingIntentId?: string | undefined;
  readonly traceId: TraceId;
}

/** With what the limits say now, as headers of an answer. */
export type Submitted = { readonly limits: Readonly<Record<string, string>> } & (
  | { readonly kind: "accepted"; readonly held: LoadedExecution }
  | { readonly kind: "duplicate"; readonly executionId: Execution["execution_id"] }
);

export interface SubmissionDeps {
  readonly catalog: IntentCatalog;
  readonly surface: StateSurface;
  readonly sessions: Pick<SessionService, "unfit">;
  readonly claimCheck: ClaimCheck;
  readonly subjects: Subjects;
  readonly accept: Accept;
  readonly admission: Admission;
  readonly slots: ConcurrencySlots;
  readonly clock: Clock;
  readonly ids: Ids;
}

/** What is taken by the commit that accepts an execution, so that one of all who want it has it. */
export interface Reservation {
  /** The kind of the record that the commit conflicts on. */
  readonly kind: string;
  take(unit: UnitOfWork, executionId: Execution["execution_id"]): Promise<void>;
  /** What those are told who came too late. */
  taken(): Promise<RuntimeError>;
}

export interface Repetition extends Pick<NewExecution, "links" | "prologue"> {
  readonly reservation?: Reservation;
}

export type SubmitNew = (submission: Submission, repetition?: Repetition) => Promise<Submitted>;

/**
 * Checks a submission against the limits and its schema, and has it accepted.
 * Throws `auth.role_missing` (403), `intent.unknown_type`, `intent.bad_parameters`, `idempotency.other_body` (422), `session.not_found` (404), `session.not_active` (409), `intent.metadata_too_large` (413),
 * `pending_intent.*` (404, 409), `policy.*` (429), `subject.*` (410, 422, 501).
 */
export function createSubmission(deps: SubmissionDeps): SubmitNew {
  const { catalog, surface, sessions, claimCheck, subjects, accept, admission, slots, clock, ids } = deps;

  return async (submission, repetition = {}) => {
    const definition = catalog.find(submission.intentType);
    if (definition === undefined) throw unknownType(submission.intentType, catalog);
    // Whatever way the intent came.
    expectRole(submission.roles, definition.role);
    checkSubject(submission, definition);
    expectSize(submission.metadata, METADATA);
    const asked = askedOf(submission, definition);
    const { headers: limits, giveBack } = await admission.intent(asked);
    try {
      const { outcome, held } = await acceptWithin(submission, repetition, definition, asked);
      switch (outcome.outcome) {
        case "accepted":
          return { kind: "accepted", held, limits };
        case "duplicate":
          giveBack();
          return { kind: "duplicate", executionId: outcome.executionId, limits };
        case "idempotency_mismatch":
          throw otherBody(outcome.executionId);
        case "requirement_unmet":
          throw await sessions.unfit(submission.tenantId, submission.sessionId);
        case "conflict":
          if (outcome.kind === repetition.reservation?.kind) throw await repetition.reservation.taken();
          throw await pendingIntentTaken(submission);
      }
    } catch (error) {
      giveBack();
      throw error;
    }
  };

  async function pendingIntentTaken({ tenantId, pendingIntentId = "" }: Submission): Promise<RuntimeError> {
    const found = await surface.get(tenantId, pendingIntentKind, pendingIntentId);
    const { status = "gone", execution_id } = found?.value ?? {};
    const details = { status, ...(execution_id === undefined ? {} : { taken_by: execution_id }) };
    const message = `This pending intent is ${status}: somebody else was faster.`;
    return new RuntimeError("pending_intent.taken", message, { status: 409, details });
  }

  /** Has it accepted; where its type limits how many run at a time, together with the taking of a free slot. */
  async function acceptWithin(
    submission: Submission,
    { reservation, ...more }: Repetition,
    definition: IntentDefinition,
    asked: AskedIntent,
  ): Promise<AcceptanceResult> {
    const { tenantId, traceId } = submission;
    const input = checkedParameters(definition, submission.parameters);
    const { concurrency } = definition;
    const key = concurrency?.key(input as never);
    const { subjectId } = submission;
    const box = subjectId === undefined ? undefined : await subjects.enrol(tenantId, subjectId);
    const intent = await toIntent(submission, definition, input);
    const idempotency = idempotencyOf(submission, more.links?.forked_from, { definition, input, box });
    for (let attempt = 1; ; attempt += 1) {
      const executionId = ids.execution();
      const nowMs = clock.now();
      const unit = new UnitOfWork(surface, tenantId, nowMs);
      if (definition.journey !== undefined) {
        unit.put(journeyRecordKind, executionId, { execution_id: executionId, trace_id: traceId });
      }
      // First, so that of two conflicts it is the reservation's that is told.
      await reservation?.take(unit, executionId);
      if (submission.pendingIntentId !== undefined) {
        const facts = { now: rfc3339(nowMs), executionId };
        if (idempotency !== undefined || reservation !== undefined) {
          await takePendingIntent(unit, submission.pendingIntentId, facts);
        } else await movePendingIntent(unit, submission.pendingIntentId, "in_progress", facts);
      }
      if (concurrency !== undefined && key !== undefined) {
        const { limit } = concurrency;
        const found = await slots.take(unit, { intentType: definition.type, key, limit, executionId, nowMs });
        // A repeat of what holds a slot is answered by the store, which looks at the idempotency key first.
        if (found === "full" && idempotency === undefined) return admission.refuseKey(asked, limit, key);
        const result = await accept({ executionId, definition, intent, input, traceId, idempotency, unit, ...more });
        const { outcome } = result;
        if (outcome.outcome !== "conflict" || outcome.kind !== slotKind.name) return result;
        if (found === "full" || attempt === SLOT_ATTEMPTS) return admission.refuseKey(asked, limit, key);
      } else {
        return accept({ executionId, definition, intent, input, traceId, idempotency, unit, ...more });
      }
    }
  }

  async function toIntent(submission: Submission, definition: IntentDefinition, input: JsonObject): Promise<Intent> {
    return {
      intent_id: submission.intentId === undefined ? ids.intent() : asId.intent(submission.intentId),
      intent_type: definition.type,
      version: definition.version,
      tenant_id: submission.tenantId,
      session_id: submission.sessionId,
      ...(submission.userId === undefined ? {} : { user_id: submission.userId }),
      ...(submission.solutionId === undefined ? {} : { solution_id: submission.solutionId }),
      ...(submission.subjectId === undefined ? {} : { subject_id: submission.subjectId }),
      ...rolesToKeep(submission, definition),
      parameters: await claimCheck.of(submission.subjectId).park(submission.tenantId, toJson(input)),
      metadata: submission.metadata,
      ...(submission.idempotencyKey === undefined ? {} : { idempotency_key: submission.idempotencyKey }),
      ...(submission.pendingIntentId === undefined ? {} : { pending_intent_id: submission.pendingIntentId }),
      created_at: rfc3339(clock.now()),
    };
  }

  /** A key of the caller's own, or else the intent id that it chose: either says "this is the same intent". */
  function idempotencyOf(
    submission: Submission,
    forkedFrom: Execution["forked_from"],
    {
      definition,
      input: parameters,
      box,
    }: { readonly definition: IntentDefinition; readonly input: JsonObject; readonly box: SubjectBox | undefined },
  ): NewExecution["idempotency"] {
    const key = submission.idempotencyKey ?? submission.intentId;
    if (key === undefined) return undefined;
    const { sessionId, metadata, solutionId, subjectId, intentId, pendingIntentId } = submission;
    const body = { sessionId, parameters, metadata, solutionId, subjectId, intentId, pendingIntentId, forkedFrom };
    return {
      key: `${definition.type}/${key}`,
      // A plain digest of few possible values gives them away.
      digest: box === undefined ? digestOf(body) : box.fingerprint(body),
      expiresMs: clock.now() + IDEMPOTENCY_LIFETIME_MS,
    };
  }
}

/** Throws `subject.refused` or `subject.metadata_refused` (422): what could not be erased is not taken in. */
function checkSubject({ subjectId, metadata }: Submission, { type, sealable }: IntentDefinition): void {
  if (subjectId === undefined) return;
  if (!sealable) {
    const message = `${type} cannot seal what it keeps, so it takes no subject's data.`;
    const faults = [{ path: "subject_id", message: "does not go with this intent" }];
    throw new RuntimeError("subject.refused", message, { status: 422, faults });
  }
  if (Object.keys(metadata).length === 0) return;
  throw new RuntimeError("subject.metadata_refused", "Metadata are not sealed: an intent of a subject has none.", {
    status: 422,
    faults: [{ path: "metadata", message: "does not go with subject_id" }],
  });
}

/** Most intents depend on no role beyond what let them in: those keep none. */
function rolesToKeep({ roles }: Submission, { role }: IntentDefinition): Pick<Intent, "roles"> {
  const matter = roles !== undefined && (role !== "submitter" || roles.includes("platform"));
  return matter ? { roles: [...roles] } : {};
}

function askedOf(
  { tenantId, userId, sessionId, traceId, parameters }: Submission,
  definition: IntentDefinition,
): AskedIntent {
  return {
    tenantId,
    caller: userId,
    sessionId,
    traceId,
    intentType: definition.type,
    // Parameters are kept with the intent, and again in the log.
    bytes: () => priceOf(definition).bytes + 2 * Buffer.byteLength(JSON.stringify(parameters)),
  };
}

function otherBody(executionId: Execution["execution_id"]): RuntimeError {
  return new RuntimeError("idempotency.other_body", "This idempotency key was used for an intent with another body.", {
    status: 422,
    details: { execution_id: executionId },
  });
}

function checkedParameters(definition: IntentDefinition, parameters: JsonObject): JsonObject {
  const parsed = definition.input.safeParse(parameters);
  if (parsed.success) return parsed.data;
  throw new RuntimeError("intent.bad_parameters", `${definition.type} cannot take these parameters.`, {
    status: 422,
    faults: faultsOf(parsed.error, "parameters"),
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
