import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { Worker } from "node:worker_threads";

import { createSqliteStore } from "../../infra/adapters/sqlite/execution-store.ts";
import { systemClock } from "../../infra/adapters/system/system.ts";
import { asId } from "../../shared/ids.ts";
import type { GuestInvocation } from "../../shared/ports/wasm-runtime.ts";
import { createKvProvider } from "../../shared/wasm/providers/kv-provider.ts";
import { acme, openGuestScene, outputOf } from "../kit/wasm/guest-scene.ts";
import { ECHO, FORWARDER, reactor } from "../kit/wasm/wat.ts";
import { bytes, perSecond } from "./figures.ts";
import type { Bench, Outcome, Row } from "./part.ts";
import { median, quantile } from "./statistics.ts";
import { measureNeighbours, type NeighbourFigures } from "./wasm-neighbours.ts";
import { measureFailOver, measureRemoteCalls } from "./wasm-remote.ts";

const CLIENTS = 32;
const GUEST = { tenantId: acme, instanceId: asId.instance("instance_1") };
const BARE = `const { parentPort } = require("node:worker_threads");
parentPort.on("message", (message) => parentPort.postMessage(message));`;

/** What a thread costs that only answers: the limit of every call. */
interface BareWorker {
  ask(): Promise<void>;
  end(): Promise<number>;
}

function startBareWorker(): BareWorker {
  const worker = new Worker(BARE, { eval: true });
  const waiting: (() => void)[] = [];
  worker.on("message", () => waiting.shift()?.());
  const message = { input: Buffer.from("[1]") };
  return {
    ask: () =>
      new Promise((resolve) => {
        waiting.push(resolve);
        worker.postMessage(message);
      }),
    end: () => worker.terminate(),
  };
}

/** Part: what a guest's call costs, beside a thread that only answers, and what hostile guests cost their neighbour. */
export async function wasmPart({ quick, say, directory }: Bench): Promise<Outcome> {
  const rounds = quick ? 3 : 9;
  const calls = quick ? 500 : 3_000;
  await using scene = await openGuestScene();
  const bare = startBareWorker();
  const store = createSqliteStore(join(directory, "wasm.db"));
  const kv = createKvProvider({ store, clock: systemClock });
  await kv.initialize();
  const echo = await scene.deploy(await reactor(ECHO));
  const forwarder = await scene.deploy(await reactor(FORWARDER));
  const request = { provider: "kv", operation: "get", params: { key: "a" } };
  const callKv = async (): Promise<void> => {
    const { operation, params } = request;
    const onCall: GuestInvocation["onCall"] = (_, signal) => kv.invoke(GUEST, operation, params, signal);
    outputOf(await scene.invoke(forwarder, request, { onCall }));
  };
  const call = async (): Promise<void> => void outputOf(await scene.invoke(echo, [1]));

  say(`${rounds} rounds of ${calls} calls: bare thread, guest, guest with kv, in turns`);
  await times(calls, bare.ask);
  await times(calls, call);
  await times(calls / 4, callKv);
  const bareUs: number[] = [];
  const callUs: number[] = [];
  const kvUs: number[] = [];
  const bareRate: number[] = [];
  const callRate: number[] = [];
  for (let round = 0; round < rounds; round += 1) {
    bareUs.push(median(await times(calls, bare.ask)));
    callUs.push(median(await times(calls, call)));
    kvUs.push(median(await times(calls / 4, callKv)));
    bareRate.push(await rate(calls * 4, bare.ask));
    callRate.push(await rate(calls * 4, call));
  }
  await bare.end();
  await store.close();

  say("modules that were just deployed");
  const coldUs: number[] = [];
  // Made before: what makes them from text leaves this thread much to collect.
  const modules = await Promise.all(
    Array.from({ length: quick ? 20 : 200 }, (_, n) => reactor({ ...ECHO, more: `(data (i32.const 16) "${n}")` })),
  );
  for (const [n, module] of modules.entries()) {
    const digest = await scene.deploy(module);
    coldUs.push(await timeOf(async () => void outputOf(await scene.invoke(digest, n))));
  }
  say("calls right after one that was ended");
  const endless = await scene.deploy(await reactor({ invoke: "(loop $l (br $l)) (i64.const 0)" }));
  const afterKillUs: number[] = [];
  for (let n = 0; n < (quick ? 5 : 30); n += 1) {
    await scene.invoke(endless, null, { deadlineMs: 50 });
    afterKillUs.push(await timeOf(call));
  }
  say("a neighbour of hostile guests");
  const neighbours = await measureNeighbours(scene, quick ? 1 : 5, quick ? 500 : 1_200);
  say("a runner in another process, and the loss of a node");
  const remote = await measureRemoteCalls({
    rounds,
    calls,
    modules: scene.modules,
    invocation: invocationOf(echo),
    local: call,
  });
  const failOver = await measureFailOver(quick ? 10 : 40);
  say("memory of threads");
  const threadBytes = await memoryOfThread();

  const ratios = (a: readonly number[], b: readonly number[]): number =>
    median(a.map((each, n) => each / (b[n] ?? Number.NaN)));
  const rows: Row[] = [
    {
      figure: "guest's call in a fresh instance, warm, p50",
      measured: micros(median(callUs)),
      beside: `${micros(median(bareUs))} a thread that only answers`,
      ratio: ratios(callUs, bareUs),
    },
    {
      figure: `guests' calls, ${CLIENTS} clients of one tenant`,
      measured: perSecond(median(callRate)),
      beside: `${perSecond(median(bareRate))} one thread that only answers`,
      ratio: ratios(callRate, bareRate),
    },
    {
      figure: "a capability call to kv in SQLite, p50, on top of that",
      measured: micros(median(kvUs.map((us, n) => us - (callUs[n] ?? Number.NaN)))),
      beside: `${micros(median(bareUs))} a thread that only answers`,
    },
    {
      figure: "first call of a module that was just deployed, p50",
      measured: micros(median(coldUs)),
      beside: `${micros(median(callUs))} warm`,
    },
    {
      figure: "call right after another was ended at its deadline, p50",
      measured: micros(median(afterKillUs)),
      beside: `p99 ${micros(quantile(afterKillUs, 0.99))}`,
    },
    remote,
    failOver,
    ...neighbours.map(neighbourRow),
    { figure: "resident memory of a thread for guests", measured: bytes(threadBytes) },
  ];
  return {
    rows,
    figures: { bareUs, callUs, kvUs, bareRate, callRate, coldUs, afterKillUs, neighbours, threadBytes },
  };
}

/** The ratio is the median over the rounds, each beside the quiet one before it. */
function neighbourRow({ attack, quietUs, loudUs }: NeighbourFigures): Row {
  const ratios = loudUs.map((us, n) => us / (quietUs[n] ?? Number.NaN));
  const spread = `${quantile(ratios, 0.25).toFixed(2)} to ${quantile(ratios, 0.75).toFixed(2)}×`;
  return {
    figure: `p99 of a tenant beside two others' ${attack}`,
    measured: micros(median(loudUs)),
    beside: `${micros(median(quietUs))} quiet; middle half of ${ratios.length} rounds ${spread}`,
    ratio: median(ratios),
  };
}

function invocationOf(digest: string): GuestInvocation {
  const onCall: GuestInvocation["onCall"] = () => Promise.reject(new Error("It asks nothing."));
  return { ...GUEST, digest, input: Buffer.from("[1]"), deadlineMs: 10_000, onCall };
}

/** What a process with ten threads takes more than one with two, an eighth of it. */
async function memoryOfThread(): Promise<number> {
  const script = join(import.meta.dirname, "thread-memory.ts");
  const taken = async (threads: number): Promise<number> =>
    Number((await promisify(execFile)(process.execPath, [script, String(threads)])).stdout);
  return ((await taken(10)) - (await taken(2))) / 8;
}

async function timeOf(run: () => Promise<void>): Promise<number> {
  const begunMs = performance.now();
  await run();
  return (performance.now() - begunMs) * 1_000;
}

async function times(count: number, run: () => Promise<void>): Promise<readonly number[]> {
  const all: number[] = [];
  for (let left = count; left > 0; left -= 1) all.push(await timeOf(run));
  return all;
}

async function rate(count: number, run: () => Promise<void>): Promise<number> {
  let left = count;
  const begunMs = performance.now();
  const client = async (): Promise<void> => {
    while ((left -= 1) >= 0) await run();
  };
  await Promise.all(Array.from({ length: CLIENTS }, client));
  return count / ((performance.now() - begunMs) / 1_000);
}

function micros(us: number): string {
  return us < 1_000 ? `${us.toFixed(0)} µs` : `${(us / 1_000).toFixed(2)} ms`;
}
