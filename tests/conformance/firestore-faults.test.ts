import { randomUUID } from "node:crypto";

import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";

import { startFirestoreEmulator } from "../../infra/dev/parts/firestore-emulator.ts";
import type { Part } from "../../infra/dev/parts/part.ts";
import { withParts } from "../kit/parts.ts";
import { testIds } from "../kit/runtime.ts";
import { startTcpProxy, type TcpProxy } from "../kit/tcp-proxy.ts";
import {
  DEAD_AFTER,
  entry,
  everything,
  message,
  NOTHING,
  NOW,
  patch,
  record,
  type Scenario,
} from "./execution-store/scenario.ts";
import { openOn, openStore, setLogFunction, sharedAddress, timed } from "./firestore-scene.ts";

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

const UNAVAILABLE = { code: "store.unavailable", status: 503, retryable: true };
/** How long any call may take while Firestore does not answer. */
const GIVEN_UP_WITHIN_MS = 10_000;

withParts(["firestore"], () => {
  describe("firestore that does not answer", () => {
    // Its own emulator: it is paused.
    let emulator: Part;
    beforeAll(async () => {
      emulator = await startFirestoreEmulator();
    });
    afterAll(() => emulator.stop());

    it("every call is given up in bounded time as store.unavailable, closing too, and all works again by itself", async () => {
      await using on = await openOn(emulator);
      const leaving = await openOn(emulator);
      const { store, tenantId, sessionId, workerId } = on;
      const executionId = await on.admit();
      const late = testIds.execution();
      const row = entry({ sessionId, executionId }, 1);
      emulator.pause();
      const page = { limit: 5 };
      const calls: Record<string, () => Promise<unknown>> = {
        accept: () => store.accept(on.acceptance({ executionId: late })),
        claim: () => on.claim(executionId),
        commit: () => on.commit(executionId, { change: { ...NOTHING, log: [row], outbox: [message(tenantId)] } }),
        write: () => on.write({ records: [record("late")] }),
        readExecution: () => store.readExecution(tenantId, executionId),
        listExecutions: () => store.listExecutions(tenantId, {}, page),
        readLog: () => store.readLog(tenantId, { order: "newest" }, page),
        readRecord: () => store.readRecord(tenantId, "thing", "x"),
        listRecords: () => store.listRecords(tenantId, "thing", "all", page),
        unpublished: () => store.unpublished(5),
        markPublished: () => store.markPublished([testIds.event()], NOW),
        readMail: () => store.readMail(tenantId, executionId),
        beat: () => store.beat(workerId, NOW),
        due: () => store.due({ nowMs: NOW, limit: 5 }),
        abandoned: () => store.abandoned({ nowMs: NOW, deadAfterMs: DEAD_AFTER, limit: 5 }),
        purge: () => store.purge({ nowMs: NOW, publishedBeforeMs: NOW }),
        ping: () => store.ping(),
      };
      const [outcomes, asked, closing] = await Promise.all([
        Promise.all(Object.entries(calls).map(([name, call]) => timed(name, call))),
        timed("ping", () => leaving.store.ping()),
        timed("close", () => leaving.store.close()),
      ]);
      emulator.resume();
      expect(asked).toMatchObject({ error: UNAVAILABLE });
      expect(closing).not.toHaveProperty("error");
      expect(closing.tookMs).toBeLessThan(GIVEN_UP_WITHIN_MS + 3_000);
      for (const outcome of outcomes) {
        expect(outcome).toMatchObject({ name: outcome.name, error: UNAVAILABLE });
        expect(outcome.tookMs).toBeLessThan(GIVEN_UP_WITHIN_MS);
      }

      await expect.poll(() => timed("ping", () => store.ping()), { timeout: 20_000 }).not.toHaveProperty("error");
      // What was sent before the pause may be carried out even now: whole, or not at all, and once.
      const halves = async (): Promise<number> => {
        const log = await store.readLog(tenantId, { executionId, order: "newest" }, page);
        return (await store.unpublished(9)).length - log.items.length;
      };
      await expect.poll(halves, { timeout: 10_000 }).toBe(0);
      const claimed = await on.claim(executionId, { workerId });
      expect(claimed).toMatchObject({ outcome: "claimed" });
      const epoch = claimed.outcome === "claimed" ? claimed.epoch : 0;
      expect(await on.commit(executionId, { epoch, state: patch("completed") })).toMatchObject({
        outcome: "committed",
      });
      expect(await on.commit(executionId, { epoch: 1, change: { ...NOTHING, log: [row] } })).toEqual({
        outcome: "fenced",
      });
    });

    it("T3: calls do not pile up behind it: most are refused at once, and all pass again once it answers", async () => {
      await using on = await openOn(emulator);
      emulator.pause();
      const many = Array.from({ length: 150 }, (_, n) =>
        timed(`write ${n}`, () => on.write({ records: [record(`r${n}`)] })),
      );
      for (const outcome of await Promise.all(many)) {
        expect(outcome).toMatchObject({ error: UNAVAILABLE });
        expect(outcome.tookMs).toBeLessThan(GIVEN_UP_WITHIN_MS);
      }
      const refused = await Promise.all(Array.from({ length: 50 }, () => timed("ping", () => on.store.ping())));
      const atOnce = refused.filter(({ tookMs }) => tookMs < 200);
      expect(atOnce.length).toBeGreaterThanOrEqual(49);
      for (const outcome of refused) expect(outcome).toMatchObject({ error: UNAVAILABLE });
      emulator.resume();
      await expect.poll(() => timed("ping", () => on.store.ping()), { timeout: 20_000 }).not.toHaveProperty("error");
      const after = await Promise.all(
        many.map((_, n) => timed("write", () => on.write({ records: [record(`after${n}`)] }))),
      );
      for (const outcome of after) expect(outcome).toMatchObject({ answer: { outcome: "written" } });
    });
  });

  describe("firestore over a bad network", () => {
    /** Runs `act`; its commit is carried out but the answer swallowed, and the connection ends soon after. */
    const losingTheAnswer = async <Answer>(proxy: TcpProxy, act: () => Promise<Answer>): Promise<Answer> => {
      let lost = 0;
      const unwatch = watchCalls((call) => {
        if (call !== "Firestore.request") return;
        lost += 1;
        if (lost > 1) return;
        proxy.swallowAnswers();
        setTimeout(() => proxy.mend(), 500);
      });
      try {
        return await act();
      } finally {
        unwatch();
        expect(lost).toBeGreaterThan(0);
      }
    };

    it("a connection that is cut is an outage, and over when it is mended", async () => {
      await using proxy = await startTcpProxy(await sharedAddress());
      await using on = await openOn(proxy);
      proxy.cut();
      const outcome = await timed("write", () => on.write({ records: [record("r")] }));
      expect(outcome).toMatchObject({ error: UNAVAILABLE });
      expect(outcome.tookMs).toBeLessThan(GIVEN_UP_WITHIN_MS);
      proxy.mend();
      await expect.poll(() => timed("ping", () => on.store.ping()), { timeout: 20_000 }).not.toHaveProperty("error");
    });

    it("O2: a commit whose answer is lost, and that the client library repeats, is one commit", async () => {
      await using proxy = await startTcpProxy(await sharedAddress());
      await using on = await openOn(proxy);
      const executionId = testIds.execution();
      await on.admit({ executionId });
      const change = {
        records: [record("r")],
        log: [entry({ sessionId: on.sessionId, executionId }, 1)],
        outbox: [message(on.tenantId)],
        mail: [],
      };
      const outcome = await losingTheAnswer(proxy, () =>
        on.commit(executionId, { state: patch("running", { head: { n: 1 } }), change }),
      );
      expect(outcome).toEqual({ outcome: "committed", held: true, mail: false });
      await expectOnce(on);
      expect(await on.commit(executionId, { state: patch("completed") })).toMatchObject({ outcome: "committed" });
    });

    it("O2: so is an acceptance, with its idempotency key", async () => {
      await using proxy = await startTcpProxy(await sharedAddress());
      await using on = await openOn(proxy);
      const executionId = testIds.execution();
      const acceptance = on.acceptance({
        executionId,
        idempotency: { key: "k", digest: "d", expiresMs: NOW + 1_000 },
        change: {
          records: [record("r")],
          log: [entry({ sessionId: on.sessionId, executionId }, 1)],
          outbox: [message(on.tenantId)],
          mail: [],
        },
      });
      expect(await losingTheAnswer(proxy, () => on.store.accept(acceptance))).toEqual({
        outcome: "accepted",
        epoch: 1,
      });
      await expectOnce(on);
    });

    it("O2: so is a write, also one that leaves nothing behind, and a letter that is read before it is repeated is not sent twice", async () => {
      await using proxy = await startTcpProxy(await sharedAddress());
      await using on = await openOn(proxy);
      const executionId = await on.admit();
      await on.write({ records: [record("gone")] });
      const removal = record("gone", { expectedVersion: 1, body: undefined });
      const mail = [{ mailId: "m", executionId, body: {} }];
      expect(await losingTheAnswer(proxy, () => on.write({ records: [removal], mail }))).toEqual({
        outcome: "written",
      });
      expect(await on.store.readMail(on.tenantId, executionId)).toHaveLength(1);
    });

    it("O2: so is a claim", async () => {
      await using proxy = await startTcpProxy(await sharedAddress());
      await using on = await openOn(proxy);
      const executionId = await on.admit();
      await on.store.retire(on.workerId);
      const claim = await losingTheAnswer(proxy, () => on.claim(executionId));
      expect(claim).toMatchObject({
        epoch: 2,
        outcome: "claimed",
        execution: { epoch: claim.outcome === "claimed" ? claim.epoch : 0 },
      });
    });
  });

  describe("firestore commits", () => {
    it("W2: the same commit or acceptance once more is answered as the first one was, and changes nothing", async () => {
      await using on = await openOn(await sharedAddress());
      const executionId = testIds.execution();
      const acceptance = on.acceptance({
        executionId,
        change: { ...NOTHING, log: [entry({ sessionId: on.sessionId, executionId }, 1)] },
      });
      expect(await on.store.accept(acceptance)).toEqual({ outcome: "accepted", epoch: 1 });
      expect(await on.store.accept(acceptance)).toEqual({ outcome: "accepted", epoch: 1 });
      const change = {
        records: [record("r")],
        log: [entry({ sessionId: on.sessionId, executionId }, 2)],
        outbox: [message(on.tenantId)],
        mail: [],
      };
      const state = patch("completed");
      const release = { wakeAtMs: undefined };
      const first = await on.commit(executionId, { state, change, release });
      const before = await everything(on.store, on.tenantId, [executionId]);
      expect(await on.commit(executionId, { state, change, release })).toEqual(first);
      expect(await everything(on.store, on.tenantId, [executionId])).toEqual(before);
      // The same id for something else is refused.
      const other = on.acceptance({ executionId, intent: { asked: "for something else" } });
      await expect(on.store.accept(other)).rejects.toMatchObject({ code: "execution.exists", status: 409 });
    });

    it("S3: of 32 claimers in 4 processes one wins", async () => {
      const projectId = `test-${randomUUID()}`;
      const address = await sharedAddress();
      await using on = await openOn(address, projectId);
      const others = Array.from({ length: 3 }, () => openStore(address, projectId));
      const executionId = await on.admit();
      await on.store.retire(on.workerId);
      const stores = [on.store, ...others];
      const outcomes = await Promise.all(
        Array.from({ length: 32 }, (_, n) =>
          (stores[n % 4] ?? on.store).claim({
            tenantId: on.tenantId,
            executionId,
            workerId: testIds.worker(),
            nowMs: NOW,
            deadAfterMs: DEAD_AFTER,
          }),
        ),
      );
      expect(outcomes.filter(({ outcome }) => outcome === "claimed")).toHaveLength(1);
      expect(outcomes.filter(({ outcome }) => outcome === "held")).toHaveLength(31);
      expect((await on.store.readExecution(on.tenantId, executionId))?.epoch).toBe(2);
      await Promise.all(others.map((store) => store.close()));
    });

    it("S2: what a process remembers of an execution that another has taken does not let it commit", async () => {
      const projectId = `test-${randomUUID()}`;
      const address = await sharedAddress();
      await using on = await openOn(address, projectId);
      const other = openStore(address, projectId);
      const executionId = await on.admit();
      const second = await on.admit();
      for (const id of [executionId, second]) await on.commit(id);
      await on.store.retire(on.workerId);
      const claim = {
        tenantId: on.tenantId,
        executionId,
        workerId: testIds.worker(),
        nowMs: NOW,
        deadAfterMs: DEAD_AFTER,
      };
      expect(await other.claim(claim)).toMatchObject({ outcome: "claimed", epoch: 2 });
      expect(await other.claim({ ...claim, executionId: second })).toMatchObject({ outcome: "claimed", epoch: 2 });
      // Also when what it would change has changed as well: fenced goes before conflict.
      await other.write(on.tenantId, { ...NOTHING, records: [record("taken")] });
      const conflicting = { ...NOTHING, records: [record("taken", { expectedVersion: 7 })] };
      expect(await on.commit(executionId, { change: conflicting })).toEqual({ outcome: "fenced" });
      const change = { ...NOTHING, records: [record("zombie")], outbox: [message(on.tenantId)] };
      expect(await on.commit(second, { change })).toEqual({ outcome: "fenced" });
      expect(await on.store.readRecord(on.tenantId, "thing", "zombie")).toBeUndefined();
      await other.close();
    });

    it("a step of the holder is one call to Firestore, without a read", async () => {
      await using on = await openOn(await sharedAddress());
      const executionId = testIds.execution();
      await on.admit({ executionId });
      const calls = await callsOf(async () => {
        for (let n = 1; n <= 3; n += 1) {
          const log = [entry({ sessionId: on.sessionId, executionId }, n)];
          const steps = [{ position: n, body: { n } }];
          await on.commit(executionId, { state: patch("running", { steps }), change: { ...NOTHING, log } });
        }
      });
      expect(calls).toEqual(["Firestore.request", "Firestore.request", "Firestore.request"]);
    });
  });
});

/** Hears of each request that goes to Firestore: `Firestore.request` for a commit, `Firestore.requestStream` for a read. */
function watchCalls(heard: (call: string) => void): () => void {
  setLogFunction((line) => {
    const call = /\[(Firestore\.\w+)\]: Sending request: /.exec(line)?.[1];
    if (call !== undefined) heard(call);
  });
  return () => setLogFunction(null);
}

async function callsOf(act: () => Promise<void>): Promise<readonly string[]> {
  const calls: string[] = [];
  const unwatch = watchCalls((call) => calls.push(call));
  await act().finally(unwatch);
  return calls;
}

/** The record "r", one log entry and one message are there once. */
async function expectOnce(on: Scenario): Promise<void> {
  expect(await on.store.readRecord(on.tenantId, "thing", "r")).toMatchObject({ version: 1 });
  expect((await on.store.readLog(on.tenantId, { order: "newest" }, { limit: 9 })).items).toHaveLength(1);
  expect(await on.store.unpublished(9)).toHaveLength(1);
}
