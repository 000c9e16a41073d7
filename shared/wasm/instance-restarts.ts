import type { Clock } from "../clock.ts";
import { durationMs } from "../duration.ts";
import type { Ids } from "../ids.ts";
import { RuntimeError } from "../errors.ts";
import { errorFields, type Logger } from "../logger.ts";
import type { InstanceLedger } from "./instance-ledger.ts";
import type { InstanceRecord } from "./instance-record.ts";
import type { DueRestart, RestartTimers } from "./restart-timers.ts";

/** How long a timer that is due waits for the commit of its crash. */
const ORPHANED_AFTER_MS = durationMs("10m");
/** Timers further off are not kept in memory. */
const PUSH_HORIZON_MS = durationMs("30s");

/**
 * Restarts what its policy restarts, when it is due.
 *  R1  A restart is of the epoch that crashed: however often it is tried, it happens once.
 *  R2  The sweep finds what no process remembers.
 */
export interface InstanceRestarts {
  /** One pass over what is due; returns how many instances it restarted. */
  sweep(): Promise<number>;
  /** Restarts when it is due; far times are left to the sweep. */
  at(restart: DueRestart): void;
}

export interface InstanceRestartsDeps {
  readonly ledger: InstanceLedger;
  readonly timers: RestartTimers;
  readonly clock: Clock;
  readonly ids: Pick<Ids, "trace">;
  readonly logger: Logger;
  /** Aborts when this process restarts nothing more. */
  readonly stopping: AbortSignal;
}

export function createInstanceRestarts(deps: InstanceRestartsDeps): InstanceRestarts {
  const { ledger, timers, clock, ids, logger, stopping } = deps;

  /** The instance as it is after its restart, if it is still to be restarted; undefined when it is gone. */
  const restart = async ({ tenantId, instanceId, epoch }: DueRestart): Promise<InstanceRecord | undefined> => {
    try {
      return await ledger.change(tenantId, instanceId, ids.trace(), (record) => {
        if (record.epoch !== epoch || record.metadata.status !== "crashed") return undefined;
        if (record.restart_at_ms === undefined || record.restart_at_ms > clock.now()) return undefined;
        const { restart_at_ms: _, ...restarted } = record;
        return { record: restarted, events: [{ fact_type: "instance_restarted" }] };
      });
    } catch (error) {
      if (error instanceof RuntimeError && error.code === "wasm.instance_not_found") return undefined;
      throw error;
    }
  };

  /** Whether this look at it restarted the instance. */
  const look = async (due: DueRestart): Promise<boolean> => {
    try {
      const record = await restart(due);
      const isDone = record !== undefined && (record.epoch > due.epoch || record.metadata.status === "stopped");
      if (isDone || clock.now() - due.dueMs > ORPHANED_AFTER_MS) await timers.clear(due);
      return record?.epoch === due.epoch + 1;
    } catch (error) {
      const { tenantId: tenant_id, instanceId: instance_id } = due;
      logger.error("an instance cannot be restarted", { tenant_id, instance_id, ...errorFields(error) });
      return false;
    }
  };

  return {
    sweep: async () => {
      if (stopping.aborted) return 0;
      const looked = await Promise.all((await timers.due()).map(look));
      return looked.filter((restarted) => restarted).length;
    },
    at: (due) => {
      const delayMs = due.dueMs - clock.now();
      if (delayMs > PUSH_HORIZON_MS) return;
      void clock.sleep(delayMs, stopping).then(() => (stopping.aborted ? undefined : look(due)));
    },
  };
}
