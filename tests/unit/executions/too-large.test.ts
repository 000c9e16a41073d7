import { describe, expect, it } from "vitest";

import { createSqliteStore } from "../../../infra/adapters/sqlite/execution-store.ts";
import { asId } from "../../../shared/ids.ts";
import { RuntimeError } from "../../../shared/errors.ts";
import { type JsonObject, jsonObject } from "../../../shared/json.ts";
import type { Commit, ExecutionStore } from "../../../shared/ports/execution-store.ts";
import type { IntentDefinition } from "../../../shared/sagas/intent-definition.ts";
import { TerminalError } from "../../../shared/sagas/retry-policy.ts";
import type { StepContext, UndoContext } from "../../../shared/sagas/step-context.ts";
import type { RecordKind } from "../../../shared/state/record-kind.ts";
import { plainIntent } from "../../kit/plain-intent.ts";
import { openRuntime, testIds } from "../../kit/runtime.ts";

type Context = StepContext<JsonObject, unknown>;

const thing: RecordKind<JsonObject> = { name: "thing", schema: jsonObject, facets: () => [] };
const LARGE = "x".repeat(600 * 1024);
/** Of what is large, less than what lies in the object store. */
const A_SIXTH = "x".repeat(100 * 1024);
const undoable = { run: () => ({}), undo: () => ({}) };

/** A saga whose second step does this. */
const second = (run: (ctx: Context) => unknown): IntentDefinition =>
  plainIntent("test.large")
    .step("first", undoable)
    .step("large", { run: (ctx: Context) => Promise.resolve(run(ctx)).then(() => ({})) })
    .returns(() => ({}));

const register = async (ctx: Context, count: number): Promise<void> => {
  for (let n = 0; n < count; n += 1) {
    await ctx.artifacts.register({
      artifact_id: asId.artifact(testIds.artifact()),
      artifact_type: "file",
      semantic_descriptor: { schema: "bytes" },
      data_classification: "client",
    });
  }
};

describe("E6: what no commit takes is not tried again, on any store", () => {
  it.each<[string, number, (ctx: Context) => unknown]>([
    ["records", 400, (ctx) => Array.from({ length: 400 }, (_, n) => ctx.state.put(thing, `${n}`, {}))],
    ["bytes_of_a_record", 614_411, (ctx) => ctx.state.put(thing, "a", { text: LARGE })],
    ["events", 51, (ctx) => Array.from({ length: 51 }, () => ctx.emit("told", {}))],
    ["bytes_of_events", 614_466, (ctx) => Array.from({ length: 6 }, () => ctx.emit("told", { text: A_SIXTH }))],
  ])("too many %s: the step fails once, says so, and the saga turns back", async (what, size, run) => {
    let runs = 0;
    const counted = (ctx: Context): unknown => {
      runs += 1;
      return run(ctx);
    };
    await using runtime = await openRuntime({ intents: [second(counted)] });
    const ended = await runtime.run("test.large");
    const error = { code: "step.change_too_large", status: 413, step_name: "large", details: { what, size } };
    expect(ended).toMatchObject({ status: "compensated", error });
    expect([runs, ended.steps.map(({ status }) => status)]).toEqual([1, ["compensated", "failed"]]);
    expect((await runtime.store.listRecords(runtime.tenantId, "thing", "all", { limit: 1 })).items).toEqual([]);
  });

  it("a dead execution of many steps asks a question that a store takes: of the steps that did not simply succeed", async () => {
    const definition = plainIntent("test.many")
      .map("many", { over: () => Array.from({ length: 300 }, (_, n) => n), run: () => ({}) })
      .step("reserve", {
        run: () => ({}),
        undo: () => {
          throw new TerminalError("bank.closed", "Closed.");
        },
      })
      .step("fails", {
        run: () => {
          throw new TerminalError("test.no", "No.");
        },
      })
      .returns(() => ({}));
    await using runtime = await openRuntime({ intents: [definition] });
    expect((await runtime.run("test.many")).status).toBe("dead");
    const { items } = await runtime.services.pendingIntents.list(runtime.tenantId, {}, { limit: 1 });
    const steps = [
      { step_name: "reserve", status: "completed" },
      { step_name: "fails", status: "failed" },
    ];
    expect(items[0]?.context).toMatchObject({ steps, steps_left_out: 301 });
  });

  it("an intent has no more metadata than every store takes", async () => {
    await using runtime = await openRuntime({ intents: [second(() => undefined)] });
    const metadata = { note: "x".repeat(300_000) };
    const refused = { code: "intent.metadata_too_large", status: 413, details: { max_bytes: 262_144 } };
    await expect(runtime.submit("test.large", {}, { metadata })).rejects.toMatchObject(refused);
  });

  it("an undo that changes too much leaves the execution to a person", async () => {
    const undo = plainIntent("test.undo")
      .step("first", {
        run: () => ({}),
        undo: (ctx: UndoContext<JsonObject, unknown, unknown>) => ctx.state.put(thing, "a", { text: LARGE }),
      })
      .step("fails", { run: () => Promise.reject(new RuntimeError("test.fails", "It fails.")) })
      .returns(() => ({}));
    await using runtime = await openRuntime({ intents: [undo] });
    expect(await runtime.run("test.undo")).toMatchObject({
      status: "dead",
      error: { code: "step.change_too_large", details: { what: "bytes_of_a_record" } },
      turned_back_by: { code: "test.fails" },
    });
  });

  it("of a very long error a commit keeps the beginning", async () => {
    const fails = (): never => {
      throw new RuntimeError("test.long", LARGE, { details: { text: LARGE } });
    };
    await using runtime = await openRuntime({ intents: [second(fails)] });
    const { error } = await runtime.run("test.large");
    expect(error).toMatchObject({ code: "test.long", details: { left_out_chars: 614_411 } });
    expect(error?.message).toMatch(/^x{2000}… \(614400 characters\)$/);
  });

  it("no more members of a group begin in one commit than it takes", async () => {
    const items = Array.from({ length: 70 }, (_, n) => n);
    const each = plainIntent("test.each")
      .step("first", undoable)
      .map("each", { over: () => items, concurrency: 1_000, run: () => ({}) })
      .returns(() => ({}));
    let most = 0;
    await using store = watched(({ state }) => {
      most = Math.max(most, state.steps.length);
    });
    await using runtime = await openRuntime({ intents: [each], store });
    expect(await runtime.run("test.each")).toMatchObject({ status: "completed" });
    // With the step before, and the group itself.
    expect(most).toBe(64 + 2);
  });

  it("E4: more than one commit can fail is FAILED before the end, in several", async () => {
    const failing = async (ctx: Context): Promise<never> => {
      await Promise.resolve(ctx);
      throw new RuntimeError("test.fails", "It fails.");
    };
    const many = plainIntent("test.many")
      .step("register", { run: (ctx: Context) => register(ctx, 120).then(() => ({})) })
      .step("fails", { run: failing })
      .returns(() => ({}));
    const changed: number[] = [];
    const store = watched((commit) => void changed.push(commit.change.records.length));
    await using _store = store;
    await using runtime = await openRuntime({ intents: [many], store });
    const ended = await runtime.run("test.many");
    expect(ended).toMatchObject({ status: "failed", error: { code: "test.fails" } });
    expect(ended.artifacts.map(({ lifecycle_state }) => lifecycle_state)).toEqual(Array(120).fill("FAILED"));
    // Each artifact with the note that its bytes are to be deleted.
    expect(changed).toEqual([120, 100, 100, 40]);
  });
});

describe("E6: what a store alone refuses", () => {
  it.each<[string, string | undefined, (commit: Commit) => boolean]>([
    ["a result: its step fails", "large", () => false],
    ["that its step failed, too: the saga fails", undefined, ({ change }) => change.log.some(isStepFailed)],
  ])("%s", async (_, stepName, alsoRefused) => {
    await using store = watched((commit) => {
      if (commit.change.records.length === 0 && !alsoRefused(commit)) return;
      throw new RuntimeError("store.change_too_large", "Too large.", { status: 413, details: { what: "writes" } });
    });
    let runs = 0;
    const put = (ctx: Context): void => {
      runs += 1;
      ctx.state.put(thing, "a", {});
    };
    await using runtime = await openRuntime({ intents: [second(put)], store });
    const ended = await runtime.run("test.large");
    expect(ended).toMatchObject({ status: "compensated", error: { code: "store.change_too_large" } });
    expect([ended.error?.step_name, runs]).toEqual([stepName, 1]);
  });
});

function isStepFailed({ eventType }: { readonly eventType: string }): boolean {
  return eventType === "step_failed";
}

/** A store that shows what is committed to it before it is. */
function watched(look: (commit: Commit) => void): ExecutionStore & AsyncDisposable {
  const store = createSqliteStore(":memory:");
  return {
    ...store,
    commit: async (commit) => {
      look(commit);
      return store.commit(commit);
    },
    [Symbol.asyncDispose]: () => store.close(),
  };
}
