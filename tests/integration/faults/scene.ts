import { setTimeout as sleep } from "node:timers/promises";

import { createAdapters } from "../../../infra/create-adapters.ts";
import { loadConfig } from "../../../shared/config.ts";
import { type Audit, auditAll } from "../../kit/audit.ts";
import { untilQuiet } from "../../kit/quiet.ts";
import { receivedFrom } from "../../kit/received-events.ts";
import { openRuntime, type TestRuntime } from "../../kit/runtime.ts";
import { temporaryFolder } from "../../kit/temporary-folder.ts";
import type { IntentDefinition } from "../../../shared/sagas/intent-definition.ts";
import { allKinds } from "../fixtures/all-nodes.ts";
import { fastSteps } from "../fixtures/fast-steps.ts";
import { fiveSteps } from "../fixtures/five-steps.ts";
import type { Request } from "../fixtures/worker-messages.ts";
import { type Fleet, startFleet } from "../fleet.ts";
import type { WorkerProcess } from "../worker-processes.ts";

const intents = [fiveSteps, fastSteps, ...allKinds];
const LINES = 12;
const BURST = 10;
/** How long each step of a burst takes, so that what comes next finds it in the middle, however slow the machine is. */
const BURST_STEP_MS = 150;
const SETTLE_WITHIN_MS = 60_000;

/** Worker processes under load, a way for the test to look at the store beside them, and what was promised to clients. */
export interface Scene extends AsyncDisposable {
  readonly fleet: Fleet;
  readonly runtime: TestRuntime;
  /** Executions by their idempotency keys, as they were acknowledged. */
  readonly accepted: ReadonlyMap<string, string>;
  /** When each was acknowledged, by the execution, on the clock of `performance.now()`. */
  readonly acceptedAtMs: ReadonlyMap<string, number>;
  /** Submits so many sagas, evenly spread over the time, each until it is acknowledged; every tenth turns back. */
  load(count: number, overMs: number): Promise<void>;
  /** Submits ten sagas of slow steps at once; resolves when the first is acknowledged, to when all are. */
  burst(): Promise<{ readonly acknowledged: Promise<unknown> }>;
  /** Gives a worker so many sagas of its own, whose steps take so long; resolves when all are acknowledged. */
  give(worker: WorkerProcess, count: number, stepMs: number): Promise<void>;
  /** Gives a worker ten sagas of its own, freezes it while it is at them, and wakes it; resolves when all are acknowledged. */
  freezeInTheMiddle(worker: WorkerProcess, forMs: number): Promise<void>;
  /** Waits until nothing is left to be done, then reads everything. */
  audit(): Promise<Audit>;
}

type Environment = Readonly<Record<string, string>>;

export interface SceneOptions {
  /** One worker for each: what chooses its store, a proxy before it for example. */
  readonly workerEnvs: readonly Environment[];
  /** What the test itself looks at. */
  readonly ownEnv: Environment;
  /** What the load asks for, by the number of the request; default five steps with effects. */
  readonly intentOf?: (index: number) => IntentDefinition;
}

export async function openScene({ workerEnvs, ownEnv, intentOf = () => fiveSteps }: SceneOptions): Promise<Scene> {
  const folder = await temporaryFolder();
  const adapters = await createAdapters(loadConfig({ DATA_DIR: folder.path, LOG_LEVEL: "error", ...ownEnv }));
  const runtime = await openRuntime({ store: adapters.store, folder: folder.path, intents });
  // Who tells an execution to stop may run what is left of it: its end is then told here.
  const toldHere = receivedFrom(runtime.bus);
  const fleet = startFleet(folder.path, "", workerEnvs.length, (place) => workerEnvs[place] ?? {});
  await fleet.ready();
  const accepted = new Map<string, string>();
  const acceptedAtMs = new Map<string, number>();
  let asked = 0;

  const nextRequest = (worksMs = 0): Request => {
    const index = asked;
    asked += 1;
    const parameters = { label: `number ${index}`, fails: index % 10 === 9, works_ms: worksMs };
    return { key: `key-${index}`, session_id: runtime.sessionId, intent_type: intentOf(index).type, parameters };
  };
  /** The same key again until it is acknowledged, whoever acknowledges it. */
  const submit = async (request: Request): Promise<void> => {
    const executionId = await fleet.submit(request);
    accepted.set(request.key, executionId);
    acceptedAtMs.set(executionId, performance.now());
  };

  return {
    fleet,
    runtime,
    accepted,
    acceptedAtMs,
    load: async (count, overMs) => {
      const pauseMs = (overMs * LINES) / count;
      let left = count;
      const line = async (): Promise<void> => {
        while (left > 0) {
          left -= 1;
          await Promise.all([submit(nextRequest()), sleep(pauseMs)]);
        }
      };
      await Promise.all(Array.from({ length: LINES }, line));
    },
    burst: async () => {
      const submissions = Array.from({ length: BURST }, () => submit(nextRequest(BURST_STEP_MS)));
      const acknowledged = Promise.all(submissions);
      await Promise.race(submissions);
      return { acknowledged };
    },
    give: async (worker, count, stepMs) => {
      const give = async (request: Request): Promise<void> => {
        const executionId = await worker.submit(request);
        if (executionId === undefined) throw new Error(`The worker does not take ${request.key}.`);
        accepted.set(request.key, executionId);
      };
      await Promise.all(Array.from({ length: count }, () => give(nextRequest(stepMs))));
    },
    freezeInTheMiddle: async (worker, forMs) => {
      const requests = Array.from({ length: BURST }, () => nextRequest(BURST_STEP_MS));
      await Promise.race(requests.map((request) => worker.submit(request)));
      worker.signal("SIGSTOP");
      await sleep(forMs);
      worker.signal("SIGCONT");
      await Promise.all(requests.map(submit));
    },
    audit: async () => {
      const { store, tenantId } = runtime;
      await untilQuiet(store, tenantId, SETTLE_WITHIN_MS);
      return auditAll({ store, tenantId, intents, accepted, received: [...fleet.published, ...toldHere] });
    },
    [Symbol.asyncDispose]: async () => {
      await fleet.end();
      await runtime[Symbol.asyncDispose]();
      await adapters.close();
      await folder[Symbol.asyncDispose]();
    },
  };
}
