import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

import { parseRfc3339 } from "../../shared/clock.ts";
import type { ExecutionStore } from "../../shared/ports/execution-store.ts";
import { bytes } from "./figures.ts";
import type { Bench, Outcome } from "./part.ts";
import { type BenchRuntime, createSession, openRuntime, runSaga, submit, TENANT } from "./runtime.ts";
import { kinds, sleeper, stepTimes, thousandSteps, waiter } from "./saga-kinds.ts";
import { median, quantile } from "./statistics.ts";

const EDGE = 100;

/** Part: what waiting costs, how late timers are, and what a step costs when many came before it. */
export async function waitingPart({ directory, quick, say }: Bench): Promise<Outcome> {
  const counts = { commits: 0 };
  const intents = [sleeper, waiter, thousandSteps, ...Object.values(kinds)];
  const environment = { DATA_DIR: join(directory, "waiting"), LOG_LEVEL: "error", MAX_RUNNING: "1000" };
  const runtime = await openRuntime(environment, (store) => counting(store, counts), intents);
  try {
    say("commits by kind of plan");
    const commits = await commitsByKind(runtime, counts);
    say("one execution of 1,000 steps");
    const steps = await longExecution(runtime);
    say("timers");
    const lateMs = await timers(runtime, quick ? 50 : 500);
    say("suspended executions");
    const suspended = await memory(runtime, quick ? 1_000 : 10_000);
    const listed = Object.entries(commits).map(([kind, count]) => `${kind}: ${count}`);
    return {
      rows: [
        { figure: "store commits of a saga by kind of plan", measured: listed.join("; ") },
        {
          figure: "time from step to step, within 1,000 steps",
          measured: `${steps.lastMs.toFixed(2)} ms at the end`,
          beside: `${steps.firstMs.toFixed(2)} ms at the start`,
          ratio: steps.lastMs / steps.firstMs,
        },
        { figure: "CPU of a step", measured: `${steps.cpuMs.toFixed(2)} ms` },
        {
          figure: "how late a timer wakes its execution",
          measured: `p50 ${quantile(lateMs, 0.5)} ms, p99 ${quantile(lateMs, 0.99)} ms`,
        },
        {
          figure: `heap after ${suspended.count} more executions were suspended`,
          measured: bytes(suspended.after.heapUsed),
          beside: `${bytes(suspended.before.heapUsed)} before; resident ${bytes(suspended.after.rss)} after, ${bytes(suspended.before.rss)} before, of which the database's cache is up to 64 MB`,
        },
      ],
      figures: { commits, steps, lateMs: lateMs.toSorted((a, b) => a - b), suspended },
    };
  } finally {
    await runtime.stop();
  }
}

async function commitsByKind({ services }: BenchRuntime, counts: { commits: number }) {
  const sessionId = await createSession(services);
  const found: Record<string, number> = {};
  for (const [kind, { type }] of Object.entries(kinds)) {
    counts.commits = 0;
    await runSaga(services, sessionId, type, {});
    await pause(100);
    found[kind] = counts.commits;
  }
  return found;
}

async function longExecution({ services }: BenchRuntime) {
  const sessionId = await createSession(services);
  // Once before, so that what is measured is not the compiler.
  await runSaga(services, sessionId, thousandSteps.type, {});
  stepTimes.length = 0;
  const usage = process.cpuUsage();
  await runSaga(services, sessionId, thousandSteps.type, {});
  const { user, system } = process.cpuUsage(usage);
  const gaps = stepTimes.slice(1).map((atMs, index) => atMs - (stepTimes[index] ?? atMs));
  const cpuMs = (user + system) / 1_000 / stepTimes.length;
  return { firstMs: median(gaps.slice(0, EDGE)), lastMs: median(gaps.slice(-EDGE)), cpuMs };
}

/** By how many milliseconds each of so many sleeps was over too late, started a little after one another. */
async function timers({ services }: BenchRuntime, count: number): Promise<readonly number[]> {
  const sessionId = await createSession(services);
  const sleeps: Promise<number>[] = [];
  for (let index = 0; index < count; index += 1) {
    sleeps.push(
      runSaga(services, sessionId, sleeper.type, {}).then(({ steps }) => {
        const [nap] = steps;
        return parseRfc3339(nap?.completed_at ?? "") - parseRfc3339(nap?.due_at ?? "");
      }),
    );
    await pause(5);
  }
  return Promise.all(sleeps);
}

async function memory({ services }: BenchRuntime, count: number) {
  const sessionId = await createSession(services);
  const warm = Math.ceil(count / 10);
  const wait = async (some: number): Promise<void> => {
    for (let done = 0; done < some; done += 100) {
      await Promise.all(Array.from({ length: 100 }, () => submit(services, sessionId, waiter.type)));
    }
    await services.adapters.store.listExecutions(TENANT, { live: true }, { limit: 1 });
  };
  await wait(warm);
  const before = await restingMemory();
  await wait(count);
  return { count, before, after: await restingMemory() };
}

/** Once what is not held is collected. */
async function restingMemory(): Promise<{ readonly heapUsed: number; readonly rss: number }> {
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as () => void;
  for (let round = 0; round < 3; round += 1) {
    await pause(200);
    collect();
  }
  const { heapUsed, rss } = process.memoryUsage();
  return { heapUsed, rss };
}

function counting(store: ExecutionStore, counts: { commits: number }): ExecutionStore {
  return {
    ...store,
    accept: (acceptance) => {
      counts.commits += 1;
      return store.accept(acceptance);
    },
    commit: (commit) => {
      counts.commits += 1;
      return store.commit(commit);
    },
    claim: (request) => {
      counts.commits += 1;
      return store.claim(request);
    },
  };
}
