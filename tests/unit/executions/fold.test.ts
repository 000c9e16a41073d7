import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { createSqliteStore } from "../../../infra/adapters/sqlite/execution-store.ts";
import { RuntimeError } from "../../../shared/errors.ts";
import { type Execution, isTerminal } from "../../../shared/executions/execution.ts";
import { apply } from "../../../shared/executions/fold.ts";
import type { JsonObject } from "../../../shared/json.ts";
import type { ExecutionStore } from "../../../shared/ports/execution-store.ts";
import type { IntentDefinition } from "../../../shared/sagas/intent-definition.ts";
import type { StepContext } from "../../../shared/sagas/step-context.ts";
import type { LogEntry } from "../../../shared/state/log-entry.ts";
import { plainIntent } from "../../kit/plain-intent.ts";
import { openRuntime, type TestRuntime } from "../../kit/runtime.ts";

const FILE = { artifact_type: "file", semantic_descriptor: { schema: "x" }, data_classification: "client" } as const;

type Deed = "return" | "emit" | "register" | "ready" | "large" | "refuse" | "break";
const harmless: readonly Deed[] = ["return", "emit", "register", "ready", "large"];

/** Mostly harmless steps; at any place one may fail. */
const plans = fc.array(
  fc.oneof(
    { weight: 6, arbitrary: fc.constantFrom(...harmless) },
    { weight: 1, arbitrary: fc.constantFrom<Deed>("refuse", "break") },
  ),
  { minLength: 1, maxLength: 5 },
);
/** Which commits, counted over the whole run, are lost, and whether before or after they were applied. */
const losses = fc.uniqueArray(fc.record({ nth: fc.integer({ min: 1, max: 7 }), applied: fc.boolean() }), {
  maxLength: 2,
  selector: ({ nth }) => nth,
});

async function perform(deed: Deed, { artifacts, emit, ids }: StepContext<JsonObject, unknown>): Promise<JsonObject> {
  switch (deed) {
    case "return":
      return { n: 1, gone: undefined, nested: { list: [null, 1.5] } };
    case "emit":
      emit("told", { a: 1, gone: undefined });
      emit("told again", {});
      return {};
    case "register":
      return { id: (await artifacts.register({ artifact_id: ids.file(), ...FILE })).artifact_id };
    case "ready": {
      const { artifact_id } = await artifacts.register({ artifact_id: ids.file(), ...FILE });
      await artifacts.move(artifact_id, "READY");
      return {};
    }
    case "large":
      return { text: "x".repeat(140_000) };
    case "refuse":
      throw new RuntimeError("test.refused", "No.", { status: 422, details: { gone: undefined, kept: 1 } });
    case "break":
      throw new TypeError("broken");
  }
}

function planOf(deeds: readonly Deed[]): IntentDefinition {
  let builder = plainIntent("test.plan");
  for (const [n, deed] of deeds.entries()) builder = builder.step(`s${n}`, { run: (ctx) => perform(deed, ctx) });
  return builder.returns(({ outputs }) => outputs as JsonObject);
}

/** A store that loses the given commits. */
function lossy(
  inner: ExecutionStore,
  lost: readonly { readonly nth: number; readonly applied: boolean }[],
): ExecutionStore {
  let commits = 0;
  return {
    ...inner,
    commit: async (commit) => {
      commits += 1;
      const loss = lost.find(({ nth }) => nth === commits);
      if (loss === undefined) return inner.commit(commit);
      if (loss.applied) await inner.commit(commit);
      throw new Error("lost");
    },
  };
}

async function runToEnd(on: TestRuntime): Promise<Execution> {
  const { execution } = await on.submit("test.plan", { given: { gone: undefined, kept: 1 } }, { userId: "ann" });
  for (;;) {
    const now = await on.services.lifecycle.wait(on.tenantId, execution.execution_id, 5);
    if (isTerminal(now.status)) return now;
    await on.services.recovery.sweep();
  }
}

describe("folding the log", () => {
  it("F1: whatever runs, fails, is lost and is taken up again, the log folds to the stored state", async () => {
    await fc.assert(
      fc.asyncProperty(plans, losses, async (deeds, lost) => {
        const inner = createSqliteStore(":memory:");
        {
          await using on = await openRuntime({ intents: [planOf(deeds)], store: lossy(inner, lost) });
          const { execution_id, status, chain, artifacts } = await runToEnd(on);
          const stored = await on.services.lifecycle.get(on.tenantId, execution_id);
          expect(await on.services.lifecycle.replay(on.tenantId, execution_id)).toStrictEqual(stored);
          expect(await on.services.log.verify(on.tenantId, execution_id)).toBeUndefined();
          const entries = await Array.fromAsync(on.services.log.replay(on.tenantId, { executionId: execution_id }));
          expect(entries).toHaveLength(chain.sequence);
          const fails = deeds.some((deed) => deed === "refuse" || deed === "break");
          expect(status).toBe(fails ? "failed" : "completed");
          if (fails) expect(artifacts.filter(({ lifecycle_state }) => lifecycle_state === "PENDING")).toEqual([]);
        }
        await inner.close();
      }),
      { numRuns: 25 },
    );
  });

  it("F2: the same entries fold to the same state, and folding changes neither state nor entry", async () => {
    await using on = await openRuntime({ intents: [planOf(["emit", "register"])] });
    const { execution_id } = await runToEnd(on);
    const entries = await Array.fromAsync(on.services.log.replay(on.tenantId, { executionId: execution_id }));
    let state: Execution | undefined;
    for (const entry of entries) {
      const before = JSON.stringify([state, entry]);
      const next = apply(state, entry);
      expect(apply(state, entry)).toStrictEqual(next);
      expect(JSON.stringify([state, entry])).toBe(before);
      state = next;
    }
  });

  it("refuses entries that cannot follow", async () => {
    await using on = await openRuntime({ intents: [planOf(["return"])] });
    const { execution_id } = await runToEnd(on);
    const entries = await Array.fromAsync(on.services.log.replay(on.tenantId, { executionId: execution_id }));
    const [received, started, , stepStarted, completed] = entries as [LogEntry, LogEntry, LogEntry, LogEntry, LogEntry];
    const unreadable = expect.objectContaining({ code: "log.unreadable" });
    const state = apply(undefined, received);
    expect(() => apply(undefined, started), "before intent_received").toThrow(unreadable);
    expect(() => apply(state, completed), "of a step that was not started").toThrow(unreadable);
    expect(() => apply(state, { ...stepStarted, payload: {} })).toThrow(unreadable);
    expect(() => apply(state, { ...started, event_type: "session_created" })).toThrow(unreadable);
  });
});
