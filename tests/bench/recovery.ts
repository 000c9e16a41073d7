import { fork } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

import { createSqliteStore } from "../../infra/adapters/sqlite/execution-store.ts";
import type { Execution } from "../../shared/executions/execution.ts";
import { loadExecution } from "../../shared/executions/stored-execution.ts";
import { asId } from "../../shared/ids.ts";
import type { ExecutionStore } from "../../shared/ports/execution-store.ts";
import type { Bench, Outcome } from "./part.ts";
import { TENANT } from "./runtime.ts";
import { SLOW_STEP_MS, slowSteps } from "./saga-kinds.ts";

const RUNNING_FOR_MS = 300;
const GIVE_UP_MS = 30_000;

/** Part: a worker is killed with its sagas under way; how long until another one has ended them all. */
export async function recoveryPart({ directory, quick, say }: Bench): Promise<Outcome> {
  const sagas = quick ? 50 : 200;
  const dataDir = join(directory, "recovery");
  say(`${sagas} sagas of three ${SLOW_STEP_MS} ms steps, their worker killed after ${RUNNING_FOR_MS} ms`);
  const first = await startWorker(dataDir);
  const second = await startWorker(dataDir);
  const store = createSqliteStore(join(dataDir, "runtime.db"));
  try {
    first.send(sagas);
    await once(first, "message");
    await sleep(RUNNING_FOR_MS);
    first.kill("SIGKILL");
    const killedMs = performance.now();
    await once(first, "exit");
    const before = await executions(store);
    const recoveredMs = (await endedAt(store)) - killedMs;
    const repeated = countRepeated(before, await executions(store));
    const finished = before.flatMap(({ steps }) => steps.filter(({ status }) => status === "completed")).length;
    return {
      rows: [
        {
          figure: `all of ${sagas} running sagas ended by another worker after a kill`,
          measured: `${(recoveredMs / 1_000).toFixed(2)} s`,
          beside: `3 s until a silent worker counts as dead, plus the sagas' own ${(SLOW_STEP_MS * 3) / 1_000} s`,
        },
        { figure: "finished steps that were run again", measured: `${repeated} of ${finished}` },
      ],
      figures: { sagas, recoveredMs, finishedBefore: finished, repeated },
    };
  } finally {
    first.kill("SIGKILL");
    second.kill("SIGKILL");
    await store.close();
  }
}

async function startWorker(dataDir: string) {
  const env = { PATH: process.env["PATH"], DATA_DIR: dataDir, LOG_LEVEL: "error", MAX_RUNNING: "1000" };
  const worker = fork(join(import.meta.dirname, "recovery-server.ts"), { env, execArgv: [] });
  await once(worker, "message");
  return worker;
}

async function executions(store: ExecutionStore): Promise<readonly Execution[]> {
  const heads = await store.listExecutions(TENANT, { intentType: slowSteps.type }, { limit: 10_000 });
  const found: Execution[] = [];
  for (const head of heads.items) {
    const stored = await store.readExecution(TENANT, asId.execution(String(head["execution_id"])));
    if (stored !== undefined) found.push(loadExecution(stored).state);
  }
  return found;
}

/** When no saga is unfinished any more. Throws when that never comes. */
async function endedAt(store: ExecutionStore): Promise<number> {
  const untilMs = performance.now() + GIVE_UP_MS;
  for (;;) {
    const live = await store.listExecutions(TENANT, { live: true }, { limit: 1 });
    if (live.items.length === 0) return performance.now();
    if (performance.now() > untilMs) throw new Error("the sagas of the killed worker never ended");
    await sleep(5);
  }
}

function countRepeated(before: readonly Execution[], after: readonly Execution[]): number {
  const ended = new Map(after.flatMap(({ steps }) => steps.map((step) => [step.step_id, step] as const)));
  const finished = before.flatMap(({ steps }) => steps.filter(({ status }) => status === "completed"));
  return finished.filter((step) => {
    const now = ended.get(step.step_id);
    return now?.attempt !== step.attempt || now.completed_at !== step.completed_at;
  }).length;
}
