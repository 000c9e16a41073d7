import { createHash } from "node:crypto";
import { join } from "node:path";
import { performance } from "node:perf_hooks";

import { describe, expect, it, vi } from "vitest";

import { createSqliteStore } from "../../infra/adapters/sqlite/execution-store.ts";
import { isTerminal, type Execution } from "../../shared/executions/execution.ts";
import { foldLog } from "../../shared/executions/fold.ts";
import { loadExecution } from "../../shared/executions/stored-execution.ts";
import { asId, trustedTenantId } from "../../shared/ids.ts";
import type { LogEntry } from "../../shared/state/log-entry.ts";
import { createWriteAheadLog } from "../../shared/state/write-ahead-log.ts";
import { type Client, connect, createClient, shapes } from "./client.ts";
import { type RuntimeProcess, runtimeProcesses, SLOW_RUNTIME } from "./runtime-process.ts";
import { upload } from "./sample-files.ts";

const ACME = trustedTenantId("acme");
/** A dead worker's work may be taken up after three seconds without a heartbeat; the rest is for a slow machine. */
const RECOVERY_MS = 15_000;
const runtimes = runtimeProcesses();

interface Stored {
  readonly state: Execution;
  readonly log: readonly LogEntry[];
}

/** Every execution of acme with its log, straight from the store of a process that is gone; each log must be whole. */
async function storedTruth(dataDir: string): Promise<ReadonlyMap<string, Stored>> {
  const store = createSqliteStore(join(dataDir, "runtime.db"));
  try {
    const wal = createWriteAheadLog(store);
    const heads = await store.listExecutions(ACME, {}, { limit: 1_000 });
    const found = new Map<string, Stored>();
    for (const head of heads.items) {
      const executionId = asId.execution(String(head["execution_id"]));
      const stored = await store.readExecution(ACME, executionId);
      if (stored === undefined) throw new Error(`${executionId} is listed and cannot be read`);
      const { state } = loadExecution(stored);
      expect(await wal.verify(ACME, executionId)).toBeUndefined();
      expect(await foldLog(wal.replay(ACME, { executionId }))).toEqual(state);
      found.set(executionId, { state, log: await Array.fromAsync(wal.replay(ACME, { executionId })) });
    }
    return found;
  } finally {
    await store.close();
  }
}

/** Each step was recorded as done once, and the end of the execution once. */
function expectRecordedOnce({ state, log }: Stored): void {
  const completed = log.filter((entry) => entry.event_type === "step_completed").map((entry) => entry.step_name);
  expect(completed).toEqual(state.steps.map((step) => step.step_name));
  expect(new Set(completed).size).toBe(completed.length);
  expect(log.filter((entry) => entry.event_type === "execution_completed")).toHaveLength(1);
}

async function restart(before: RuntimeProcess, client: Client, entry?: string) {
  const runtime = await runtimes.start({ dataDir: before.dataDir, ...(entry === undefined ? {} : { entry }) });
  return { runtime, client: { ...createClient(runtime.url, "acme", client.token), sessionId: client.sessionId } };
}

/** Submits in 24 lines without a pause, kills the process once `enough` were accepted, and goes on until nobody answers. */
async function killWhileSubmitting(
  runtime: RuntimeProcess,
  enough: number,
  submit: (index: number) => ReturnType<Client["submit"]>,
): Promise<ReadonlyMap<string, number>> {
  const accepted = new Map<string, number>();
  let killed: Promise<unknown> | undefined;
  let submitted = 0;
  const line = async (): Promise<void> => {
    for (;;) {
      const index = submitted;
      submitted += 1;
      const answer = await submit(index).catch(() => undefined);
      if (answer === undefined) return;
      accepted.set(answer.as(shapes.accepted).execution_id, index);
      if (accepted.size >= enough) killed ??= runtime.kill();
    }
  };
  await Promise.all(Array.from({ length: 24 }, line));
  expect(killed).toBeDefined();
  await killed;
  return accepted;
}

describe.concurrent("a killed process", () => {
  it("loses none of 200 accepted executions, and runs an interrupted step again without recording it twice", async ({
    annotate,
  }) => {
    const first = await runtimes.start({ entry: SLOW_RUNTIME });
    const client = await connect(first.url);
    const submissions = Array.from({ length: 200 }, (_, index) => ({
      session_id: client.sessionId,
      intent_type: "test.slow",
      parameters: { label: `number ${index}`, step_ms: 50 + ((index * 37) % 101) },
    }));
    const accepted = await Promise.all(submissions.map((submission) => client.accept(submission)));
    expect(new Set(accepted).size).toBe(200);
    const { code, signal } = await first.kill();
    expect({ code, signal }).toEqual({ code: null, signal: "SIGKILL" });

    const cut = await storedTruth(first.dataDir);
    expect([...cut.keys()].toSorted()).toEqual(accepted.toSorted());
    const interrupted = [...cut.values()].map(({ state }) => state).filter(({ status }) => !isTerminal(status));
    expect(interrupted.length).toBeGreaterThan(10);
    expect(
      interrupted.some(({ steps }) => steps.length > 1),
      "some are in the middle of their plan",
    ).toBe(true);

    const again = await restart(first, client, SLOW_RUNTIME);
    const restartedMs = performance.now();
    const statuses = await again.client.allEnded(RECOVERY_MS);
    const recoveredMs = Math.round(performance.now() - restartedMs);
    await annotate(`${interrupted.length} interrupted executions were done ${recoveredMs} ms after the restart`);
    expect([...statuses.values()]).toEqual(accepted.map(() => "completed"));
    expect(new Set(statuses.keys())).toEqual(new Set(accepted));
    await again.runtime.stop();

    const healed = await storedTruth(first.dataDir);
    for (const stored of healed.values()) expectRecordedOnce(stored);
    for (const [index, id] of accepted.entries()) {
      expect(healed.get(id)?.state.output).toMatchObject({ label: `number ${index}` });
    }
    for (const before of interrupted) {
      const after = healed.get(before.execution_id);
      const open = before.steps.length - 1;
      expect(after?.state.steps[open]?.attempt, "the step that the kill interrupted").toBeGreaterThan(1);
      expect(after?.state.steps.slice(0, open), "what was done is not done again").toEqual(before.steps.slice(0, open));
      expect(after?.log.some((entry) => entry.event_type === "execution_resumed")).toBe(true);
    }
  });

  it("keeps each submission that was answered 202 while others were on their way", async () => {
    const first = await runtimes.start({ entry: SLOW_RUNTIME });
    const client = await connect(first.url);
    const accepted = await killWhileSubmitting(first, 100, (index) =>
      client.submit({
        session_id: client.sessionId,
        intent_type: "test.slow",
        parameters: { label: `number ${index}`, step_ms: 20 },
      }),
    );

    const again = await restart(first, client, SLOW_RUNTIME);
    const statuses = await again.client.allEnded(RECOVERY_MS);
    for (const id of accepted.keys()) expect(statuses.get(id)).toBe("completed");
    await again.runtime.stop();
    for (const stored of (await storedTruth(first.dataDir)).values()) expectRecordedOnce(stored);
  });

  it("ingests each accepted file whole, whichever moment the process died at", async () => {
    const first = await runtimes.start();
    const client = await connect(first.url);
    const bytesOf = (index: number) =>
      Buffer.from(`id,name\n${index},${"x".repeat(200_000 + (index % 100) * 1_000)}\n`);
    const accepted = await killWhileSubmitting(first, 100, (index) =>
      client.submit({
        session_id: client.sessionId,
        intent_type: "content.ingest_file",
        parameters: upload(`file-${index}.csv`, bytesOf(index)),
      }),
    );
    const cut = await storedTruth(first.dataDir);
    const interrupted = [...cut.values()].filter(({ state }) => !isTerminal(state.status));
    expect(interrupted.length, "the kill came while files were being taken in").toBeGreaterThan(0);

    const again = await restart(first, client);
    await again.client.allEnded(RECOVERY_MS);
    for (const [id, index] of accepted) {
      const execution = await again.client.execution(id);
      expect([execution.status, execution.error]).toEqual(["completed", undefined]);
      expect(execution.artifacts, "one file, however often its step was begun").toHaveLength(1);
      const path = `/artifacts/${String(execution.output?.["file_id"])}/payload`;
      const payload = await again.client.get(path);
      expect(createHash("sha256").update(payload.text).digest("hex")).toBe(execution.output?.["sha256"]);
      expect(payload.text).toBe(bytesOf(index).toString());
    }
    await again.runtime.stop();
    for (const stored of (await storedTruth(first.dataDir)).values()) expectRecordedOnce(stored);
  });

  it("has lost nothing when it dies again in the middle of the recovery", async () => {
    const first = await runtimes.start({ entry: SLOW_RUNTIME });
    const client = await connect(first.url);
    const body = { session_id: client.sessionId, intent_type: "test.slow", parameters: { label: "", step_ms: 400 } };
    const accepted = await Promise.all(Array.from({ length: 20 }, () => client.accept(body)));
    await first.kill();

    const second = await restart(first, client, SLOW_RUNTIME);
    const resumed = async () =>
      (await second.client.get("/wal", { type: "execution_resumed" })).as(shapes.entries).entries;
    await vi.waitFor(async () => expect(await resumed()).not.toHaveLength(0), { timeout: RECOVERY_MS, interval: 50 });
    await second.runtime.kill();
    const cut = await storedTruth(first.dataDir);
    expect([...cut.values()].some(({ state }) => !isTerminal(state.status))).toBe(true);

    const third = await restart(first, client, SLOW_RUNTIME);
    const statuses = await third.client.allEnded(RECOVERY_MS);
    expect([...statuses.values()]).toEqual(accepted.map(() => "completed"));
    await third.runtime.stop();
    for (const stored of (await storedTruth(first.dataDir)).values()) expectRecordedOnce(stored);
  });
});
