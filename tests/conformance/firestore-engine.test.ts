import { randomUUID } from "node:crypto";

import { setLogFunction } from "@google-cloud/firestore";
import { describe, expect, it, vi } from "vitest";
import * as z from "zod";

import { createFirestoreStore } from "../../infra/adapters/firestore/execution-store.ts";
import { systemClock } from "../../infra/adapters/system/system.ts";
import { countingDocuments, noOperations, type Operations } from "../../infra/dev/cost/operations.ts";
import type { ExecutionId } from "../../shared/ids.ts";
import type { JsonObject } from "../../shared/json.ts";
import type { StepContext, UndoContext } from "../../shared/sagas/step-context.ts";
import { auditAll } from "../kit/audit.ts";
import { sharedFirestore, withParts } from "../kit/parts.ts";
import { plainIntent } from "../kit/plain-intent.ts";
import { openRuntime, type TestRuntime } from "../kit/runtime.ts";
import { startTcpProxy } from "../kit/tcp-proxy.ts";

vi.setConfig({ testTimeout: 60_000 });

/** A step with an effect in the store, and its undo. */
const effect = {
  run: async (ctx: StepContext<JsonObject, unknown>) => {
    await ctx.effects.apply({ step: ctx.key });
    return { applied: true };
  },
  undo: (ctx: UndoContext<JsonObject, unknown, unknown>) => ctx.effects.undo(),
};
const pure = { run: () => ({ done: true }) };

const three = plainIntent("test.three")
  .step("one", pure)
  .step("two", pure)
  .step("three", pure)
  .returns(() => ({}));
const child = plainIntent("test.child")
  .step("work", effect)
  .returns(() => ({ child: true }));
const everything = plainIntent("test.everything")
  .step("first", effect)
  .parallel("both", { branches: { left: effect, right: effect } })
  .map("each", { over: () => [1, 2, 3], concurrency: 2, ...effect })
  .await("approval", { schema: z.object({ by: z.string() }), timeout: "1h" })
  .call("child", { intent: child, input: () => ({}) })
  .emit("tell", { event: () => ({ type: "told", data: { all: true } }) })
  .returns(({ outputs }) => ({ child: outputs.child }));
const intents = [three, child, everything];

withParts(["firestore"], () => {
  describe("the engine on firestore", () => {
    it("a saga of n steps is n + 1 commits, each of them one call; the acceptance reads first", async () => {
      // Entries of one commit lie together when they are of one time.
      const now = systemClock.now();
      await using runtime = await openOn(await sharedFirestore(), { clock: { ...systemClock, now: () => now } });
      await runtime.run("test.three");
      const before = { ...runtime.counts };
      const calls: string[] = [];
      setLogFunction((line) => {
        const request = /\[Firestore\.request\]: Sending request: (\{.*\})$/s.exec(line)?.[1];
        if (request !== undefined) calls.push(request);
      });
      try {
        expect(await runtime.run("test.three")).toMatchObject({ status: "completed" });
      } finally {
        setLogFunction(null);
      }
      const sizes = calls.filter((request) => request.includes("/executions/")).map(writesOf);
      // What Firestore bills. Acceptance: execution, check of the session, entries; result: execution, entries; end: execution,
      // entries, message. Steps are in the execution's document, and the entries of a commit in one of their own.
      expect(sizes).toEqual([3, 2, 2, 3]);
      // And what `npm run cost` makes of it.
      expect(runtime.counts.documentWrites - before.documentWrites).toBe(10);
    });

    it("runs every kind of node, and leaves nothing that an audit finds wrong", async () => {
      await using runtime = await openOn(await sharedFirestore());
      const accepted = new Map<string, string>();
      const running = Array.from({ length: 4 }, async (_, n) => {
        const { execution } = await runtime.submit("test.everything", {}, { idempotencyKey: `key-${n}` });
        accepted.set(`key-${n}`, execution.execution_id);
        const approval = { name: "approval", payload: { by: "ann" } };
        await runtime.services.control.signal(runtime.tenantId, execution.execution_id, approval);
        return runtime.services.lifecycle.wait(runtime.tenantId, execution.execution_id, 50_000);
      });
      for (const execution of await Promise.all(running)) expect(execution).toMatchObject({ status: "completed" });
      const children = await runtime.store.listExecutions(runtime.tenantId, { intentType: "test.child" }, { limit: 9 });
      expect(children.items).toHaveLength(4);
      for (const [n, head] of children.items.entries()) accepted.set(`child-${n}`, String(head["execution_id"]));
      expect(await faultsOf(runtime, accepted)).toEqual([]);
    });

    it("connections that break again and again lose nothing and do nothing twice", async () => {
      const [host = "", port = ""] = (await sharedFirestore()).split(":");
      await using proxy = await startTcpProxy({ host, port: Number(port) });
      const projectId = `test-${randomUUID()}`;
      await using runtime = await openOn(`${proxy.host}:${proxy.port}`, { projectId });
      const accepted = new Map<string, ExecutionId>();
      const flicker = setInterval(() => proxy.flicker(), 400);
      const submit = async (key: string): Promise<ExecutionId> => {
        for (;;) {
          try {
            const { execution } = await runtime.submit("test.three", {}, { idempotencyKey: key });
            return execution.execution_id;
          } catch (error) {
            expect(error).toMatchObject({ retryable: true });
          }
        }
      };
      try {
        await Promise.all(
          Array.from({ length: 40 }, async (_, n) => accepted.set(`key-${n}`, await submit(`key-${n}`))),
        );
        await new Promise((resolve) => setTimeout(resolve, 1_000));
      } finally {
        clearInterval(flicker);
      }
      for (const executionId of accepted.values()) {
        const ended = await runtime.services.lifecycle.wait(runtime.tenantId, executionId, 30_000);
        expect(ended).toMatchObject({ status: "completed" });
      }
      expect(await faultsOf(runtime, accepted)).toEqual([]);
    });
  });
});

async function openOn(
  emulatorHost: string,
  { projectId = `test-${randomUUID()}`, clock = systemClock } = {},
): Promise<TestRuntime & { readonly counts: Operations }> {
  const counts = noOperations();
  const store = countingDocuments(createFirestoreStore({ projectId, emulatorHost }), counts);
  const runtime = await openRuntime({ store, intents, clock });
  return {
    ...runtime,
    counts,
    [Symbol.asyncDispose]: async () => {
      await runtime[Symbol.asyncDispose]();
      await store.close();
    },
  };
}

async function faultsOf(runtime: TestRuntime, accepted: ReadonlyMap<string, string>): Promise<readonly string[]> {
  await runtime.services.relay.drain();
  const { faults } = await auditAll({ store: runtime.store, tenantId: runtime.tenantId, intents, accepted });
  return faults;
}

function writesOf(request: string): number {
  return z.object({ writes: z.array(z.unknown()) }).parse(JSON.parse(request)).writes.length;
}
