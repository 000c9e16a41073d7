import { describe, expect, it } from "vitest";
import * as z from "zod";

import { createSqliteStore } from "../../../infra/adapters/sqlite/execution-store.ts";
import { RuntimeError } from "../../../shared/errors.ts";
import { type ArtifactId, asId, trustedTenantId } from "../../../shared/ids.ts";
import { movePendingIntent, PENDING_STATUSES, type PendingStatus } from "../../../shared/intents/pending-intent.ts";
import { jsonObject } from "../../../shared/json.ts";
import type { ExecutionStore } from "../../../shared/ports/execution-store.ts";
import type { IntentDefinition } from "../../../shared/sagas/intent-definition.ts";
import { intent } from "../../../shared/sagas/intent.ts";
import { UnitOfWork } from "../../../shared/state/unit-of-work.ts";
import { newSession, openRuntime, testIds } from "../../kit/runtime.ts";

const NEXT: Readonly<Record<PendingStatus, readonly PendingStatus[]>> = {
  pending: ["in_progress", "cancelled"],
  in_progress: ["completed", "failed"],
  failed: ["in_progress", "cancelled"],
  completed: [],
  cancelled: [],
};
const WAY: Readonly<Record<PendingStatus, readonly PendingStatus[]>> = {
  pending: [],
  in_progress: ["in_progress"],
  completed: ["in_progress", "completed"],
  failed: ["in_progress", "failed"],
  cancelled: ["cancelled"],
};
const moves = PENDING_STATUSES.flatMap((from) => PENDING_STATUSES.map((to) => ({ from, to })));

const fileInput = z.object({ file_id: z.string(), depth: z.number().default(1), fail: z.boolean().default(false) });

const options = { version: 1, description: "", input: fileInput } as const;

const produce = intent("test.produce", { version: 1, description: "", input: z.object({}), output: jsonObject })
  .step("make", {
    run: async ({ artifacts, ids }) => {
      const artifact_id = ids.file();
      const draft = {
        artifact_type: "file",
        semantic_descriptor: { schema: "x" },
        data_classification: "client",
      } as const;
      await artifacts.register({ artifact_id, ...draft });
      return { artifact_id };
    },
  })
  .returns(({ outputs }) => outputs.make);

const consume = intent("test.consume", {
  ...options,
  output: jsonObject,
  target: { input: "file_id", artifactType: "file" },
})
  .step("work", {
    run: ({ input }) => {
      if (input.fail) throw new RuntimeError("test.refused", "It was told to fail.");
      return input;
    },
  })
  .returns(({ outputs }) => outputs.work);

async function open(store: ExecutionStore = createSqliteStore(":memory:"), others: readonly IntentDefinition[] = []) {
  const runtime = await openRuntime({ intents: [produce, consume, ...others], store });
  const { pendingIntents } = runtime.services;
  const { tenantId } = runtime;
  const made = await runtime.run("test.produce");
  const target = asId.artifact((made.output as { artifact_id: string }).artifact_id);
  const create = (context: object = {}, targetArtifactId: ArtifactId = target, intentType = "consume") =>
    pendingIntents.create({
      tenantId,
      intentType,
      targetArtifactId,
      context: context as never,
      sessionId: undefined,
      userId: undefined,
    });
  const submit = (id: string, parameters: object = {}, more: object = {}) =>
    pendingIntents.submit(id, {
      tenantId,
      userId: undefined,
      sessionId: runtime.sessionId,
      parameters: parameters as never,
      traceId: testIds.trace(),
      ...more,
    });
  const ended = async (submitted: ReturnType<typeof submit>) => {
    const { execution } = await submitted;
    return runtime.services.lifecycle.wait(tenantId, execution.execution_id, 10_000);
  };
  const list = async (filter: object = {}) => (await pendingIntents.list(tenantId, filter, { limit: 9 })).items;
  return {
    runtime,
    pendingIntents,
    tenantId,
    target,
    create,
    submit,
    ended,
    list,
    [Symbol.asyncDispose]: async () => {
      await runtime[Symbol.asyncDispose]();
      await store.close();
    },
  };
}

describe("pending intents", () => {
  it("are refused for an artifact of another type than their intent works on", async () => {
    const other = intent("test.other", {
      ...options,
      output: jsonObject,
      target: { input: "file_id", artifactType: "parsed_content" },
    })
      .step("work", { run: ({ input }) => input })
      .returns(({ outputs }) => outputs.work);
    await using on = await open(undefined, [other]);
    const message = "test.other works on an artifact of type parsed_content; this one is file.";
    const refused = {
      code: "pending_intent.wrong_target",
      status: 422,
      faults: [{ path: "target_artifact_id", message }],
    };
    await expect(on.create({}, on.target, "other")).rejects.toMatchObject(refused);
    expect(await on.list()).toEqual([]);
  });

  it("wait with their target and context, listed by every combination of conditions", async () => {
    await using on = await open();
    const made = await on.create({ note: "for Ann" });
    expect(made).toMatchObject({ intent_type: "test.consume", status: "pending", target_artifact_id: on.target });
    const hits = [{}, { target: on.target }, { type: "consume" }, { type: "test.consume" }, { status: "pending" }];
    for (const one of hits) for (const two of hits) expect(await on.list({ ...one, ...two })).toEqual([made]);
    const misses = [{ target: testIds.file() }, { type: "produce" }, { status: "completed" }];
    for (const miss of misses) for (const hit of hits) expect(await on.list({ ...hit, ...miss })).toEqual([]);
  });

  it("are submitted from any later session, with their context under the caller's parameters", async () => {
    await using on = await open();
    const { intent_id } = await on.create({ depth: 2, note: "not a parameter" });
    const later = await newSession(on.runtime.services, on.tenantId);
    const execution = await on.ended(on.submit(intent_id, {}, { sessionId: later }));
    expect(execution).toMatchObject({
      status: "completed",
      session_id: later,
      output: { file_id: on.target, depth: 2 },
    });
    expect(await on.list()).toMatchObject([{ status: "completed", execution_id: execution.execution_id }]);
    const other = await on.create({ depth: 2 });
    const overridden = await on.ended(on.submit(other.intent_id, { depth: 3, file_id: "forged" }));
    expect(overridden.output).toMatchObject({ file_id: on.target, depth: 3 });
  });

  it("S6: of many callers at once one takes it up, the others get a conflict", async () => {
    await using on = await open();
    const { intent_id } = await on.create();
    const outcomes = await Promise.allSettled(Array.from({ length: 8 }, () => on.submit(intent_id)));
    expect(outcomes.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
    for (const outcome of outcomes) {
      if (outcome.status === "fulfilled") continue;
      expect(outcome.reason).toMatchObject({ status: 409 });
      expect(["pending_intent.taken", "pending_intent.wrong_status"]).toContain((outcome.reason as RuntimeError).code);
    }
    expect(
      (await on.runtime.store.listExecutions(on.tenantId, { intentType: "test.consume" }, { limit: 9 })).items,
    ).toHaveLength(1);
  });

  it("asked for again under one idempotency key are taken up once, and others hear by which execution", async () => {
    await using on = await open();
    const { intent_id } = await on.create();
    const again = { idempotencyKey: "once" };
    const both = await Promise.all([on.submit(intent_id, {}, again), on.submit(intent_id, {}, again)]);
    const ids = both.map(({ execution }) => execution.execution_id);
    expect(new Set(ids).size).toBe(1);
    await on.ended(on.submit(intent_id, {}, again));
    expect((await on.submit(intent_id, {}, again)).execution.execution_id).toBe(ids[0]);
    await expect(on.submit(intent_id, { depth: 2 }, again)).rejects.toMatchObject({ code: "idempotency.other_body" });
    await expect(on.submit(intent_id, {}, { idempotencyKey: "two" })).rejects.toMatchObject({
      code: "pending_intent.taken",
      status: 409,
      details: { status: "completed", taken_by: ids[0] },
    });
  });

  it("a failed run gives them back: never left in_progress, and they may be tried again", async () => {
    await using on = await open();
    const { intent_id } = await on.create();
    expect((await on.ended(on.submit(intent_id, { fail: true }))).status).toBe("failed");
    expect(await on.list()).toMatchObject([{ status: "failed" }]);
    expect((await on.ended(on.submit(intent_id))).status).toBe("completed");
    expect(await on.list()).toMatchObject([{ status: "completed" }]);
    await expect(on.submit(intent_id)).rejects.toMatchObject({ code: "pending_intent.wrong_status", status: 409 });
  });

  it("are taken up again by a retry of the run that failed, once, however often that is asked, and by nobody beside it", async () => {
    const broken = new Set<string>(["work"]);
    const repair = intent("test.repair", {
      ...options,
      output: jsonObject,
      target: { input: "file_id", artifactType: "file" },
    })
      .step("work", {
        run: ({ input }) => {
          if (broken.has("work")) throw new RuntimeError("test.broken", "Not now.");
          return input;
        },
      })
      .returns(({ outputs }) => outputs.work);
    await using on = await open(createSqliteStore(":memory:"), [repair]);
    const { control, lifecycle } = on.runtime.services;
    const { intent_id } = await on.create({}, on.target, "repair");
    const failed = await on.ended(on.submit(intent_id));
    const retry = (idempotencyKey?: string) =>
      control.retry(on.tenantId, failed.execution_id, { userId: undefined, traceId: testIds.trace(), idempotencyKey });

    const again = await lifecycle.wait(on.tenantId, (await retry("a")).execution.execution_id, 10_000);
    expect(again.status).toBe("failed");
    expect(await on.list()).toMatchObject([{ status: "failed", execution_id: again.execution_id }]);
    broken.clear();
    const done = await lifecycle.wait(on.tenantId, (await retry("b")).execution.execution_id, 10_000);
    expect(await on.list()).toMatchObject([{ status: "completed", execution_id: done.execution_id }]);
    expect((await retry("b")).execution.execution_id).toBe(done.execution_id);
    await expect(retry()).rejects.toMatchObject({ code: "execution.retried", status: 409 });

    const other = await on.create({}, on.target, "repair");
    broken.add("work");
    const first = await on.ended(on.submit(other.intent_id));
    broken.clear();
    await on.ended(on.submit(other.intent_id));
    await expect(
      control.retry(on.tenantId, first.execution_id, { userId: undefined, traceId: testIds.trace() }),
    ).rejects.toMatchObject({ code: "pending_intent.taken", status: 409 });
  });

  it("settle in the very commit that ends the execution", async () => {
    const inner = createSqliteStore(":memory:");
    const last: string[] = [];
    const store: ExecutionStore = {
      ...inner,
      commit: (commit) => {
        const settled = commit.change.records.find(({ kind }) => kind === "pending_intent")?.body?.["status"];
        if (settled !== undefined) last.push(`${commit.state.status}: ${JSON.stringify(settled)}`);
        return inner.commit(commit);
      },
    };
    await using on = await open(store);
    await on.ended(on.submit((await on.create()).intent_id));
    await on.ended(on.submit((await on.create()).intent_id, { fail: true }));
    expect(last).toEqual(['completed: "completed"', 'failed: "failed"']);
  });

  it("a submission that is refused leaves them pending", async () => {
    await using on = await open();
    const { intent_id } = await on.create();
    await expect(on.submit(intent_id, { depth: "deep" })).rejects.toMatchObject({ code: "intent.bad_parameters" });
    await expect(on.submit(intent_id, {}, { sessionId: testIds.session() })).rejects.toMatchObject({
      code: "session.not_found",
    });
    expect(await on.list()).toMatchObject([{ status: "pending" }]);
  });

  it("once cancelled are never taken up", async () => {
    await using on = await open();
    const { intent_id } = await on.create();
    expect(await on.pendingIntents.cancel(on.tenantId, intent_id)).toMatchObject({ status: "cancelled" });
    await expect(on.submit(intent_id)).rejects.toMatchObject({ code: "pending_intent.wrong_status" });
    await expect(on.pendingIntents.cancel(on.tenantId, intent_id)).rejects.toMatchObject({ status: 409 });
  });

  it("hold no more context than every store takes", async () => {
    await using on = await open();
    const refused = { code: "pending_intent.too_large", status: 413, details: { max_bytes: 262_144 } };
    await expect(on.create({ note: "x".repeat(300_000) })).rejects.toMatchObject(refused);
    await on.create({ note: "x".repeat(250_000) });
  });

  it("need a known type that works on an artifact, and an artifact that is there", async () => {
    await using on = await open();
    const draft = { tenantId: on.tenantId, context: {}, sessionId: undefined, userId: undefined };
    const make = (intentType: string, targetArtifactId: string) =>
      on.pendingIntents.create({ ...draft, intentType, targetArtifactId });
    await expect(make("nothing", on.target)).rejects.toMatchObject({ code: "intent.unknown_type", status: 422 });
    await expect(make("produce", on.target)).rejects.toMatchObject({ code: "pending_intent.no_target", status: 422 });
    await expect(make("consume", testIds.file())).rejects.toMatchObject({ code: "artifact.not_found", status: 404 });
    expect(await on.list()).toEqual([]);
  });

  it("S7: of another tenant are not found and not listed", async () => {
    await using on = await open();
    const { intent_id } = await on.create();
    const rival = trustedTenantId("rival");
    const absent = { code: "pending_intent.not_found", status: 404 };
    await expect(on.submit(intent_id, {}, { tenantId: rival })).rejects.toMatchObject(absent);
    await expect(on.pendingIntents.cancel(rival, intent_id)).rejects.toMatchObject(absent);
    expect((await on.pendingIntents.list(rival, {}, { limit: 9 })).total).toBe(0);
    expect(await on.list()).toMatchObject([{ status: "pending" }]);
  });
});

describe("the life cycle of a pending intent", () => {
  it.each(moves)("from $from to $to: as its life cycle says", async ({ from, to }) => {
    await using on = await open();
    const { intent_id } = await on.create();
    const unit = new UnitOfWork(on.runtime.services.surface, on.tenantId, 0);
    const facts = { now: "2026-01-01T00:00:00.000Z" };
    for (const step of WAY[from]) await movePendingIntent(unit, intent_id, step, facts);
    const move = movePendingIntent(unit, intent_id, to, facts);
    if (NEXT[from].includes(to)) expect(await move).toMatchObject({ status: to, updated_at: facts.now });
    else await expect(move).rejects.toMatchObject({ code: "pending_intent.wrong_status", details: { status: from } });
  });
});
