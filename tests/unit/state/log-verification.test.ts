import { describe, expect, it } from "vitest";
import * as z from "zod";

import { createSqliteStore } from "../../../infra/adapters/sqlite/execution-store.ts";
import type { ExecutionStore } from "../../../shared/ports/execution-store.ts";
import { createWriteAheadLog } from "../../../shared/state/write-ahead-log.ts";
import { plainIntent } from "../../kit/plain-intent.ts";
import { openRuntime } from "../../kit/runtime.ts";

const oneStep = plainIntent("test.one")
  .step("one", { run: () => ({ n: 1 }) })
  .returns(() => ({}));
const waiting = plainIntent("test.waiting")
  .await("word", { schema: z.string() })
  .returns(() => ({}));

async function open() {
  const store = createSqliteStore(":memory:");
  const runtime = await openRuntime({ intents: [oneStep, waiting], store });
  return {
    runtime,
    store,
    tenantId: runtime.tenantId,
    wait: async () => {
      const { execution } = await runtime.submit("test.waiting");
      const status = async () =>
        (await runtime.services.lifecycle.get(runtime.tenantId, execution.execution_id)).status;
      await expect.poll(status).toBe("suspended");
      return execution;
    },
    [Symbol.asyncDispose]: async () => {
      await runtime[Symbol.asyncDispose]();
      await store.close();
    },
  };
}

describe("verifying the log of a tenant", () => {
  /** The store, with its listing of the log by time told otherwise: what an auditor sees who reads while others write, or tampers. */
  const withListing = (
    store: ExecutionStore,
    change: (texts: readonly string[]) => readonly string[],
  ): ExecutionStore => ({
    ...store,
    readLog: async (tenantId, filter, page) => {
      const found = await store.readLog(tenantId, filter, page);
      return filter.executionId === undefined ? { ...found, items: change(found.items) } : found;
    },
  });

  it("takes an entry that was committed after its time was read past for no fault", async () => {
    await using on = await open();
    await on.runtime.run("test.one");
    const late = withListing(on.store, (texts) => texts.filter((text) => !text.includes("saga_started")));
    expect(await createWriteAheadLog(late).verifyAll(on.tenantId, {})).toMatchObject({ faults: [] });
  });

  it("finds the end that a chain lacks, by what its execution's state knows", async () => {
    await using on = await open();
    const { execution_id } = await on.runtime.run("test.one");
    const isLast = (text: string): boolean => text.includes("execution_completed");
    const cut = withListing(on.store, (texts) => texts.filter((text) => !isLast(text)));
    const shorter: ExecutionStore = {
      ...cut,
      readLog: async (...asked) => {
        const found = await cut.readLog(...asked);
        return { ...found, items: found.items.filter((text) => !isLast(text)) };
      },
    };
    const log = createWriteAheadLog(shorter);
    const fault = { stream: execution_id, fault: "missing" };
    expect(await log.verifyAll(on.tenantId, {})).toMatchObject({ faults: [fault] });
    expect(await log.verify(on.tenantId, execution_id)).toMatchObject({ fault: "missing" });
    const none = createWriteAheadLog({ ...on.store, readLog: () => Promise.resolve({ items: [] }) });
    expect(await none.verify(on.tenantId, execution_id)).toEqual({ sequence: 1, fault: "missing" });
  });

  it("takes an execution that goes on while it is verified for whole", async () => {
    await using on = await open();
    const { execution_id } = await on.wait();
    const { services } = on.runtime;
    const before = await on.store.readLog(
      on.tenantId,
      { executionId: execution_id, order: "chronological" },
      { limit: 99 },
    );
    const goesOn: ExecutionStore = {
      ...on.store,
      readLog: async (tenantId, filter, page) => {
        const found = await on.store.readLog(tenantId, filter, page);
        await services.control.cancel(on.tenantId, execution_id, false).catch(() => undefined);
        await services.lifecycle.wait(on.tenantId, execution_id, 5_000);
        return found;
      },
    };
    expect(await createWriteAheadLog(goesOn).verify(on.tenantId, execution_id)).toBeUndefined();
    const after = await on.store.readLog(
      on.tenantId,
      { executionId: execution_id, order: "chronological" },
      { limit: 99 },
    );
    expect(after.items.length).toBeGreaterThan(before.items.length);
  });

  it("keeps the fault of what cannot be read, or belongs to nothing", async () => {
    await using on = await open();
    await on.runtime.run("test.one");
    const torn = withListing(on.store, (texts) => [...texts, "{"]);
    expect((await createWriteAheadLog(torn).verifyAll(on.tenantId, {})).faults).toMatchObject([{ fault: "changed" }]);
  });
});
