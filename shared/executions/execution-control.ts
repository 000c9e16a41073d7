import { faultsOf, RuntimeError } from "../errors.ts";
import type { ExecutionId, Ids, SessionId, TenantId, TraceId } from "../ids.ts";
import type { Intent } from "../intents/intent.ts";
import { pendingIntentKind } from "../intents/pending-intent.ts";
import type { JsonObject, JsonValue } from "../json.ts";
import type { Change, ExecutionStore, RecordWrite } from "../ports/execution-store.ts";
import type { StateSurface } from "../state/state-surface.ts";
import { UnitOfWork } from "../state/unit-of-work.ts";
import type { Clock } from "../clock.ts";
import type { IntentCatalog } from "../sagas/intent-catalog.ts";
import type { ClaimCheck } from "../state/claim-check.ts";
import type { Execution } from "./execution.ts";
import { isTerminal } from "./execution.ts";
import type { ExecutionLifecycle, SubmitAnswer } from "./execution-lifecycle.ts";
import { findPlan } from "./find-plan.ts";
import type { MailBody } from "./mail.ts";
import type { Recovery } from "./recovery.ts";
import type { Role } from "../roles.ts";
import { expectRoom, hasTaken, mailboxFull, UNREAD_SIGNALS } from "./signal-limits.ts";
import { singleRetry } from "./single-retry.ts";
import type { Reservation } from "./submission.ts";

export interface Repeat {
  readonly userId: string | undefined;
  /** The caller's; absent for what the runtime itself repeats. */
  readonly roles?: readonly Role[] | undefined;
  /** Where the new execution belongs, instead of the old one's session, which may be over. */
  readonly sessionId?: SessionId | undefined;
  /** The same key of the same execution is the same repeat. */
  readonly idempotencyKey?: string | undefined;
  /** The pending intent by which a person lets a dead execution go on. */
  readonly pendingIntentId?: string | undefined;
  readonly traceId: TraceId;
  /** Of the new execution, instead of the old one's. */
  readonly parameters?: JsonObject | undefined;
}

/** What people do with executions that are under way, or ended. All throw `execution.not_found`. */
export interface ExecutionControl {
  /**
   * Asks the saga to turn back, or without compensation to stop where it is; seen at its next commit. Asked in both ways before that, the
   * last one counts. Throws 409 `execution.over`.
   */
  cancel(tenantId: TenantId, executionId: ExecutionId, compensate: boolean): Promise<Execution>;
  /**
   * Puts a signal into the mailbox, where the await of its name finds it, now or later. The same `signalId` is the same signal, however late.
   * Throws `signal.unknown` (404), `signal.invalid` (422), `signal.too_large` (413), `execution.over`, `signal.preceded` (409), and
   * `mailbox.full` (429) while as much waits as may (signal-limits.ts).
   */
  signal(
    tenantId: TenantId,
    executionId: ExecutionId,
    signal: { readonly name: string; readonly payload: JsonValue; readonly signalId?: string | undefined },
  ): Promise<Execution>;
  /**
   * Lets a dead execution go on, or repeats a failed one from its failed step as a new execution. 409 `execution.not_retryable`,
   * and `execution.retried` when it was repeated already, by what goes on or did succeed.
   */
  retry(tenantId: TenantId, executionId: ExecutionId, repeat: Repeat): Promise<SubmitAnswer>;
  /** A new execution that begins at a step of an old one, with what the steps before it returned. 422 `fork.bad_step`. */
  fork(tenantId: TenantId, executionId: ExecutionId, fromStep: string, repeat: Repeat): Promise<SubmitAnswer>;
}

export interface ExecutionControlDeps {
  readonly store: ExecutionStore;
  readonly catalog: IntentCatalog;
  readonly lifecycle: ExecutionLifecycle;
  readonly claimCheck: ClaimCheck;
  readonly recovery: Recovery;
  readonly surface: StateSurface;
  readonly clock: Clock;
  readonly ids: Ids;
}

export function createExecutionControl({
  store,
  catalog,
  lifecycle,
  claimCheck,
  recovery,
  surface,
  clock,
  ids,
}: ExecutionControlDeps): ExecutionControl {
  const send = async (
    tenantId: TenantId,
    executionId: ExecutionId,
    mailId: string,
    body: MailBody,
    { records = [], mailboxLimit }: Partial<Pick<Change, "records" | "mailboxLimit">> = {},
  ): Promise<void> => {
    const change = { records, log: [], outbox: [], mail: [{ mailId, executionId, body }], mailboxLimit };
    const { outcome } = await store.write(tenantId, change);
    if (outcome === "mailbox_full") throw mailboxFull(executionId);
    if (outcome === "conflict") {
      throw new RuntimeError("pending_intent.taken", "Somebody else decided about this execution first.", {
        status: 409,
      });
    }
    recovery.wake({ tenantId, executionId });
  };

  /** What a person decides of a dead execution settles its question in the same commit. */
  const withoutItsQuestion = async (
    tenantId: TenantId,
    executionId: ExecutionId,
    answered?: string,
  ): Promise<readonly RecordWrite[]> => {
    const { settleQuestion } = await import("./revival-question.ts");
    const unit = new UnitOfWork(surface, tenantId, clock.now());
    await settleQuestion(unit, executionId, clock.now(), answered);
    return unit.records;
  };

  const underWay = async (tenantId: TenantId, executionId: ExecutionId): Promise<Execution> => {
    const execution = await lifecycle.get(tenantId, executionId);
    if (isTerminal(execution.status)) {
      throw new RuntimeError("execution.over", `The execution ${executionId} is ${execution.status} already.`, {
        status: 409,
      });
    }
    return execution;
  };

  /** What is retried is still the work that waited, unless somebody has withdrawn it since. */
  const stillWaiting = async (tenantId: TenantId, { pending_intent_id: id }: Intent): Promise<string | undefined> => {
    const found = id === undefined ? undefined : await surface.get(tenantId, pendingIntentKind, id);
    return found === undefined || found.value.status === "cancelled" ? undefined : id;
  };

  const repeatFromStep = async (
    tenantId: TenantId,
    executionId: ExecutionId,
    fromStep: string,
    { userId, roles, sessionId, traceId, parameters, idempotencyKey: key }: Repeat,
    reservation?: Reservation,
  ): Promise<SubmitAnswer> => {
    const { state, intent } = await lifecycle.load(tenantId, executionId);
    const { copiedSteps } = await import("./fork.ts");
    const definition = catalog.find(state.intent_type);
    const forked = { execution_id: executionId, step_name: fromStep };
    return lifecycle.submit(
      {
        tenantId,
        userId,
        roles,
        intentType: state.intent_type,
        sessionId: sessionId ?? state.session_id,
        parameters: parameters ?? ((await claimCheck.redeem(tenantId, intent.parameters)) as JsonObject),
        metadata: intent.metadata,
        solutionId: intent.solution_id,
        subjectId: intent.subject_id,
        intentId: undefined,
        idempotencyKey: key === undefined ? undefined : `${reservation?.kind ?? "fork"}/${executionId}/${key}`,
        pendingIntentId: reservation === undefined ? undefined : await stillWaiting(tenantId, intent),
        traceId,
      },
      {
        ...(reservation === undefined ? {} : { reservation }),
        links: { forked_from: forked },
        prologue: (journal) => copiedSteps(definition, state, fromStep, journal.epoch, ids),
      },
    );
  };

  return {
    cancel: async (tenantId, executionId, compensate) => {
      const execution = await underWay(tenantId, executionId);
      const isDead = execution.status === "dead";
      const records = isDead ? await withoutItsQuestion(tenantId, executionId) : [];
      // A dead one can only be given up. Asked in the same way again it is the same request; in another way it is another.
      const turnsBack = compensate && !isDead;
      const mailId = turnsBack ? "cancel" : "cancel/stop";
      await send(tenantId, executionId, mailId, { kind: "cancel", compensate: turnsBack }, { records });
      return execution;
    },

    signal: async (tenantId, executionId, { name, payload, signalId }) => {
      const execution = await underWay(tenantId, executionId);
      const { definition } = await findPlan({ store, catalog }, execution);
      const node = definition?.plan.nodes.find((each) => each.kind === "await" && each.name === name);
      if (node?.kind !== "await") {
        throw new RuntimeError("signal.unknown", `${execution.intent_type} awaits no signal ${name}.`, { status: 404 });
      }
      const parsed = node.schema.safeParse(payload);
      if (!parsed.success) {
        throw new RuntimeError("signal.invalid", `The payload is not one of the signal ${name}.`, {
          status: 422,
          faults: faultsOf(parsed.error, "payload"),
        });
      }
      // Its own name space: an id that a caller chose must not pass for a repeat of other mail.
      const mailId = signalId === undefined ? ids.event() : `signal/${name}/${signalId}`;
      const sent = { signal_id: mailId, name, payload: parsed.data };
      if (!hasTaken(execution, mailId)) {
        expectRoom(execution, sent);
        await send(tenantId, executionId, mailId, { kind: "signal", name, payload: sent.payload }, UNREAD_SIGNALS);
      }
      return execution;
    },

    retry: async (tenantId, executionId, repeat) => {
      const { state, intent } = await lifecycle.load(tenantId, executionId);
      // Of an erased subject there is nothing to go on with: 410.
      if (intent.subject_id !== undefined) await claimCheck.redeem(tenantId, intent.parameters);
      switch (state.status) {
        case "dead":
          await send(
            tenantId,
            executionId,
            `retry/${state.chain.sequence}`,
            { kind: "retry" },
            { records: await withoutItsQuestion(tenantId, executionId, repeat.pendingIntentId) },
          );
          return { execution: state, fresh: false };
        case "failed":
        case "compensated":
        case "cancelled": {
          const definition = catalog.find(state.intent_type);
          const traceId = definition?.journey === undefined ? repeat.traceId : state.trace_id;
          const { repeatFrom } = await import("./fork.ts");
          const from = repeatFrom(definition, state);
          const reservation = singleRetry({ store, surface }, tenantId, executionId);
          return repeatFromStep(tenantId, executionId, from, { ...repeat, traceId }, reservation);
        }
        case "pending":
        case "running":
        case "suspended":
        case "compensating":
        case "completed":
          throw new RuntimeError(
            "execution.not_retryable",
            `The execution ${executionId} is ${state.status}; only one that did not succeed can be retried.`,
            {
              status: 409,
            },
          );
      }
    },

    fork: repeatFromStep,
  };
}
