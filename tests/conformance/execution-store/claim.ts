import { describe, expect, it } from "vitest";

import { testIds } from "../../kit/runtime.ts";
import { begin, DEAD_AFTER, NOW, type OpenStore, patch } from "./scenario.ts";

/** What `claim`, `beat`, `retire` and `abandoned` promise. */
export function describeClaim(open: OpenStore): void {
  describe("claim", () => {
    it("S3: an execution whose holder beats is held, up to the moment when the holder counts as dead", async () => {
      await using on = await begin(open);
      const executionId = await on.admit();
      expect(await on.claim(executionId)).toEqual({ outcome: "held" });
      expect(await on.claim(executionId, { nowMs: NOW + DEAD_AFTER })).toEqual({ outcome: "held" });
      expect(await on.claim(executionId, { nowMs: NOW + DEAD_AFTER + 1 })).toMatchObject({ outcome: "claimed" });
    });

    it("S3: a holder that beats again is alive again", async () => {
      await using on = await begin(open);
      const executionId = await on.admit();
      await on.store.beat(on.workerId, NOW + 10_000);
      expect(await on.claim(executionId, { nowMs: NOW + 11_000 })).toEqual({ outcome: "held" });
    });

    it("S3: a beat of a clock that was set back takes the place of the one before, whenever that arrives", async () => {
      await using on = await begin(open);
      const executionId = await on.admit();
      await on.store.beat(on.workerId, NOW + 30_000);
      await on.store.beat(on.workerId, NOW + 10);
      expect(await on.claim(executionId, { nowMs: NOW + 10 + DEAD_AFTER })).toEqual({ outcome: "held" });
      expect(await on.claim(executionId, { nowMs: NOW + 11 + DEAD_AFTER })).toMatchObject({ outcome: "claimed" });
    });

    it("S3: what a retired worker held is handed over at once", async () => {
      await using on = await begin(open);
      const executionId = await on.admit();
      await on.store.retire(on.workerId);
      expect(await on.claim(executionId)).toMatchObject({ outcome: "claimed", epoch: 2 });
    });

    it("S3: the claimer holds it from then on, without a beat of its own", async () => {
      await using on = await begin(open);
      const executionId = await on.admit();
      await on.store.retire(on.workerId);
      await on.claim(executionId, { nowMs: NOW + 500 });
      expect(await on.claim(executionId, { nowMs: NOW + 1_000 })).toEqual({ outcome: "held" });
    });

    it("S3: the holder itself may claim again, under a new epoch", async () => {
      await using on = await begin(open);
      const executionId = await on.admit();
      expect(await on.claim(executionId, { workerId: on.workerId })).toMatchObject({ outcome: "claimed", epoch: 2 });
      expect(await on.claim(executionId, { workerId: on.workerId })).toMatchObject({ outcome: "claimed", epoch: 3 });
      expect(await on.commit(executionId, { epoch: 2 })).toEqual({ outcome: "fenced" });
      expect(await on.commit(executionId, { epoch: 3 })).toMatchObject({ outcome: "committed" });
    });

    it("hands over the whole execution as it was committed last, with the new epoch", async () => {
      await using on = await begin(open);
      const steps = [{ position: 0, body: { name: "first" } }];
      const executionId = await on.admit({ intent: { asked: 1 }, state: patch("running", { steps }) });
      const later = [{ position: 1, body: { name: "second" } }];
      await on.commit(executionId, { state: patch("running", { head: { at: "second" }, steps: later }) });
      await on.store.retire(on.workerId);
      expect(await on.claim(executionId)).toEqual({
        outcome: "claimed",
        epoch: 2,
        execution: { epoch: 2, intent: { asked: 1 }, head: { at: "second" }, steps: [...steps, ...later] },
      });
      expect((await on.store.readExecution(on.tenantId, executionId))?.epoch).toBe(2);
    });

    it("S4: a terminal execution is never claimed again, not even by its holder", async () => {
      await using on = await begin(open);
      const executionId = await on.admit();
      expect(await on.commit(executionId, { state: patch("completed") })).toMatchObject({ outcome: "committed" });
      await on.store.retire(on.workerId);
      expect(await on.claim(executionId)).toEqual({ outcome: "terminal" });
      expect(await on.claim(executionId, { workerId: on.workerId })).toEqual({ outcome: "terminal" });
      expect((await on.store.readExecution(on.tenantId, executionId))?.epoch).toBe(1);
    });

    it("an execution that does not exist is absent", async () => {
      await using on = await begin(open);
      expect(await on.claim(testIds.execution())).toEqual({ outcome: "absent" });
    });

    it("S3: of 32 concurrent claimers one wins, and the epoch is raised once", async () => {
      await using on = await begin(open);
      const executionId = await on.admit();
      await on.store.retire(on.workerId);
      const outcomes = await Promise.all(Array.from({ length: 32 }, () => on.claim(executionId)));
      expect(outcomes.filter(({ outcome }) => outcome === "claimed")).toHaveLength(1);
      expect(outcomes.filter(({ outcome }) => outcome === "held")).toHaveLength(31);
      expect((await on.store.readExecution(on.tenantId, executionId))?.epoch).toBe(2);
    });

    it("S2: of a commit of the old holder and a claim at once, whichever comes second sees the first", async () => {
      await using on = await begin(open);
      const executionId = await on.admit();
      await on.store.retire(on.workerId);
      const state = patch("running", { head: { by: "old" } });
      const [commit, claim] = await Promise.all([on.commit(executionId, { state }), on.claim(executionId)]);
      const expected = commit.outcome === "committed" ? { by: "old" } : { status: "running" };
      expect(claim).toMatchObject({ outcome: "claimed", execution: { head: expected } });
      expect((await on.store.readExecution(on.tenantId, executionId))?.head).toEqual(expected);
    });
  });

  describe("abandoned", () => {
    const abandoned = async (on: Awaited<ReturnType<typeof begin>>, nowMs = NOW, limit = 100) =>
      (await on.store.abandoned({ nowMs, deadAfterMs: DEAD_AFTER, limit })).map(({ executionId }) => executionId);

    it("lists unfinished executions whose holder is silent, and claims what it lists", async () => {
      await using on = await begin(open);
      const first = await on.admit();
      const second = await on.admit();
      expect(await abandoned(on, NOW + DEAD_AFTER)).toEqual([]);
      const nowMs = NOW + DEAD_AFTER + 1;
      const found = await on.store.abandoned({ nowMs, deadAfterMs: DEAD_AFTER, limit: 100 });
      expect(new Set(found)).toEqual(
        new Set([first, second].map((executionId) => ({ tenantId: on.tenantId, executionId }))),
      );
      for (const { executionId } of found) {
        expect(await on.claim(executionId, { nowMs })).toMatchObject({ outcome: "claimed" });
      }
      expect(await abandoned(on, nowMs)).toEqual([]);
    });

    it("lists what a retired worker held at once, but not what others hold", async () => {
      await using on = await begin(open);
      const other = testIds.worker();
      await on.store.beat(other, NOW);
      const lost = await on.admit();
      await on.admit({ workerId: other });
      await on.store.retire(on.workerId);
      expect(await abandoned(on)).toEqual([lost]);
    });

    it("S4: lists no terminal execution", async () => {
      await using on = await begin(open);
      const done = await on.admit();
      await on.commit(done, { state: patch("failed") });
      const open_ = await on.admit();
      await on.store.retire(on.workerId);
      expect(await abandoned(on)).toEqual([open_]);
    });

    it("keeps to its limit, and reaches all of them as they are claimed", async () => {
      await using on = await begin(open);
      const all = new Set<string>();
      for (let i = 0; i < 7; i += 1) all.add(await on.admit({ workerId: testIds.worker() }));
      const seen = new Set<string>();
      for (let round = 0; round < 4; round += 1) {
        const found = await abandoned(on, NOW, 2);
        expect(found.length).toBeLessThanOrEqual(2);
        for (const executionId of found) {
          seen.add(executionId);
          await on.claim(executionId);
        }
      }
      expect(seen).toEqual(all);
      expect(await abandoned(on)).toEqual([]);
    });

    it("retiring a worker that never was is no error", async () => {
      await using on = await begin(open);
      await expect(on.store.retire(testIds.worker())).resolves.toBeUndefined();
    });
  });
}
