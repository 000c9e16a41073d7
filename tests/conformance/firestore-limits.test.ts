import { describe, expect, it, vi } from "vitest";

import { withParts } from "../kit/parts.ts";
import type { testIds } from "../kit/runtime.ts";
import { entry, everything, NOTHING, patch, record, type Scenario } from "./execution-store/scenario.ts";
import { openOn, sharedAddress, timed } from "./firestore-scene.ts";

vi.setConfig({ testTimeout: 60_000 });

withParts(["firestore"], () => {
  describe("firestore limits", () => {
    const many = (count: number) => Array.from({ length: count }, (_, n) => n);

    it.each<[string, (on: Scenario) => Parameters<Scenario["write"]>[0]]>([
      ["more than 500 writes", (on) => ({ log: many(500).map((n) => entry({ sessionId: on.sessionId }, n + 1)) })],
      [
        "a record of more than 1 MiB",
        () => ({ records: [record("small"), record("big", { body: { text: "x".repeat(1_048_576) } })] }),
      ],
      [
        "more than 10 MiB",
        () => ({ records: many(12).map((n) => record(`r${n}`, { body: { text: "x".repeat(900_000) } })) }),
      ],
      ["a facet too long for an index", () => ({ records: [record("r", { facets: ["all", "x".repeat(1_500)] })] })],
    ])("%s: refused whole, before anything is sent", async (_, change) => {
      await using on = await openOn(await sharedAddress());
      const executionId = await on.admit();
      const before = await everything(on.store, on.tenantId, [executionId]);
      const refusal = { code: "store.change_too_large", status: 413, retryable: false };
      await expect(on.write(change(on))).rejects.toMatchObject(refusal);
      const commit = { state: patch("completed"), change: { ...NOTHING, ...change(on) } };
      await expect(on.commit(executionId, commit)).rejects.toMatchObject(refusal);
      expect(await everything(on.store, on.tenantId, [executionId])).toEqual(before);
    });

    it("a change as large as it may be is written", async () => {
      await using on = await openOn(await sharedAddress());
      const log = many(499).map((n) => entry({ sessionId: on.sessionId }, n + 1));
      expect(await on.write({ log })).toEqual({ outcome: "written" });
      const records = many(3).map((n) => record(`r${n}`, { body: { text: "x".repeat(1_030_000) } }));
      expect(await on.write({ records })).toEqual({ outcome: "written" });
    });

    it("an intent, a head and a step that do not fit are refused", async () => {
      await using on = await openOn(await sharedAddress());
      const large = { text: "x".repeat(1_048_576) };
      const refusal = { code: "store.change_too_large" };
      await expect(on.store.accept(on.acceptance({ intent: large }))).rejects.toMatchObject(refusal);
      await expect(on.store.accept(on.acceptance({ state: patch("running", { head: large }) }))).rejects.toMatchObject(
        refusal,
      );
      const steps = [{ position: 0, body: large }];
      await expect(on.store.accept(on.acceptance({ state: patch("running", { steps }) }))).rejects.toMatchObject(
        refusal,
      );
      expect((await on.store.listExecutions(on.tenantId, {}, { limit: 9 })).items).toEqual([]);
    });

    it("a mailbox that nobody reads is full some day, and says so", async () => {
      await using on = await openOn(await sharedAddress());
      const executionId = await on.admit();
      const mail = many(251).map((n) => ({ mailId: `m${n}`, executionId, body: { n } }));
      await expect(on.write({ mail })).rejects.toMatchObject({ code: "mailbox.full", status: 503, retryable: true });
      expect(await on.write({ mail: mail.slice(0, 250) })).toEqual({ outcome: "written" });
      await expect(on.write({ mail: mail.slice(250) })).rejects.toMatchObject({ code: "mailbox.full" });
      const log = many(400).map((n) => entry({ sessionId: on.sessionId, executionId }, n + 1));
      // The end does not fail because there is more mail to sweep away than room.
      const end = await on.commit(executionId, { state: patch("completed"), change: { ...NOTHING, log } });
      expect(end).toMatchObject({ outcome: "committed", mail: false });
      expect(await on.store.readMail(on.tenantId, executionId)).toEqual([]);
    });

    it("a query that Firestore refuses is a fault of ours at once, not an outage after seconds", async () => {
      await using on = await openOn(await sharedAddress());
      const outcome = await timed("refused", () => on.store.listExecutions(on.tenantId, {}, { limit: -7 }));
      expect(outcome).toMatchObject({ error: { code: "store.refused", retryable: false } });
      expect(outcome.tookMs).toBeLessThan(3_000);
    });

    it("S7: ids of every kind are ids, whatever they hold", async () => {
      await using on = await openOn(await sharedAddress());
      const ids = ["", ".", "..", "__x__", "a/b", "a:b", "a%2Fb", "\u0000", "\ufffd", "ü", "x".repeat(1_400), "#", " "];
      for (const [n, id] of ids.entries())
        expect(await on.write({ records: [record(id, { body: { n } })] })).toEqual({ outcome: "written" });
      for (const [n, id] of ids.entries()) {
        expect((await on.store.readRecord(on.tenantId, "thing", id))?.body).toEqual({ n });
        expect(await on.store.readExecution(on.tenantId, id as ReturnType<typeof testIds.execution>)).toBeUndefined();
      }
      const malformed = "\ud800";
      await expect(on.write({ records: [record(malformed)] })).rejects.toMatchObject({ code: "store.text_malformed" });
      expect(await on.store.readRecord(on.tenantId, "thing", malformed)).toBeUndefined();
      expect((await on.store.listRecords(on.tenantId, "thing", malformed, { limit: 9 })).items).toEqual([]);
      expect((await on.store.listExecutions(on.tenantId, { status: malformed }, { limit: 9 })).items).toEqual([]);
      await on.write({ records: [record("c", { kind: "a:b" }), record("b:c", { kind: "a" })] });
      expect(await on.store.readRecord(on.tenantId, "a:b", "c")).toMatchObject({ id: "c" });
      expect(await on.store.readRecord(on.tenantId, "a", "b:c")).toMatchObject({ id: "b:c" });
    });
  });
});
