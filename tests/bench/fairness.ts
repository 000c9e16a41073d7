import { Agent } from "node:http";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

import { runScript, startServer } from "./child.ts";
import { milliseconds } from "./figures.ts";
import { type Call, once } from "./load.ts";
import type { Bench, Outcome, Row } from "./part.ts";
import { median, quantile } from "./statistics.ts";
import { PARAMETERS, threeSteps } from "./three-steps.ts";

const QUIET_PER_SECOND = 4;
const TIMES = 50;
/** What the flooding tenant may have where it is limited: twice what the quiet one asks for. */
const RATE = "8/1s";

interface Stretch {
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly samples: number;
}

/** Part: what one tenant notices of another that sends 50 times as much, on the same server. */
export async function fairnessPart({ directory, quick, say }: Bench): Promise<Outcome> {
  const server = await startServer(
    "tests/bench/bench-server.ts",
    {
      DATA_DIR: join(directory, "fairness"),
      TENANT_LIMITS: JSON.stringify({ limited: { RATE_INTENTS_PER_TENANT: RATE } }),
    },
    "/health/ready",
  );
  try {
    const quiet = await sagaOf(server.url, "quiet");
    const floods = { limited: await sagaOf(server.url, "limited"), unlimited: await sagaOf(server.url, "unlimited") };
    const rounds = quick ? 1 : 5;
    const roundMs = quick ? 6_000 : 15_000;
    await ask(quiet, 3_000);
    const stretches: Record<"alone" | "limited" | "unlimited", Stretch[]> = { alone: [], limited: [], unlimited: [] };
    const answered: Record<string, string[]> = { limited: [], unlimited: [] };
    for (let round = 0; round < rounds; round += 1) {
      say(`round ${round + 1} of ${rounds}`);
      stretches.alone.push(await ask(quiet, roundMs));
      for (const kind of ["limited", "unlimited"] as const) {
        const flooding = flood(floods[kind], roundMs + 2_000, (line) => answered[kind]?.push(line));
        await sleep(1_000);
        stretches[kind].push(await ask(quiet, roundMs));
        await flooding;
        // What the flood left in line is not the next round's.
        await settle(quiet);
      }
    }
    const row = (kind: "limited" | "unlimited", title: string): Row => ({
      figure: `p99 of a tenant beside one that sends ${TIMES} times as much${title}`,
      measured: milliseconds(median(stretches[kind].map(({ p99Ms }) => p99Ms))),
      beside: `${milliseconds(median(stretches.alone.map(({ p99Ms }) => p99Ms)))} alone`,
      ratio: median(stretches[kind].map(({ p99Ms }, index) => p99Ms / (stretches.alone[index]?.p99Ms ?? Number.NaN))),
    });
    return {
      rows: [row("limited", `, limited to ${RATE}`), row("unlimited", ", not limited: fair turns only")],
      figures: { quietPerSecond: QUIET_PER_SECOND, times: TIMES, stretches, answered },
    };
  } finally {
    await server.stop();
  }
}

async function sagaOf(url: string, tenantId: string): Promise<Call> {
  const json = { "content-type": "application/json" };
  const post = (path: string, headers: Readonly<Record<string, string>>, body: object): Call => ({
    method: "POST",
    url: `${url}${path}`,
    headers,
    body: JSON.stringify({ tenant_id: tenantId, ...body }),
  });
  const { token } = JSON.parse(await once(post("/dev/token", json, {}))) as { token: string };
  const headers = { ...json, authorization: `Bearer ${token}` };
  const { session_id } = JSON.parse(await once(post("/session/create", headers, {}))) as { session_id: string };
  return post(`/${threeSteps.realm}/${threeSteps.name}`, headers, { session_id, parameters: PARAMETERS });
}

/** Sagas at a steady rate, each timed from when it was due, so that a server that stands still is not asked less. */
async function ask(call: Call, durationMs: number): Promise<Stretch> {
  const agent = new Agent({ keepAlive: true });
  const startedMs = performance.now();
  const latencies: number[] = [];
  const open: Promise<void>[] = [];
  for (let n = 0; (n * 1_000) / QUIET_PER_SECOND < durationMs; n += 1) {
    const dueMs = startedMs + (n * 1_000) / QUIET_PER_SECOND;
    await sleep(Math.max(0, dueMs - performance.now()));
    const sentMs = Math.max(dueMs, startedMs);
    open.push(once(call, agent).then(() => void latencies.push(performance.now() - sentMs)));
  }
  await Promise.all(open);
  agent.destroy();
  return { p50Ms: quantile(latencies, 0.5), p99Ms: quantile(latencies, 0.99), samples: latencies.length };
}

async function flood(call: Call, durationMs: number, onLine: (line: string) => void): Promise<void> {
  const { url, headers, body } = call;
  const told = JSON.stringify({ url, headers, body, perSecond: TIMES * QUIET_PER_SECOND, durationMs });
  await runScript("tests/bench/flood.ts", [told], {}, onLine);
}

/** Until a saga is as quick as if nothing else ran, or a minute is over. */
async function settle(call: Call): Promise<void> {
  for (let n = 0; n < 120; n += 1) {
    const startedMs = performance.now();
    await once(call);
    if (performance.now() - startedMs < 20) return;
    await sleep(500);
  }
}
