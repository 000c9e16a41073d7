import { describe, expect, it } from "vitest";

import { testIds } from "../../kit/runtime.ts";
import { begin, entry, everything, message, NOTHING, NOW, type OpenStore, patch, record } from "./scenario.ts";

/** What `commit` and `write` promise. */
export function describeCommit(open: OpenStore): void {
  describe("commit", () => {
    it("S1: writes head, steps, records, log and outbox together, and keeps the steps that did not change", async () => {
      await using on = await begin(open);
      const { store, tenantId, sessionId } = on;
      const executionId = testIds.execution();
      const one = entry({ sessionId, executionId }, 1);
      const steps = [{ position: 0, body: { step: "a", status: "started" } }];
      await on.admit({ executionId, state: patch("running", { steps }), change: { ...NOTHING, log: [one] } });
      const two = entry({ sessionId, executionId }, 2);
      const waiting = message(tenantId);
      const changed = [
        { position: 0, body: { step: "a", status: "completed" } },
        { position: 1, body: { step: "b", status: "started" } },
      ];
      const outcome = await on.commit(executionId, {
        state: patch("running", { head: { at: "b" }, steps: changed }),
        change: { records: [record("r")], log: [two], outbox: [waiting], mail: [] },
      });
      expect(outcome).toMatchObject({ outcome: "committed" });
      await on.commit(executionId, { state: patch("running", { head: { at: "b again" } }) });
      expect(await store.readExecution(tenantId, executionId)).toEqual({
        epoch: 1,
        intent: { asked: "for something" },
        head: { at: "b again" },
        steps: changed,
      });
      const log = await store.readLog(tenantId, { executionId, order: "chronological" }, { limit: 9 });
      expect(log.items).toEqual([one.text, two.text]);
      expect(await store.readRecord(tenantId, "thing", "r")).toMatchObject({ version: 1, body: { id: "r" } });
      expect(await store.unpublished(9)).toEqual([waiting]);
    });

    it("what a writer says of what was there before changes nothing about what reads back", async () => {
      await using on = await begin(open);
      const { store, tenantId } = on;
      const [list, nested] = [[1, 2], { deep: true }];
      const head = { a: 1, list, nested, nothing: null };
      const started = { step: "s", outputs: undefined, list };
      const steps = [{ position: 0, body: started, base: null }];
      const executionId = await on.admit({ state: patch("running", { head, base: null, steps }) });
      const stored = () => store.readExecution(tenantId, executionId);
      const written = async (state: Parameters<typeof patch>[1]) => {
        expect(await on.commit(executionId, { state: patch("running", state) })).toMatchObject({ held: true });
      };
      expect(await stored()).toMatchObject({ head, steps: [{ position: 0, body: { step: "s", list } }] });

      // Told by their differences: members that are new, other, null, and gone.
      const second = { a: null, list, other: "new \u0000 \n" };
      const ended = { ...started, outputs: { n: null }, list: [] };
      const next = { position: 1, body: { step: "t" }, base: null };
      await written({ head: second, base: head, steps: [{ position: 0, body: ended, base: started }, next] });
      const expected = {
        head: second,
        steps: [
          { position: 0, body: ended },
          { position: 1, body: next.body },
        ],
      };
      expect(await stored()).toEqual({ epoch: 1, intent: { asked: "for something" }, ...expected });
      expect((await store.listExecutions(tenantId, {}, { limit: 1 })).items).toEqual([second]);

      // The next difference is from the same base, not from what was written last.
      const third = { ...head, a: 3 };
      await written({ head: third, base: head, steps: [{ position: 0, body: started, base: started }] });
      expect(await stored()).toMatchObject({
        head: third,
        steps: [{ body: { step: "s", list } }, { body: next.body }],
      });
      expect((await stored())?.steps[0]?.body).not.toHaveProperty("outputs");

      // Whoever cannot tell writes whole, and whatever was told before is void.
      await written({ head: { b: 1 }, steps: [{ position: 0, body: { step: "again" } }] });
      expect(await stored()).toMatchObject({ steps: [{ body: { step: "again" } }, { body: next.body }] });
      expect((await stored())?.head).toEqual({ b: 1 });
    });

    it.each([
      ["an older epoch", 1],
      ["an epoch that was never given out", 3],
      ["epoch 0", 0],
    ])("S2: %s is fenced and changes nothing", async (_, epoch) => {
      await using on = await begin(open);
      const { store, tenantId, sessionId } = on;
      const executionId = await on.admit();
      await store.retire(on.workerId);
      await on.claim(executionId);
      const before = await everything(store, tenantId, [executionId]);
      const change = {
        records: [record("zombie")],
        log: [entry({ sessionId, executionId }, 1)],
        outbox: [message(tenantId)],
        mail: [],
      };
      const state = patch("completed", { steps: [{ position: 0, body: {} }] });
      expect(await on.commit(executionId, { epoch, state, change })).toEqual({ outcome: "fenced" });
      expect(await everything(store, tenantId, [executionId])).toEqual(before);
    });

    it("S2: after a terminal commit even the holder is fenced, and changes nothing", async () => {
      await using on = await begin(open);
      const executionId = await on.admit();
      await on.commit(executionId, { state: patch("failed") });
      const before = await everything(on.store, on.tenantId, [executionId]);
      const change = { ...NOTHING, records: [record("late")], outbox: [message(on.tenantId)], mail: [] };
      expect(await on.commit(executionId, { state: patch("completed"), change })).toEqual({ outcome: "fenced" });
      expect(await everything(on.store, on.tenantId, [executionId])).toEqual(before);
    });

    it("S2: a commit to an execution that does not exist is fenced and changes nothing", async () => {
      await using on = await begin(open);
      const before = await everything(on.store, on.tenantId);
      const change = { ...NOTHING, records: [record("ghost")] };
      expect(await on.commit(testIds.execution(), { change })).toEqual({ outcome: "fenced" });
      expect(await everything(on.store, on.tenantId)).toEqual(before);
    });

    it.each([
      ["the first", [record("stale", { expectedVersion: 7 }), record("new")]],
      ["the last", [record("new"), record("stale", { expectedVersion: 7 })]],
      ["one that should not exist yet", [record("new"), record("stale")]],
    ])("S1: a conflict on %s of its records writes nothing at all", async (_, records) => {
      await using on = await begin(open);
      const { store, tenantId, sessionId } = on;
      const executionId = await on.admit({ state: patch("running", { steps: [{ position: 0, body: { n: 1 } }] }) });
      await on.write({ records: [record("stale")] });
      const before = await everything(store, tenantId, [executionId]);
      const outcome = await on.commit(executionId, {
        state: patch("completed", { steps: [{ position: 0, body: { n: 2 } }] }),
        change: { records, log: [entry({ sessionId, executionId }, 1)], outbox: [message(tenantId)], mail: [] },
      });
      expect(outcome).toEqual({ outcome: "conflict", kind: "thing", id: "stale" });
      expect(await everything(store, tenantId, [executionId])).toEqual(before);
    });

    it("S2: after a conflict the holder may commit again", async () => {
      await using on = await begin(open);
      const executionId = await on.admit();
      await on.write({ records: [record("r")] });
      const change = { ...NOTHING, records: [record("r")] };
      expect(await on.commit(executionId, { change })).toMatchObject({ outcome: "conflict" });
      const again = { ...NOTHING, records: [record("r", { expectedVersion: 1 })] };
      expect(await on.commit(executionId, { change: again })).toMatchObject({ outcome: "committed" });
    });

    it("S9: a second entry with the same stream and sequence is refused, and the rest of its change too", async () => {
      await using on = await begin(open);
      const { store, tenantId, sessionId } = on;
      const executionId = testIds.execution();
      await on.admit({ executionId, change: { ...NOTHING, log: [entry({ sessionId, executionId }, 1)] } });
      const before = await everything(store, tenantId, [executionId]);
      const change = {
        records: [record("x")],
        log: [entry({ sessionId, executionId }, 2), entry({ sessionId, executionId }, 1)],
        outbox: [message(tenantId)],
        mail: [],
      };
      await expect(on.commit(executionId, { change })).rejects.toThrow();
      expect(await everything(store, tenantId, [executionId])).toEqual(before);
    });

    it.each([1, 3, 4])("S9: nor one, number %i, among those that an earlier commit wrote together", async (taken) => {
      await using on = await begin(open);
      const { store, tenantId, sessionId } = on;
      const executionId = testIds.execution();
      const row = (sequence: number) => entry({ sessionId, executionId }, sequence, { timestampMs: NOW });
      await on.admit({ executionId, change: { ...NOTHING, log: [row(1)] } });
      await on.commit(executionId, { change: { ...NOTHING, log: [2, 3, 4].map(row) } });
      const before = await everything(store, tenantId, [executionId]);
      await expect(on.commit(executionId, { change: { ...NOTHING, log: [row(taken)] } })).rejects.toThrow();
      expect(await everything(store, tenantId, [executionId])).toEqual(before);
      // It follows on as before.
      expect(await on.commit(executionId, { change: { ...NOTHING, log: [row(5)] } })).toMatchObject({
        outcome: "committed",
      });
    });
  });

  describe("write", () => {
    it("S1: writes records, log and outbox together", async () => {
      await using on = await begin(open);
      const { store, tenantId, sessionId } = on;
      const row = entry({ sessionId }, 1);
      const waiting = message(tenantId);
      expect(await on.write({ records: [record("a"), record("b")], log: [row], outbox: [waiting], mail: [] })).toEqual({
        outcome: "written",
      });
      expect((await store.listRecords(tenantId, "thing", "all", { limit: 9 })).total).toBe(2);
      expect((await store.readLog(tenantId, { sessionId, order: "newest" }, { limit: 9 })).items).toEqual([row.text]);
      expect(await store.unpublished(9)).toEqual([waiting]);
    });

    it("S1: a conflict writes nothing", async () => {
      await using on = await begin(open);
      await on.write({ records: [record("stale")] });
      const before = await everything(on.store, on.tenantId);
      const outcome = await on.write({
        records: [record("new"), record("stale")],
        log: [entry({ sessionId: on.sessionId }, 1)],
        outbox: [message(on.tenantId)],
      });
      expect(outcome).toEqual({ outcome: "conflict", kind: "thing", id: "stale" });
      expect(await everything(on.store, on.tenantId)).toEqual(before);
    });

    it("S9: of two writers of one session's next entry, one is refused whole", async () => {
      await using on = await begin(open);
      const { sessionId } = on;
      const outcomes = await Promise.allSettled(
        ["a", "b"].map((id) => on.write({ records: [record(id)], log: [entry({ sessionId }, 1)] })),
      );
      expect(outcomes.map(({ status }) => status).toSorted()).toEqual(["fulfilled", "rejected"]);
      expect((await on.store.listRecords(on.tenantId, "thing", "all", { limit: 9 })).total).toBe(1);
    });

    it("S9: the streams of an execution and of its session count apart", async () => {
      await using on = await begin(open);
      const { store, tenantId, sessionId } = on;
      const executionId = testIds.execution();
      await on.admit({ executionId, change: { ...NOTHING, log: [entry({ sessionId, executionId }, 1)] } });
      expect(await on.write({ log: [entry({ sessionId }, 1)] })).toEqual({ outcome: "written" });
      expect((await store.readLog(tenantId, { sessionId, order: "newest" }, { limit: 9 })).items).toHaveLength(2);
      expect((await store.readLog(tenantId, { executionId, order: "newest" }, { limit: 9 })).items).toHaveLength(1);
    });
  });
}
