import { setTimeout as sleep } from "node:timers/promises";

import { afterEach, describe, expect, it } from "vitest";
import * as z from "zod";

import { createSqliteStore } from "../../../infra/adapters/sqlite/execution-store.ts";
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
  const bytes = JSON.stringify([...acceptances, ...commits]).length;
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
    expect(estimate / bytes).toBeGreaterThan(0.5);
    expect(estimate / bytes).toBeLessThan(2);
  });
});
