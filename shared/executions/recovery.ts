import type { Clock } from "../clock.ts";
import { durationMs } from "../duration.ts";
import { trustedTenantId } from "../ids.ts";
import { RuntimeError } from "../errors.ts";
import { errorFields, type Logger } from "../logger.ts";
import type { ExecutionRef, ExecutionStore } from "../ports/execution-store.ts";
import { atTheRightTime } from "../store-clock.ts";
import { isSettled } from "./execution.ts";
import { overloaded } from "./failure.ts";
import { DEAD_AFTER_MS, type Presence, SILENT_AFTER_MS } from "./presence.ts";
import { loadExecution, type LoadedExecution } from "./stored-execution.ts";
import type { Workshop } from "./workshop.ts";

/** How many executions one sweep takes up at the most. */
const BATCH = 500;
/** Timers further off are not kept in memory. */
const PUSH_HORIZON_MS = 30_000;
/** How long after it was given up an acceptance may still be carried out: a store's client goes on trying for ten minutes. */
const IN_DOUBT_MS = durationMs("12m");
const FIRST_LOOK_MS = 1_000;

/**
 * Takes up work that nobody runs: of workers that died, and of this worker when a store error made it give up.
 *  V1  An accepted execution that no live worker runs, and whose time has come, is claimed within a sweep.
 *  V2  What this worker may come to hold without knowing of it, as an unanswered acceptance that is carried out late, it looks for until
 *      that can happen no more: nobody else takes it from a worker that lives.
 *  V3  A claim that got no answer is made again under its own id, so that carried out late it does not fence the run of the second.
 */
export interface Recovery {
  /** One pass; the running of what was taken up goes on after it resolves. */
  sweep(): Promise<Sweep>;
  /** Runs an execution that this worker holds already. */
  take(held: LoadedExecution): void;
  /**
   * Takes up one execution unless somebody holds it or it is over; resolves once this worker has it or will not.
   * Throws `runtime.overloaded` (503, retryable).
   */
  resume(ref: ExecutionRef): Promise<void>;
  /** Takes up an execution that is due now, in the background: a push that spares it the wait for the sweep. */
  wake(ref: ExecutionRef): void;
  /** As `wake`, at a time; far times are left to the sweep. */
  wakeAt(ref: ExecutionRef, atMs: number): void;
  /** Takes up again what this worker remembers; asks the store nothing when that is nothing. */
  retake(): Promise<void>;
  /** Remembers an execution that this worker may hold without running it, such as after an unanswered accept or claim. */
  remember(ref: ExecutionRef): void;
}

export interface Sweep {
  /** How many executions were taken up. */
  readonly takenUp: number;
  /** Whether a worker that holds work has missed a beat, so that its work may soon be anybody's. */
  readonly expectsMore: boolean;
}

export interface RecoveryDeps {
  readonly store: ExecutionStore;
  readonly workshop: Workshop;
  readonly presence: Presence;
  readonly clock: Clock;
  readonly logger: Logger;
  /** How many executions this process may hold. */
  readonly maxHeld: number;
  /** Aborts when this process takes up nothing more. */
  readonly stopping: AbortSignal;
}

/** What this worker may hold without running it. */
interface Doubt {
  readonly ref: ExecutionRef;
  readonly sinceMs: number;
  /** Not before then it is looked for again. */
  readonly lookMs: number;
  /** Of a claim that got no answer. */
  readonly claimId?: string;
}

export function createRecovery(deps: RecoveryDeps): Recovery {
  const { store, workshop, presence, clock, logger } = deps;
  const mine = new Map<string, Doubt>();
  const remember = (ref: ExecutionRef, claimId?: string): void => {
    const doubt = { ref, sinceMs: clock.now(), lookMs: 0 };
    mine.set(ref.executionId, claimId === undefined ? doubt : { ...doubt, claimId });
  };
  let claims = 0;
  const remembered = (): readonly ExecutionRef[] =>
    [...mine.values()].filter(({ lookMs }) => lookMs <= clock.now()).map(({ ref }) => ref);
  /** What is not there may come yet: it is looked for after as long as it was looked for in vain. */
  const lookLater = ({ executionId }: ExecutionRef): void => {
    const doubt = mine.get(executionId);
    if (doubt === undefined) return;
    const { ref, sinceMs } = doubt;
    const forMs = Math.max(0, clock.now() - sinceMs);
    if (forMs > IN_DOUBT_MS) mine.delete(executionId);
    else mine.set(executionId, { ref, sinceMs, lookMs: clock.now() + Math.max(FIRST_LOOK_MS, forMs) });
  };
  workshop.onGivenUp((state) =>
    remember({ tenantId: trustedTenantId(state.tenant_id), executionId: state.execution_id }),
  );

  const taking = new Set<ExecutionRef["executionId"]>();
  const takeUp = async (ref: ExecutionRef): Promise<boolean> => {
    if (workshop.has(ref.executionId) || taking.has(ref.executionId)) return false;
    taking.add(ref.executionId);
    try {
      return await claim(ref);
    } finally {
      taking.delete(ref.executionId);
    }
  };

  const claim = async (ref: ExecutionRef): Promise<boolean> => {
    const nowMs = await presence.enter();
    const leave = (): void => presence.leave();
    const claimId = mine.get(ref.executionId)?.claimId ?? `${presence.workerId}/${(claims += 1)}`;
    try {
      const times = { nowMs, deadAfterMs: DEAD_AFTER_MS };
      const asked = { ...ref, ...times, workerId: presence.workerId, claimId };
      const claimed = await store.claim(asked).catch((error: unknown) => {
        // It may be this worker's now or later, and nobody else takes it from one that lives.
        remember(ref, claimId);
        throw error;
      });
      if (claimed.outcome === "absent") lookLater(ref);
      else mine.delete(ref.executionId);
      if (claimed.outcome !== "claimed") {
        leave();
        return false;
      }
      const taken = loadExecution(claimed.execution);
      logger.debug("an execution was taken up", {
        tenant_id: ref.tenantId,
        execution_id: ref.executionId,
        epoch: claimed.epoch,
        trace_id: taken.state.trace_id,
      });
      workshop.take(taken).then(leave, leave);
      return true;
    } catch (error) {
      leave();
      throw error;
    }
  };

  /** Takes up what it can and returns how many; tells of the rest once for each cause, however many there are. */
  const takeAllUp = async (refs: readonly ExecutionRef[]): Promise<number> => {
    const failures: { readonly ref: ExecutionRef; readonly error: unknown }[] = [];
    const taken = await Promise.all(
      refs.map((ref) =>
        takeUp(ref).catch((error: unknown) => {
          failures.push({ ref, error });
          return false;
        }),
      ),
    );
    const byCause = Map.groupBy(failures, ({ error }) => (error instanceof RuntimeError ? error.code : ""));
    for (const [first, ...others] of byCause.values()) {
      if (first === undefined) continue;
      const { tenantId: tenant_id, executionId: execution_id } = first.ref;
      const more = others.length === 0 ? {} : { and_others: others.length };
      logger.error("an execution cannot be taken up", {
        tenant_id,
        execution_id,
        ...more,
        ...errorFields(first.error),
      });
    }
    return taken.filter((wasTaken) => wasTaken).length;
  };
  const wake = (ref: ExecutionRef): void => {
    if (deps.stopping.aborted || workshop.held >= deps.maxHeld) return;
    const here = workshop.settled(ref.executionId);
    if (here === undefined) void takeAllUp([ref]);
    // It may be just letting go: then what woke it came too late to keep it.
    else void here.then((state) => (isSettled(state.status) ? undefined : wake(ref))).catch(() => undefined);
  };

  return {
    remember: (ref) => remember(ref),
    take: (held) => {
      const leave = (): void => presence.leave();
      presence.enter().then(
        () => workshop.take(held).then(leave, leave),
        () => remember({ tenantId: trustedTenantId(held.state.tenant_id), executionId: held.state.execution_id }),
      );
    },
    resume: async (ref) => {
      if (deps.stopping.aborted || workshop.held >= deps.maxHeld) throw overloaded();
      await takeUp(ref);
    },
    retake: async () => {
      await takeAllUp(remembered());
    },
    wake,
    wakeAt: (ref, atMs) => {
      const delayMs = atMs - clock.now();
      if (delayMs > PUSH_HORIZON_MS) return;
      void clock.sleep(delayMs, deps.stopping).then(() => wake(ref));
    },
    sweep: async () => {
      const room = Math.min(BATCH, deps.maxHeld - workshop.held);
      if (room <= 0 || deps.stopping.aborted) return { takenUp: 0, expectsMore: false };
      const abandonedAfter = (deadAfterMs: number) =>
        atTheRightTime(clock, (nowMs) => store.abandoned({ nowMs, deadAfterMs, limit: room }));
      const silent = await abandonedAfter(SILENT_AFTER_MS);
      const found = silent.length === 0 ? [] : await abandonedAfter(DEAD_AFTER_MS);
      const due = await store.due({ nowMs: clock.now(), limit: room });
      // Side by side, so that a store that gathers commits gathers these.
      const takenUp = await takeAllUp([...remembered(), ...found, ...due].slice(0, room));
      return { takenUp, expectsMore: silent.length > found.length };
    },
  };
}
