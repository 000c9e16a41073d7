import { expect, vi } from "vitest";

import { createSqliteStore } from "../../infra/adapters/sqlite/execution-store.ts";
import { systemRandom } from "../../infra/adapters/system/system.ts";
import type { Execution, ExecutionStatus, Step } from "../../shared/executions/execution.ts";
import { loadExecution } from "../../shared/executions/stored-execution.ts";
import { asId, type ExecutionId, type TenantId, trustedTenantId } from "../../shared/ids.ts";
import type { JsonObject } from "../../shared/json.ts";
import type { ExecutionStore } from "../../shared/ports/execution-store.ts";
import type { IntentDefinition } from "../../shared/sagas/intent-definition.ts";
import type { LogEntry } from "../../shared/state/log-entry.ts";
import { createManualClock, type ManualClock } from "../unit/manual-clock.ts";
import { type CountingStore, countingStore } from "./counting-store.ts";
import { historyFaults } from "./history-faults.ts";
import { openRuntime, type TestRuntime } from "./runtime.ts";
import { temporaryFolder } from "./temporary-folder.ts";

export interface LabOptions {
  readonly intents: readonly IntentDefinition[];
  /** What the injected randomness draws; default 0.5. */
  readonly fraction?: () => number;
  readonly over?: (inner: ExecutionStore) => Partial<ExecutionStore>;
}

/**
 * A worker over a store in memory and a clock that a test moves; more workers can be hired over the same store.
 * When it closes, the history of every execution must keep its promises (history-faults.ts).
 */
export interface Lab extends AsyncDisposable {
  readonly tenantId: TenantId;
  readonly clock: ManualClock;
  readonly counting: CountingStore;
  readonly store: ExecutionStore;
  /** The first worker. */
  readonly first: TestRuntime;
  /** Another worker, or another build; on its own clock when one is given. */
  hire(intents?: readonly IntentDefinition[], clock?: ManualClock): Promise<TestRuntime>;
  submit(intentType: string, parameters?: JsonObject): Promise<ExecutionId>;
  state(executionId: ExecutionId): Promise<Execution>;
  /** The execution once it has the status. */
  reach(executionId: ExecutionId, status: ExecutionStatus): Promise<Execution>;
  /** Submits, and waits for the status. */
  play(intentType: string, status: ExecutionStatus, parameters?: JsonObject): Promise<Execution>;
  log(executionId: ExecutionId): Promise<readonly LogEntry[]>;
  /** The executions that are due by now. */
  due(): Promise<readonly ExecutionId[]>;
}

export async function openLab({ intents, fraction = () => 0.5, over }: LabOptions): Promise<Lab> {
  const clock = createManualClock();
  const inner = createSqliteStore(":memory:");
  const counting = countingStore({ ...inner, ...over?.(inner) });
  const { store } = counting;
  const folder = await temporaryFolder();
  const tenantId = trustedTenantId("acme");
  const workers: TestRuntime[] = [];

  const hire: Lab["hire"] = async (theirs = intents, theirClock = clock) => {
    const random = { ...systemRandom, fraction };
    const worker = await openRuntime({ intents: theirs, clock: theirClock, store, folder: folder.path, random });
    workers.push(worker);
    return worker;
  };
  const first = await hire();

  const state: Lab["state"] = async (executionId) => {
    const stored = await inner.readExecution(tenantId, executionId);
    if (stored === undefined) throw new Error(`there is no ${executionId}`);
    return loadExecution(stored).state;
  };
  const reach: Lab["reach"] = (executionId, status) =>
    vi.waitFor(
      async () => {
        const found = await state(executionId);
        expect(found).toMatchObject({ status });
        return found;
      },
      { interval: 2, timeout: 2_000 },
    );
  const submit: Lab["submit"] = async (intentType, parameters) =>
    (await first.submit(intentType, parameters)).execution.execution_id;

  const expectWholeHistories = async (): Promise<void> => {
    const heads = await inner.listExecutions(tenantId, {}, { limit: 1_000 });
    for (const head of heads.items) {
      const executionId = asId.execution(String(head["execution_id"]));
      const texts: string[] = [];
      for (let cursor: string | undefined, more = true; more; more = cursor !== undefined) {
        const page = await inner.readLog(tenantId, { executionId, order: "chronological" }, { limit: 1_000, cursor });
        texts.push(...page.items);
        cursor = page.nextCursor;
      }
      expect(historyFaults({ state: await state(executionId), texts })).toEqual([]);
    }
  };

  return {
    tenantId,
    clock,
    counting,
    store,
    first,
    hire,
    submit,
    state,
    reach,
    play: async (intentType, status, parameters) => reach(await submit(intentType, parameters), status),
    log: (executionId) => Array.fromAsync(first.services.log.replay(tenantId, { executionId })),
    due: async () => (await store.due({ nowMs: clock.now(), limit: 100 })).map(({ executionId }) => executionId),
    [Symbol.asyncDispose]: async () => {
      await Promise.all(workers.map((worker) => worker[Symbol.asyncDispose]()));
      await expectWholeHistories();
      await inner.close();
      await folder[Symbol.asyncDispose]();
    },
  };
}

/** A recorded step by its name. */
export function stepOf(execution: Execution, name: string): Step {
  const step = execution.steps.find((each) => each.step_name === name);
  if (step === undefined) throw new Error(`${execution.execution_id} has no step ${name}`);
  return step;
}

/** `name: status` of every recorded step, in their order. */
export function outline(execution: Execution): readonly string[] {
  return execution.steps.map((step) => `${step.step_name}: ${step.status}`);
}
