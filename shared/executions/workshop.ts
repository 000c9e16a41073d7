import type { ExecutionId, TenantId } from "../ids.ts";
import { errorFields, type Logger } from "../logger.ts";
import { createFairLine } from "../fair-line.ts";
import { priceOf } from "../sagas/price.ts";
import type { Execution } from "./execution.ts";
import { runExecution, type RunnerDeps, type StopSignals } from "./runner.ts";
import type { Shift } from "./shift.ts";
import type { LoadedExecution } from "./stored-execution.ts";

/**
 * The executions that this process holds: at most `maxRunning` at work, the rest in line.
 *  W1  What it holds it runs to its end, or gives up whole: nothing held is forgotten while the process lives.
 *  W2  Those in line are of all tenants in turn, by what their sagas cost (fair-line.ts); and no tenant fills more than nine tenths
 *      of the room, so that one that floods it leaves a way in for the others.
 */
export interface Workshop {
  readonly held: number;
  /** Whether a new execution of the tenant may come. */
  hasRoom(tenantId: TenantId): boolean;
  has(executionId: ExecutionId): boolean;
  /** Takes on an execution that this worker holds; resolves to the last state that it committed. */
  take(execution: LoadedExecution): Promise<Execution>;
  /** The outcome of one that is held here. */
  settled(executionId: ExecutionId): Promise<Execution> | undefined;
  /** Resolves when nothing is held here any more, or not this one. */
  idle(executionId?: ExecutionId): Promise<void>;
  /** Called with each execution that was given up because of an error, such as an unreachable store. */
  onGivenUp(listener: (execution: Execution) => void): void;
  /** Stops between steps; after `graceMs` also within them. Resolves when nothing runs here any more. */
  stop(graceMs: number): Promise<void>;
}

/**
 * An execution in the map of those that are held. It lets go of its outcome when it leaves: a map that outgrows its table keeps
 * the old table's entries reachable from table to table, until a full collection.
 */
interface Held {
  outcome: Promise<Execution> | undefined;
}

/** What of the room one tenant may fill. */
const MAX_SHARE = 0.9;

export interface WorkshopDeps extends RunnerDeps {
  readonly logger: Logger;
  readonly maxRunning: number;
  /** How many executions it may hold, running and in line. */
  readonly maxHeld: number;
  readonly shift: Shift;
}

export function createWorkshop(deps: WorkshopDeps): Workshop {
  const held = new Map<ExecutionId, Held>();
  const line = createFairLine<() => void>();
  const draining = new AbortController();
  const stopping = new AbortController();
  // One for all: a getter that is written into an object for each execution makes the engine describe each object's shape anew, in
  // memory that only a full collection frees.
  const stop: StopSignals = {
    draining: draining.signal,
    stopping: stopping.signal,
    // Asked anew for each step: more requests may have come, and those that there were may have gone.
    get functionEndsMs() {
      return deps.shift.endsMs();
    },
  };
  let running = 0;
  let givenUp: (execution: Execution) => void = () => undefined;

  const place = ({ tenant_id, intent_type, intent_version }: Execution): Promise<void> => {
    if (running < deps.maxRunning) {
      running += 1;
      return Promise.resolve();
    }
    // Whoever leaves hands its place over, so `running` stays as it is.
    const definition = deps.catalog.version(intent_type, intent_version);
    const cost = definition === undefined ? 1 : priceOf(definition).commits;
    return new Promise((resolve) => line.push(tenant_id, cost, resolve));
  };
  const leave = (): void => {
    const next = line.shift();
    if (next === undefined) running -= 1;
    else next();
  };

  /** Of all that is held, or of one. */
  const outcomes = (executionId?: ExecutionId): Promise<Execution>[] =>
    (executionId === undefined ? [...held.values()] : [held.get(executionId)]).flatMap((one) => one?.outcome ?? []);

  const work = async (execution: LoadedExecution): Promise<Execution> => {
    await place(execution.state);
    try {
      if (draining.signal.aborted) return execution.state;
      return await runExecution(deps, execution, stop);
    } finally {
      leave();
    }
  };

  return {
    get held() {
      return held.size;
    },
    hasRoom: (tenantId) => held.size < deps.maxHeld && line.lengthOf(tenantId) < deps.maxHeld * MAX_SHARE,
    has: (executionId) => held.has(executionId),
    settled: (executionId) => held.get(executionId)?.outcome,
    take: (execution) => {
      const id = execution.state.execution_id;
      const entry: Held = { outcome: undefined };
      const outcome = work(execution).finally(() => {
        held.delete(id);
        entry.outcome = undefined;
      });
      entry.outcome = outcome;
      held.set(id, entry);
      outcome.catch((error: unknown) => {
        givenUp(execution.state);
        deps.logger.error("an execution was given up; the recovery sweep will take it up", {
          tenant_id: execution.state.tenant_id,
          execution_id: id,
          trace_id: execution.state.trace_id,
          ...errorFields(error),
        });
      });
      return outcome;
    },
    idle: async (executionId) => {
      while (outcomes(executionId).length > 0) await Promise.allSettled(outcomes(executionId));
    },
    onGivenUp: (listener) => {
      givenUp = listener;
    },
    stop: async (graceMs) => {
      draining.abort();
      const finished = Promise.allSettled(outcomes());
      const patience = new AbortController();
      await Promise.race([finished, deps.clock.sleep(graceMs, patience.signal)]);
      patience.abort();
      stopping.abort();
      await finished;
    },
  };
}
