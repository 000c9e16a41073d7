import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { firstVersionAt } from "../../../shared/ports/record-version.ts";
import type { StoredRecord } from "../../../shared/ports/execution-store.ts";
import { allPages, begin, NOW, type OpenStore, record, type Scenario } from "./scenario.ts";

/** What reading, listing and changing records promises. */
export function describeRecords(open: OpenStore): void {
  const put = async (on: Scenario, ...records: Parameters<typeof record>[]) =>
    expect(await on.write({ records: records.map((given) => record(...given)) })).toEqual({ outcome: "written" });
  const listing = async (on: Scenario, facet: string) =>
    await on.store.listRecords(on.tenantId, "thing", facet, { limit: 100 });
  const idsIn = async (on: Scenario, facet: string) => (await listing(on, facet)).items.map(({ id }) => id);

  describe("records", () => {
    it("S6: versions are 1, 2, 3 …, and what was written reads back", async () => {
      await using on = await begin(open);
      const body = { text: "ünïcödé", number: 1.5, list: [null, true, { deep: [] }] };
      await put(on, ["r", { body, usableUntilMs: NOW + 1 }]);
      expect(await on.store.readRecord(on.tenantId, "thing", "r")).toEqual({
        id: "r",
        version: 1,
        body,
        usableUntilMs: NOW + 1,
      } satisfies StoredRecord);
      await put(on, ["r", { expectedVersion: 1, body: { n: 2 } }]);
      expect(await on.store.readRecord(on.tenantId, "thing", "r")).toEqual({ id: "r", version: 2, body: { n: 2 } });
    });

    it("S6: what was created again is not taken for what was deleted: its version is the one that its writer gives", async () => {
      await using on = await begin(open);
      const [first, second] = [firstVersionAt(NOW), firstVersionAt(NOW + 1)];
      await put(on, ["r", { firstVersion: first }]);
      await put(on, ["r", { firstVersion: second, expectedVersion: first, body: { n: 2 } }]);
      expect(await on.store.readRecord(on.tenantId, "thing", "r")).toMatchObject({
        version: first + 1,
        body: { n: 2 },
      });
      await put(on, ["r", { expectedVersion: first + 1, body: undefined }]);
      await put(on, ["r", { firstVersion: second, body: { n: 3 } }]);
      const again = { id: "r", version: second, body: { n: 3 } };
      expect(await on.store.readRecord(on.tenantId, "thing", "r")).toMatchObject(again);
      expect((await listing(on, "all")).items).toMatchObject([again]);
      for (const expectedVersion of [first, first + 1, 1]) {
        const late = [record("r", { expectedVersion, body: { late: true } })];
        expect(await on.write({ records: late })).toEqual({ outcome: "conflict", kind: "thing", id: "r" });
        const gone = [record("r", { expectedVersion, body: undefined })];
        expect(await on.write({ records: gone })).toEqual({ outcome: "conflict", kind: "thing", id: "r" });
      }
      await put(on, ["r", { expectedVersion: second, body: { n: 4 } }]);
      expect(await on.store.readRecord(on.tenantId, "thing", "r")).toMatchObject({
        version: second + 1,
        body: { n: 4 },
      });
    });

    it.each([
      ["creating one that exists", 0],
      ["a version from before", 1],
      ["a version to come", 3],
    ])("S6: %s is a conflict", async (_, expectedVersion) => {
      await using on = await begin(open);
      await put(on, ["r"]);
      await put(on, ["r", { expectedVersion: 1 }]);
      const late = record("r", { expectedVersion, body: { late: true } });
      expect(await on.write({ records: [late] })).toEqual({ outcome: "conflict", kind: "thing", id: "r" });
      expect((await on.store.readRecord(on.tenantId, "thing", "r"))?.body).toEqual({ id: "r" });
    });

    it("S6: changing or deleting one that does not exist is a conflict", async () => {
      await using on = await begin(open);
      const conflict = { outcome: "conflict", kind: "thing", id: "r" };
      expect(await on.write({ records: [record("r", { expectedVersion: 1 })] })).toEqual(conflict);
      expect(await on.write({ records: [record("r", { expectedVersion: 1, body: undefined })] })).toEqual(conflict);
    });

    it("S8: a listing that a record names twice has it once, and counts it once, until it leaves", async () => {
      await using on = await begin(open);
      await put(on, ["r", { facets: ["all", "parent=a", "parent=a"] }]);
      expect(await listing(on, "parent=a")).toMatchObject({ items: [{ id: "r" }], total: 1 });
      await put(on, ["r", { expectedVersion: 1, facets: ["all", "parent=b", "parent=b"] }]);
      expect(await listing(on, "parent=a")).toMatchObject({ items: [], total: 0 });
      expect(await listing(on, "parent=b")).toMatchObject({ items: [{ id: "r" }], total: 1 });
    });

    it("S6: of 16 concurrent writers that saw one version, one wins", async () => {
      await using on = await begin(open);
      await put(on, ["r"]);
      const outcomes = await Promise.all(
        Array.from({ length: 16 }, (_, n) => on.write({ records: [record("r", { expectedVersion: 1, body: { n } })] })),
      );
      const winners = outcomes.flatMap(({ outcome }, n) => (outcome === "written" ? [n] : []));
      expect(winners).toHaveLength(1);
      const stored = await on.store.readRecord(on.tenantId, "thing", "r");
      expect(stored).toMatchObject({ version: 2, body: { n: winners[0] } });
    });

    it("a record of one kind is none of another", async () => {
      await using on = await begin(open);
      await put(on, ["r"]);
      expect(await on.store.readRecord(on.tenantId, "other", "r")).toBeUndefined();
      await put(on, ["r", { kind: "other" }]);
      expect(await listing(on, "all")).toMatchObject({ total: 1 });
    });

    it("an update moves it between listings, with exact totals", async () => {
      await using on = await begin(open);
      await put(on, ["a", { facets: ["all", "new"] }], ["b", { facets: ["all", "new"] }]);
      await put(on, ["a", { expectedVersion: 1, facets: ["all", "old"] }]);
      expect(await idsIn(on, "all")).toHaveLength(2);
      expect(await listing(on, "new")).toMatchObject({ items: [{ id: "b" }], total: 1 });
      expect(await listing(on, "old")).toMatchObject({ items: [{ id: "a", version: 2 }], total: 1 });
    });

    it("a deleted one is gone from reads and from every listing, and may be created anew", async () => {
      await using on = await begin(open);
      await put(on, ["a", { facets: ["all", "x"] }], ["b", { facets: ["all"] }]);
      await put(on, ["a", { expectedVersion: 1, body: undefined, facets: [] }]);
      expect(await on.store.readRecord(on.tenantId, "thing", "a")).toBeUndefined();
      expect(await listing(on, "x")).toEqual({ items: [], total: 0 });
      expect(await listing(on, "all")).toMatchObject({ items: [{ id: "b" }], total: 1 });
      await put(on, ["a", { facets: ["all"] }]);
      expect(await listing(on, "all")).toMatchObject({ total: 2 });
      expect(await listing(on, "x")).toMatchObject({ total: 0 });
    });

    it("a deletion takes no listing's word: facets that come with it are ignored", async () => {
      await using on = await begin(open);
      await put(on, ["a", { facets: ["all"] }]);
      await put(on, ["a", { expectedVersion: 1, body: undefined, facets: ["all", "ghost"] }]);
      expect(await listing(on, "all")).toEqual({ items: [], total: 0 });
      expect(await listing(on, "ghost")).toEqual({ items: [], total: 0 });
    });

    it("lists newest first, and the total is of all pages", async () => {
      await using on = await begin(open);
      for (const [id, age] of [["c", 30] as const, ["a", 10] as const, ["b", 20] as const]) {
        await put(on, [id, { sortMs: NOW - age }]);
      }
      expect(await idsIn(on, "all")).toEqual(["a", "b", "c"]);
      const page = await on.store.listRecords(on.tenantId, "thing", "all", { limit: 2 });
      expect(page).toMatchObject({ items: [{ id: "a" }, { id: "b" }], total: 3 });
    });

    it("S8: an update keeps a record's place, so that a page to come does not miss it", async () => {
      await using on = await begin(open);
      for (const n of [0, 1, 2, 3, 4, 5]) await put(on, [`r${n}`, { sortMs: NOW + n }]);
      let round = 0;
      const seen = await allPages(
        (page) => on.store.listRecords(on.tenantId, "thing", "all", page),
        2,
        async () => {
          round += 1;
          if (round > 1) return;
          await put(on, ["r0", { expectedVersion: 1, sortMs: NOW + 1_000 }]);
          await put(on, ["r5", { expectedVersion: 1, sortMs: NOW - 1_000 }]);
        },
      );
      expect(seen.map(({ id }) => id)).toEqual(["r5", "r4", "r3", "r2", "r1", "r0"]);
    });

    it("S8: paging neither repeats nor misses one while others come and go, also among equal times", async () => {
      await using on = await begin(open);
      const old = Array.from({ length: 12 }, (_, n) => `old${String(n).padStart(2, "0")}`);
      await put(on, ...old.map((id, n): Parameters<typeof record> => [id, { sortMs: NOW + Math.floor(n / 4) }]));
      let round = 0;
      const seen = await allPages(
        (page) => on.store.listRecords(on.tenantId, "thing", "all", page),
        5,
        async () => {
          round += 1;
          await put(on, [`new${round}`, { sortMs: NOW + 100 + round }]);
        },
      );
      const ids = seen.map(({ id }) => id);
      expect(new Set(ids).size).toBe(ids.length);
      expect(ids.filter((id) => id.startsWith("old")).toSorted()).toEqual(old);
    });

    it("S8: a last page that is exactly full leads to no page, or to an empty one", async () => {
      await using on = await begin(open);
      for (const n of [1, 2, 3, 4]) await put(on, [`r${n}`, { sortMs: NOW + n }]);
      const seen = await allPages((page) => on.store.listRecords(on.tenantId, "thing", "all", page), 2);
      expect(seen.map(({ id }) => id)).toEqual(["r4", "r3", "r2", "r1"]);
    });

    it("S8: any history of puts and deletions leaves the listings and totals of a plain map", async () => {
      const step = fc.record({
        id: fc.constantFrom("a", "b", "c"),
        facets: fc.uniqueArray(fc.constantFrom("all", "x", "y")),
        remove: fc.boolean(),
      });
      await fc.assert(
        fc.asyncProperty(fc.array(step, { maxLength: 15 }), async (steps) => {
          await using on = await begin(open);
          const model = new Map<string, { version: number; facets: string[]; createdMs: number }>();
          for (const [n, { id, facets, remove }] of steps.entries()) {
            const before = model.get(id);
            if (remove && before === undefined) continue;
            const expectedVersion = before?.version ?? 0;
            await put(on, [id, { expectedVersion, facets, sortMs: NOW + n, body: remove ? undefined : { n } }]);
            if (remove) model.delete(id);
            else model.set(id, { version: expectedVersion + 1, facets, createdMs: before?.createdMs ?? NOW + n });
          }
          for (const facet of ["all", "x", "y"]) {
            const expected = [...model].filter(([, { facets }]) => facets.includes(facet));
            const newest = expected.toSorted(([, a], [, b]) => b.createdMs - a.createdMs).map(([id]) => id);
            expect(await idsIn(on, facet)).toEqual(newest);
            expect((await listing(on, facet)).total).toBe(newest.length);
          }
        }),
        { numRuns: 25 },
      );
    });
  });
}
