import { expect, it } from "vitest";
import * as z from "zod";

import { parseRfc3339 } from "../../shared/clock.ts";
import { TerminalError } from "../../shared/sagas/retry-policy.ts";
import { plainIntent } from "../kit/plain-intent.ts";
import { openRuntime, testIds, type TestRuntime } from "../kit/runtime.ts";
import type { Execution } from "../../shared/executions/execution.ts";

const repeat = () => ({ userId: "ann", traceId: testIds.trace() });

async function goOn({ services, tenantId }: TestRuntime, { execution_id }: Execution): Promise<void> {
  await services.control.retry(tenantId, execution_id, repeat());
}

it("waits anew for a signal, as long as it waited before it died over it", async () => {
  const patient = plainIntent("test.patient")
    .pivot("charge", { run: () => ({}) })
    .await("approval", { schema: z.string(), timeout: "50ms" })
    .returns(() => ({}));
  await using runtime = await openRuntime({ intents: [patient] });
  const dead = await runtime.run("test.patient");
  expect(dead).toMatchObject({ status: "dead", error: { code: "await.timed_out" } });

  await goOn(runtime, dead);
  await expect.poll(() => statusOf(runtime, dead)).toBe("suspended");
  const { steps } = await runtime.services.lifecycle.get(runtime.tenantId, dead.execution_id);
  const wait = steps.find(({ step_name }) => step_name === "approval");
  expect(parseRfc3339(wait?.due_at ?? "9999-01-01T00:00:00.000Z")).toBeLessThan(Date.now() + 1_000);
});

it("does not begin anew, when it goes on after its death, what a group has collected as failed", async () => {
  let repaired = false;
  const refuse = (): never => {
    throw new TerminalError("test.refused", "It refuses.");
  };
  const collecting = plainIntent("test.collecting")
    .parallel("both", { branches: { good: { run: () => ({}) }, bad: { run: refuse } }, onFailure: "collect" })
    .pivot("charge", { run: () => ({}) })
    .step("ship", { run: () => (repaired ? {} : refuse()) })
    .returns(({ outputs }) => ({ bad: outputs.both.bad.ok }));
  await using runtime = await openRuntime({ intents: [collecting] });
  const dead = await runtime.run("test.collecting");
  expect(dead.status).toBe("dead");

  repaired = true;
  await goOn(runtime, dead);
  await expect.poll(() => statusOf(runtime, dead)).toBe("completed");
  const completed = await runtime.services.lifecycle.get(runtime.tenantId, dead.execution_id);
  expect(completed.output).toEqual({ bad: false });
  expect(completed.steps.filter(({ status }) => status === "started")).toEqual([]);
});

it("gets all its time anew when it goes on after its time ran out past the pivot", async () => {
  const slow = plainIntent("test.slow", { timeout: "300ms" })
    .pivot("charge", { run: () => ({}) })
    .sleep("rest", { delay: "200ms" })
    .await("approval", { schema: z.string() })
    .returns(() => ({}));
  await using runtime = await openRuntime({ intents: [slow] });
  const dead = await runtime.run("test.slow");
  expect(dead).toMatchObject({ status: "dead", error: { code: "execution.timed_out" } });

  await goOn(runtime, dead);
  await expect.poll(() => statusOf(runtime, dead)).toBe("suspended");
  const signal = { name: "approval", payload: "yes" };
  await runtime.services.control.signal(runtime.tenantId, dead.execution_id, signal);
  await expect.poll(() => statusOf(runtime, dead)).toBe("completed");
});

async function statusOf({ services, tenantId }: TestRuntime, { execution_id }: Execution): Promise<string> {
  return (await services.lifecycle.get(tenantId, execution_id)).status;
}
