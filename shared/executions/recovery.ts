import type { Clock } from "../clock.ts";
import { trustedTenantId } from "../ids.ts";
import { errorFields, type Logger } from "../logger.ts";
import type { ExecutionRef, ExecutionStore } from "../ports/execution-store.ts";
import { DEAD_AFTER_MS, type Presence } from "./presence.ts";
import { loadExecution } from "./stored-execution.ts";
import type { Workshop } from "./workshop.ts";

const BATCH = 100;

/**
 * Takes up work that nobody runs: of workers that died, and of this worker when a store error made it give up.
 *  V1  An accepted execution that no live worker runs is claimed within a sweep.
 */
export interface Recovery {
  /** One pass; returns how many executions were taken up. Their running goes on after it resolves. */
  sweep(): Promise<number>;
  /** Remembers an execution that this worker may hold without running it, such as after an unanswered accept. */
  remember(ref: ExecutionRef): void;
}

export interface RecoveryDeps {
  readonly store: ExecutionStore;
  readonly workshop: Workshop;
  readonly presence: Presence;
  readonly clock: Clock;
  readonly logger: Logger;
  /** How many executions this process may hold. */
  readonly maxHeld: number;
}

export function createRecovery(deps: RecoveryDeps): Recovery {
  const { store, workshop, presence, clock, logger } = deps;
  const mine = new Map<string, ExecutionRef>();
  const remember = (ref: ExecutionRef): void => {
    mine.set(ref.executionId, ref);
  };
  workshop.onGivenUp((state) =>
    remember({ tenantId: trustedTenantId(state.tenant_id), executionId: state.execution_id }),
  );

  const takeUp = async (ref: ExecutionRef): Promise<boolean> => {
    if (workshop.has(ref.executionId)) return false;
    await presence.enter();
    const leave = (): void => presence.leave();
    try {
      const times = { nowMs: clock.now(), deadAfterMs: DEAD_AFTER_MS };
      const claim = await store.claim({ ...ref, ...times, workerId: presence.workerId });
      mine.delete(ref.executionId);
      if (claim.outcome !== "claimed") {
        leave();
        return false;
      }
      logger.info("an execution was taken up", {
        tenant_id: ref.tenantId,
        execution_id: ref.executionId,
        epoch: claim.epoch,
      });
      workshop.take(loadExecution(claim.execution)).then(leave, leave);
      return true;
    } catch (error) {
      leave();
      throw error;
    }
  };

  return {
    remember,
    sweep: async () => {
      let taken = 0;
      const found = await store.abandoned({ nowMs: clock.now(), deadAfterMs: DEAD_AFTER_MS, limit: BATCH });
      for (const ref of [...mine.values(), ...found]) {
        if (workshop.held >= deps.maxHeld) break;
        try {
          if (await takeUp(ref)) taken += 1;
        } catch (error) {
          logger.error("an execution cannot be taken up", {
            tenant_id: ref.tenantId,
            execution_id: ref.executionId,
            ...errorFields(error),
          });
        }
      }
      return taken;
    },
  };
}
