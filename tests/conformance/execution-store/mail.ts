import { describe, expect, it } from "vitest";

import { type ExecutionId, trustedTenantId } from "../../../shared/ids.ts";
import type { JsonObject } from "../../../shared/json.ts";
import type { Mail } from "../../../shared/ports/execution-store.ts";
import { testIds } from "../../kit/runtime.ts";
import {
  begin,
  DEAD_AFTER,
  HOUR,
  message,
  NOTHING,
  NOW,
  type OpenStore,
  openSession,
  patch,
  record,
} from "./scenario.ts";

type Scene = Awaited<ReturnType<typeof begin>>;

const letter = (executionId: ExecutionId, mailId: string, body: JsonObject = { kind: "test" }): Mail => ({
  mailId,
  executionId,
  body,
});
const send = (on: Scene, ...mail: Mail[]) => on.write({ mail });
const waiting = async (on: Scene, executionId: ExecutionId) =>
  (await on.store.readMail(on.tenantId, executionId)).map(({ mailId }) => mailId);
const due = async (on: Scene, nowMs = NOW, limit = 100) =>
  (await on.store.due({ nowMs, limit })).map(({ executionId }) => executionId);
const letGo = (on: Scene, executionId: ExecutionId, wakeAtMs?: number) =>
  on.commit(executionId, { state: patch("suspended"), release: { wakeAtMs } });

/** What mail, release and `due` promise. */
export function describeMail(open: OpenStore): void {
  describe("mail", () => {
    it("waits in the order in which it was sent, as it was written, until a commit has read it", async () => {
      await using on = await begin(open);
      const executionId = await on.admit();
      const letters = ["c", "a", "b"].map((id) =>
        letter(executionId, id, { text: `${id} – ünïcödé`, deep: [{ n: 1 }] }),
      );
      for (const each of letters) await send(on, each);
      expect(await on.store.readMail(on.tenantId, executionId)).toEqual(letters);
      await on.commit(executionId, { readMail: ["a", "unknown"] });
      expect(await waiting(on, executionId)).toEqual(["c", "b"]);
    });

    it("a commit tells its holder whether unread mail waits", async () => {
      await using on = await begin(open);
      const executionId = await on.admit();
      expect(await on.commit(executionId)).toEqual({ outcome: "committed", held: true, mail: false });
      await send(on, letter(executionId, "one"));
      expect(await on.commit(executionId)).toEqual({ outcome: "committed", held: true, mail: true });
      expect(await on.commit(executionId, { readMail: ["one"] })).toEqual({
        outcome: "committed",
        held: true,
        mail: false,
      });
    });

    it("repeats by id while it is unread: one letter, as it was sent first", async () => {
      await using on = await begin(open);
      const executionId = await on.admit();
      await send(on, letter(executionId, "same", { n: 1 }), letter(executionId, "same", { n: 2 }));
      await send(on, letter(executionId, "same", { n: 3 }));
      expect(await on.store.readMail(on.tenantId, executionId)).toEqual([letter(executionId, "same", { n: 1 })]);
    });

    it("the same id to two executions is two letters", async () => {
      await using on = await begin(open);
      const [one, two] = [await on.admit(), await on.admit()];
      await send(on, letter(one, "same"), letter(two, "same"));
      expect([await waiting(on, one), await waiting(on, two)]).toEqual([["same"], ["same"]]);
    });

    it("to one that ended, or never was, is dropped; the rest of the change is applied", async () => {
      await using on = await begin(open);
      const ended = await on.admit();
      await on.commit(ended, { state: patch("completed"), release: { wakeAtMs: undefined } });
      const records = [record("kept")];
      const mail = [letter(ended, "late"), letter(testIds.execution(), "lost")];
      expect(await on.write({ records, mail })).toEqual({ outcome: "written" });
      expect(await on.store.readRecord(on.tenantId, "thing", "kept")).toBeDefined();
      expect(await waiting(on, ended)).toEqual([]);
      expect(await due(on, NOW + HOUR)).toEqual([]);
    });

    it("an execution that ends drops what it did not read", async () => {
      await using on = await begin(open);
      const executionId = await on.admit();
      await send(on, letter(executionId, "unread"));
      const end = await on.commit(executionId, { state: patch("completed"), release: { wakeAtMs: undefined } });
      expect(end).toEqual({ outcome: "committed", held: false, mail: false });
      expect(await waiting(on, executionId)).toEqual([]);
    });

    it("S1: of a commit goes with it, and is not sent by one that is fenced or conflicts", async () => {
      await using on = await begin(open);
      const [from, to] = [await on.admit(), await on.admit()];
      const change = (id: string) => ({ ...NOTHING, mail: [letter(to, id)] });
      await on.commit(from, { change: change("sent") });
      expect(await on.commit(from, { epoch: 9, change: change("fenced") })).toEqual({ outcome: "fenced" });
      const lost = { ...change("conflict"), records: [record("x", { expectedVersion: 7 })] };
      expect(await on.commit(from, { change: lost })).toMatchObject({ outcome: "conflict" });
      expect(await waiting(on, to)).toEqual(["sent"]);
    });

    it("S2: a fenced commit reads nothing", async () => {
      await using on = await begin(open);
      const executionId = await on.admit();
      await send(on, letter(executionId, "one"));
      await on.claim(executionId, { workerId: on.workerId });
      expect(await on.commit(executionId, { epoch: 1, readMail: ["one"] })).toEqual({ outcome: "fenced" });
      expect(await waiting(on, executionId)).toEqual(["one"]);
    });

    it("to itself, by the commit that lets go, keeps the execution", async () => {
      await using on = await begin(open);
      const executionId = await on.admit();
      const change = { ...NOTHING, mail: [letter(executionId, "self")] };
      expect(await on.commit(executionId, { change, release: { wakeAtMs: undefined } })).toEqual({
        outcome: "committed",
        held: true,
        mail: true,
      });
    });

    it("S7: no tenant sends to, reads from, or wakes an execution of another", async () => {
      await using on = await begin(open);
      const executionId = await on.admit();
      await letGo(on, executionId);
      const other = trustedTenantId("other");
      await openSession(on.store, other, testIds.session());
      await on.store.write(other, { ...NOTHING, mail: [letter(executionId, "foreign")] });
      expect(await waiting(on, executionId)).toEqual([]);
      expect(await due(on, NOW + HOUR)).toEqual([]);
      await send(on, letter(executionId, "own"));
      expect(await on.store.readMail(other, executionId)).toEqual([]);
    });

    it("S11: more letters than a writer allows are refused with their whole change, whoever sends at the same time", async () => {
      await using on = await begin(open);
      const [executionId, other] = [await on.admit(), await on.admit()];
      const mailboxLimit = { letters: 3, bytes: 1_000 };
      const race = ["a", "b", "c", "d", "e", "f"].map((id) =>
        on.write({ mail: [letter(executionId, id)], mailboxLimit }),
      );
      const outcomes = (await Promise.all(race)).map(({ outcome }) => outcome);
      expect(outcomes.toSorted()).toEqual([...Array(3).fill("mailbox_full"), ...Array(3).fill("written")]);
      const unread = await waiting(on, executionId);
      expect(unread).toHaveLength(3);
      const mail = [letter(other, "with it"), letter(executionId, "new")];
      expect(await on.write({ records: [record("r")], mail, mailboxLimit })).toEqual({ outcome: "mailbox_full" });
      expect(await on.store.readRecord(on.tenantId, "thing", "r")).toBeUndefined();
      expect(await waiting(on, other)).toEqual([]);
      // One that waits already takes no more room; what names no limit arrives.
      const repeat = [letter(executionId, unread[0] ?? "")];
      expect(await on.write({ mail: repeat, mailboxLimit })).toEqual({ outcome: "written" });
      expect(await send(on, letter(executionId, "cancel"))).toEqual({ outcome: "written" });
      await on.commit(executionId, { readMail: [...unread, "cancel"] });
      expect(await on.write({ mail: [letter(executionId, "new")], mailboxLimit })).toEqual({ outcome: "written" });
    });

    it("S11: counts the bytes of what waits; what is sent to nobody takes no room", async () => {
      await using on = await begin(open);
      const [executionId, ended] = [await on.admit(), await on.admit()];
      await on.commit(ended, { state: patch("completed"), release: { wakeAtMs: undefined } });
      // {"t":"ü..."}: 8 bytes and 2 for each.
      const body = { t: "ü".repeat(46) };
      const write = (to: ExecutionId, id: string, bytes: number) =>
        on.write({ mail: [letter(to, id, body)], mailboxLimit: { letters: 9, bytes } });
      expect(await write(executionId, "a", 99)).toEqual({ outcome: "mailbox_full" });
      expect(await write(executionId, "a", 100)).toEqual({ outcome: "written" });
      expect(await write(executionId, "b", 199)).toEqual({ outcome: "mailbox_full" });
      expect(await write(executionId, "b", 200)).toEqual({ outcome: "written" });
      expect(await write(ended, "c", 1)).toEqual({ outcome: "written" });
      expect(await waiting(on, executionId)).toEqual(["a", "b"]);
      await on.commit(executionId, { readMail: ["a", "b"] });
      expect(await write(executionId, "c", 100)).toEqual({ outcome: "written" });
    });

    it("survives a restart", async () => {
      await using on = await begin(open);
      if (on.reopen === undefined) return;
      const executionId = await on.admit();
      await letGo(on, executionId);
      await send(on, letter(executionId, "kept"));
      const store = await on.reopen();
      expect(await store.readMail(on.tenantId, executionId)).toEqual([letter(executionId, "kept")]);
      expect(await store.due({ nowMs: NOW, limit: 9 })).toEqual([{ tenantId: on.tenantId, executionId }]);
    });
  });

  describe("release", () => {
    it("S10: with unread mail it keeps the execution, which is then neither due nor claimable", async () => {
      await using on = await begin(open);
      const executionId = await on.admit();
      await send(on, letter(executionId, "unread"));
      expect(await letGo(on, executionId, NOW)).toEqual({ outcome: "committed", held: true, mail: true });
      expect(await due(on, NOW + HOUR)).toEqual([]);
      expect(await on.claim(executionId)).toEqual({ outcome: "held" });
      const read = { readMail: ["unread"], release: { wakeAtMs: NOW } };
      expect(await on.commit(executionId, read)).toEqual({ outcome: "committed", held: false, mail: false });
      expect(await due(on)).toEqual([executionId]);
    });

    it("S10: mail to one that was let go makes it due at once, whenever it was to wake", async () => {
      await using on = await begin(open);
      const [sleeping, endless] = [await on.admit(), await on.admit()];
      await letGo(on, sleeping, NOW + HOUR);
      await letGo(on, endless);
      expect(await due(on)).toEqual([]);
      await send(on, letter(sleeping, "m"), letter(endless, "m"));
      expect(new Set(await due(on))).toEqual(new Set([sleeping, endless]));
    });

    it("S10: of a letter and a release at once, either the holder hears of it or the execution is due", async () => {
      await using on = await begin(open);
      for (let round = 0; round < 20; round += 1) {
        const executionId = await on.admit();
        const both = [() => send(on, letter(executionId, "m")), () => letGo(on, executionId)];
        if (round % 2 === 1) both.reverse();
        await Promise.all(both.map((act) => act()));
        const held = (await on.claim(executionId, { nowMs: NOW })).outcome === "held";
        expect(held || (await waiting(on, executionId)).length === 1).toBe(true);
        if (held) expect(await on.commit(executionId)).toMatchObject({ held: true, mail: true });
      }
    });

    it("what was let go is nobody's: not abandoned when its last holder dies, claimable by anybody, under a new epoch", async () => {
      await using on = await begin(open);
      const executionId = await on.admit();
      await letGo(on, executionId, NOW + HOUR);
      const nowMs = NOW + DEAD_AFTER + 1;
      expect(await on.store.abandoned({ nowMs, deadAfterMs: DEAD_AFTER, limit: 9 })).toEqual([]);
      expect(await on.claim(executionId)).toMatchObject({ outcome: "claimed", epoch: 2 });
      expect(await on.commit(executionId, { epoch: 1 })).toEqual({ outcome: "fenced" });
    });

    it("S3: of 16 concurrent claimers of one that was let go one wins", async () => {
      await using on = await begin(open);
      const executionId = await on.admit();
      await letGo(on, executionId, NOW);
      const outcomes = await Promise.all(Array.from({ length: 16 }, () => on.claim(executionId)));
      expect(outcomes.filter(({ outcome }) => outcome === "claimed")).toHaveLength(1);
      expect(outcomes.filter(({ outcome }) => outcome === "held")).toHaveLength(15);
    });
  });

  describe("due", () => {
    it("lists what was let go once its time has come, the longest due first, up to the limit", async () => {
      await using on = await begin(open);
      const ids: ExecutionId[] = [];
      for (const wake of [30, 10, 20, 40]) {
        const executionId = await on.admit();
        await letGo(on, executionId, NOW + wake);
        ids.push(executionId);
      }
      expect(await due(on, NOW + 9)).toEqual([]);
      expect(await due(on, NOW + 10)).toEqual([ids[1]]);
      expect(await due(on, NOW + 35)).toEqual([ids[1], ids[2], ids[0]]);
      expect(await due(on, NOW + 40, 2)).toEqual([ids[1], ids[2]]);
    });

    it("no more once it is claimed, and never when it waits for mail alone or has ended", async () => {
      await using on = await begin(open);
      const [claimed, endless, ended] = [await on.admit(), await on.admit(), await on.admit()];
      await letGo(on, claimed, NOW);
      await letGo(on, endless);
      await on.commit(ended, { state: patch("failed"), release: { wakeAtMs: undefined } });
      expect(await due(on)).toEqual([claimed]);
      await on.claim(claimed);
      expect(await due(on, NOW + 999 * HOUR)).toEqual([]);
    });

    it("is of all tenants", async () => {
      await using on = await begin(open);
      const other = trustedTenantId("other");
      const sessionId = testIds.session();
      await openSession(on.store, other, sessionId);
      const requires = { kind: "session", id: sessionId, atMs: NOW, prolongToMs: NOW + HOUR };
      const theirs = await on.admit({ tenantId: other, sessionId, requires });
      await on.commit(theirs, { tenantId: other, release: { wakeAtMs: NOW } });
      expect(await on.store.due({ nowMs: NOW, limit: 9 })).toEqual([{ tenantId: other, executionId: theirs }]);
    });
  });

  describe("unpublished, except", () => {
    it("leaves out whole ordering keys, and fills its limit with others, in their order", async () => {
      await using on = await begin(open);
      const keys = ["a", "a", "b", "a", "c", "b"];
      const messages = keys.map((orderingKey) => message(on.tenantId, { orderingKey }));
      await on.write({ outbox: messages });
      const ids = async (limit: number, except: readonly string[]) =>
        (await on.store.unpublished(limit, except)).map(({ eventId }) =>
          messages.findIndex((m) => m.eventId === eventId),
        );
      expect(await ids(9, [])).toEqual([0, 1, 2, 3, 4, 5]);
      expect(await ids(9, ["a"])).toEqual([2, 4, 5]);
      expect(await ids(2, ["a"])).toEqual([2, 4]);
      expect(await ids(9, ["a", "b", "c"])).toEqual([]);
      expect(await ids(9, ["unknown", "it's", "%"])).toEqual([0, 1, 2, 3, 4, 5]);
    });
  });
}
