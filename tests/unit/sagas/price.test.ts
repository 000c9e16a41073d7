import { setTimeout as sleep } from "node:timers/promises";

import { afterEach, describe, expect, it } from "vitest";
import * as z from "zod";

import { createExecutions } from "../../../infra/adapters/redis/executions.ts";
import type { RunScript } from "../../../infra/adapters/redis/script.ts";
import { createSender } from "../../../infra/adapters/redis/sender.ts";
import { createSqliteStore } from "../../../infra/adapters/sqlite/execution-store.ts";
import type { Acceptance, Commit } from "../../../shared/ports/execution-store.ts";
import type { IntentDefinition } from "../../../shared/sagas/intent-definition.ts";
import { priceOf } from "../../../shared/sagas/price.ts";
import { kinds } from "../../bench/saga-kinds.ts";
import { countingStore } from "../../kit/counting-store.ts";
import { plainIntent } from "../../kit/plain-intent.ts";
import { openRuntime, type TestRuntime } from "../../kit/runtime.ts";

const opened: TestRuntime[] = [];
afterEach(async () => {
  await Promise.all(opened.splice(0).map((runtime) => runtime[Symbol.asyncDispose]()));
});

/** What a database writes: entries as texts, heads and steps whole. */
function wholeBytes(written: readonly (Acceptance | Commit)[]): number {
  // Only a store that writes less looks at these.
  const isForOthers = (name: string): boolean => name === "base" || name === "sealed";
  return JSON.stringify(written, (name, value: unknown) => (isForOthers(name) ? undefined : value)).length;
}

/** What is sent to Redis: entries as their parts, heads and steps as their differences. */
async function redisBytes(acceptances: readonly Acceptance[], commits: readonly Commit[]): Promise<number> {
  let sent = 0;
  const answering = (outcome: string): RunScript => {
    return (_script, keys, args) => {
      sent += [...keys, ...args].reduce((sum, each) => sum + each.length, 0);
      return Promise.resolve(outcome);
    };
  };
  const sender = createSender("one");
  const accepting = createExecutions(answering("accepted"), "test:", sender);
  for (const each of acceptances) await accepting.accept(each);
  const committing = createExecutions(answering("committed 1 0"), "test:", sender);
  for (const each of commits) await committing.commit(each);
  return sent;
}

/** What a run of an intent took of the store in fact. */
async function countRun(definition: IntentDefinition, more: readonly IntentDefinition[] = []) {
  const counting = countingStore(createSqliteStore(":memory:"));
  const runtime = await openRuntime({ intents: [definition, ...more], store: counting.store });
  opened.push(runtime);
  const { execution } = await runtime.submit(definition.type);
  const { lifecycle, control } = runtime.services;
  for (const node of definition.plan.nodes) {
    if (node.kind !== "await") continue;
    await runtime.services.lifecycle.idle();
    await control.signal(runtime.tenantId, execution.execution_id, { name: node.name, payload: "go" });
  }
  let ended = await lifecycle.wait(runtime.tenantId, execution.execution_id, 10_000);
  for (let n = 0; n < 100 && ended.status !== "completed"; n += 1) {
    await sleep(20);
    ended = await lifecycle.get(runtime.tenantId, execution.execution_id);
  }
  expect(ended.status).toBe("completed");
  const mine = ({ executionId }: { readonly executionId: string }) => executionId === execution.execution_id;
  const acceptances = counting.acceptances.filter(mine);
  const commits = counting.commits.filter(mine);
  const log = [...acceptances, ...commits].flatMap(({ change }) => change.log);
  const bytes = [wholeBytes([...acceptances, ...commits]), await redisBytes(acceptances, commits)];
  return { commits: acceptances.length + commits.length, logEntries: log.length, bytes };
}

const waiting = plainIntent("test.waiting")
  .step("a", { run: () => ({}) })
  .await("go", { schema: z.string() })
  .returns(() => ({}));
const waitingAtOnce = plainIntent("test.waiting_at_once")
  .await("go", { schema: z.string() })
  .returns(() => ({}));
const napping = plainIntent("test.napping")
  .sleep("nap", { delay: "20ms" })
  .step("a", { run: () => ({}) })
  .sleep("rest", { delay: "20ms" })
  .returns(() => ({}));
const telling = plainIntent("test.telling")
  .step("a", { run: () => ({}) })
  .emit("told", { event: () => ({ type: "t", data: {} }) })
  .returns(() => ({}));

describe("the price of an intent", () => {
  const three = kinds["3 steps"];
  it.each([
    ...Object.entries(kinds),
    ["an await", waiting],
    ["an await at once", waitingAtOnce],
    ["sleeps at both ends", napping],
    ["an emit", telling],
  ] as const)("of %s is what it takes", async (name, definition) => {
    const { perItem, ...price } = priceOf(definition);
    // The map of the bench has three items, of which one is in the price.
    const items = perItem === undefined ? 0 : 2;
    const { bytes, ...counted } = await countRun(definition, name.startsWith("call") && three ? [three] : []);
    expect({
      commits: price.commits + items * (perItem?.commits ?? 0),
      logEntries: price.logEntries + items * (perItem?.logEntries ?? 0),
    }).toEqual(counted);
    const estimate = price.bytes + items * (perItem?.bytes ?? 0);
    for (const each of bytes) {
      expect(estimate / each).toBeGreaterThan(0.5);
      expect(estimate / each).toBeLessThan(2);
    }
  });
});
