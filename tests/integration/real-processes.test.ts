import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { setTimeout as sleep } from "node:timers/promises";

import { afterEach, expect, it, vi } from "vitest";

import { createSqliteStore } from "../../infra/adapters/sqlite/execution-store.ts";
import { effectKind } from "../../shared/sagas/effect-ledger.ts";
import type { Execution } from "../../shared/executions/execution.ts";
import { asId } from "../../shared/ids.ts";
import { historyFaults } from "../kit/history-faults.ts";
import { openRuntime, type TestRuntime } from "../kit/runtime.ts";
import { temporaryFolder } from "../kit/temporary-folder.ts";
import { fiveSteps, STEPS } from "./fixtures/five-steps.ts";
import type { Request } from "./fixtures/worker-messages.ts";
import { type Fleet, startFleet } from "./fleet.ts";

const SAGAS = 1_000;
const LINES = 16;
const WORKERS = 4;
const KILL_EVERY_MS = 200;
/** Past the three seconds after which a silent worker counts as dead, and the sweep that finds it. */
const FROZEN_MS = 4_600;

let fleet: Fleet | undefined;
afterEach(() => fleet?.end());

it("loses nothing of 1,000 sagas and records nothing twice, while one of four processes is killed every 200 ms and one freezes past its lease", async ({
  annotate,
}) => {
  await using folder = await temporaryFolder();
  const path = join(folder.path, "runtime.db");
  const store = createSqliteStore(path);
  await using runtime = await openRuntime({ store, folder: folder.path, intents: [fiveSteps] });
  fleet = startFleet(folder.path, path, WORKERS);
  await fleet.ready();

  const startedMs = performance.now();
  const calm = new AbortController();
  const killing = fleet.killEvery(KILL_EVERY_MS, calm.signal);
  const requests = Array.from({ length: SAGAS }, (_, index) => requestOf(runtime, index));
  const burst = requests.slice(400, 430);
  const freezing = sleep(2_000).then(() => fleet?.freeze(FROZEN_MS, burst));
  const acknowledged = await submitAll(fleet, requests);
  const submittedMs = performance.now() - startedMs;
  const frozen = await freezing;
  calm.abort();
  const kills = await killing;
  const unfinished = await allEnded(runtime);
  const endedMs = performance.now() - startedMs;
  await vi.waitFor(async () => expect(await store.unpublished(1)).toEqual([]), { timeout: 5_000 });

  expect(unfinished).toBe(0);
  expect(acknowledged.size).toBe(SAGAS);
  expect(new Set(acknowledged.values()).size, "one execution for each key").toBe(SAGAS);
  const tally = await proveAll(runtime, path, acknowledged, requests);
  expect(tally.executions, "no execution that nobody asked for").toBe(SAGAS);
  expect(frozen?.fenced, "what the frozen process wrote late was refused").toBeGreaterThan(0);
  expect(kills).toBeGreaterThan(10);
  expect(tally.resumed, "work was taken over").toBeGreaterThan(10);
  await annotate(
    `${kills} kills, ${frozen?.fenced} fenced commits of the frozen process, ${tally.resumed} take-overs, ` +
      `${JSON.stringify(tally.statuses)}; all accepted after ${Math.round(submittedMs)} ms, all ended after ${Math.round(endedMs)} ms`,
  );
}, 150_000);

/** Every tenth saga fails at its last step, and turns back. */
function requestOf({ sessionId }: TestRuntime, index: number): Request {
  const parameters = { label: `number ${index}`, fails: index % 10 === 9 };
  return { key: `key-${index}`, session_id: sessionId, intent_type: fiveSteps.type, parameters };
}

async function submitAll(to: Fleet, requests: readonly Request[]): Promise<ReadonlyMap<string, string>> {
  const acknowledged = new Map<string, string>();
  const left = requests.values();
  const line = async (): Promise<void> => {
    for (const request of left) {
      acknowledged.set(request.key, await to.submit(request));
      // Some thousand a second would be over before the first kill.
      await sleep(150);
    }
  };
  await Promise.all(Array.from({ length: LINES }, line));
  return acknowledged;
}

/** How many executions are unfinished, once that is none or time is over. */
async function allEnded({ store, tenantId }: TestRuntime): Promise<number> {
  const untilMs = performance.now() + 60_000;
  for (;;) {
    const live = await store.listExecutions(tenantId, { live: true }, { limit: SAGAS });
    if (live.items.length === 0 || performance.now() > untilMs) return live.items.length;
    await sleep(100);
  }
}

async function proveAll(
  runtime: TestRuntime,
  path: string,
  acknowledged: ReadonlyMap<string, string>,
  requests: readonly Request[],
) {
  const messages = messagesOf(path);
  const statuses: Record<string, number> = {};
  const faults: string[] = [];
  let resumed = 0;
  for (const { key, parameters } of requests) {
    const { state, texts } = await historyOf(runtime, acknowledged.get(key) ?? "");
    const effects = await effectsOf(runtime, state);
    statuses[state.status] = (statuses[state.status] ?? 0) + 1;
    resumed += texts.filter((text) => text.includes('"execution_resumed"')).length;
    const told = messages.get(state.execution_id) ?? [];
    faults.push(...historyFaults({ state, texts, messages: told, effects }, fiveSteps));
    const wanted = parameters["fails"] === true ? "compensated" : "completed";
    if (state.status !== wanted)
      faults.push(`${state.execution_id} is ${state.status}: ${JSON.stringify(state.error)}`);
    const applied = [...effects.values()].filter((effect) => effect === "applied").length;
    if (applied !== (wanted === "completed" ? STEPS.length : 0)) {
      faults.push(`${state.execution_id} is ${state.status} with ${applied} effects`);
    }
  }
  expect(faults).toEqual([]);
  return { executions: countExecutions(path), statuses, resumed };
}

async function historyOf({ services, tenantId, store }: TestRuntime, id: string) {
  const executionId = asId.execution(id);
  const state = await services.lifecycle.get(tenantId, executionId);
  const log = await store.readLog(tenantId, { executionId, order: "chronological" }, { limit: 1_000 });
  return { state, texts: log.items };
}

async function effectsOf({ services, tenantId }: TestRuntime, state: Execution): Promise<ReadonlyMap<string, string>> {
  const effects = new Map<string, string>();
  for (const step of STEPS) {
    const found = await services.surface.get(tenantId, effectKind, `${state.execution_id}/${step}`);
    if (found !== undefined) effects.set(step, found.value.state);
  }
  return effects;
}

/** What the outbox holds, by execution; every message must have gone out. */
function messagesOf(path: string): ReadonlyMap<string, { eventId: string; type: string }[]> {
  const db = new DatabaseSync(path, { readOnly: true });
  const rows = db.prepare("SELECT event_id, ordering_key, attributes, published_ms FROM outbox").all();
  db.close();
  const found = new Map<string, { eventId: string; type: string }[]>();
  for (const row of rows) {
    expect(row["published_ms"], "every message was published").not.toBeNull();
    const { ce_type } = JSON.parse(String(row["attributes"])) as { readonly ce_type: string };
    const key = String(row["ordering_key"]);
    found.set(key, [...(found.get(key) ?? []), { eventId: String(row["event_id"]), type: ce_type }]);
  }
  return found;
}

function countExecutions(path: string): number {
  const db = new DatabaseSync(path, { readOnly: true });
  const count = Number(db.prepare("SELECT count(*) AS count FROM executions").get()?.["count"]);
  db.close();
  return count;
}
