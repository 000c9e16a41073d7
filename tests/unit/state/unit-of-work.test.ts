import { describe, expect, it } from "vitest";
import * as z from "zod";

import { createSqliteStore } from "../../../infra/adapters/sqlite/execution-store.ts";
import { trustedTenantId } from "../../../shared/ids.ts";
import type { RecordKind } from "../../../shared/state/record-kind.ts";
import { firstVersionAt } from "../../../shared/ports/record-version.ts";
import { createStateSurface } from "../../../shared/state/state-surface.ts";
import { UnitOfWork } from "../../../shared/state/unit-of-work.ts";
import { START_MS } from "../manual-clock.ts";

const ACME = trustedTenantId("acme");
const schema = z.object({ colour: z.string(), until: z.number().optional() });
type Thing = z.infer<typeof schema>;

const thingKind: RecordKind<Thing> = {
  name: "thing",
  schema,
  facets: ({ colour }) => [`colour=${colour}`],
  usableUntilMs: ({ until }) => until ?? START_MS,
};

function open() {
  const store = createSqliteStore(":memory:");
  const surface = createStateSurface(store);
  const begin = () => new UnitOfWork(surface, ACME, START_MS);
  const commit = async (unit: UnitOfWork) =>
    (await store.write(ACME, { records: unit.records, log: [], outbox: [], mail: [] })).outcome;
  const listed = async (facet: string) => (await surface.list(ACME, thingKind, facet, { limit: 9 })).total;
  return { store, surface, begin, commit, listed, [Symbol.asyncDispose]: () => store.close() };
}

describe("a unit of work", () => {
  it("writes nothing until it is committed, but reads its own changes", async () => {
    await using on = open();
    const unit = on.begin();
    unit.put(thingKind, "a", { colour: "red" });
    expect(await unit.get(thingKind, "a")).toEqual({ colour: "red" });
    expect(await on.surface.get(ACME, thingKind, "a")).toBeUndefined();
    expect(await on.commit(unit)).toBe("written");
    expect(await on.surface.get(ACME, thingKind, "a")).toEqual({
      value: { colour: "red" },
      version: firstVersionAt(START_MS),
      usableUntilMs: START_MS,
    });
  });

  it("puts a record in its facets and in the listing of all", async () => {
    await using on = open();
    const unit = on.begin();
    unit.put(thingKind, "a", { colour: "red" });
    await on.commit(unit);
    expect([await on.listed("all"), await on.listed("colour=red"), await on.listed("colour=blue")]).toEqual([1, 1, 0]);
  });

  it("many changes of one record are one write, from the version that was read first", async () => {
    await using on = open();
    const first = on.begin();
    first.put(thingKind, "a", { colour: "red" });
    first.put(thingKind, "a", { colour: "green" });
    expect(first.records).toHaveLength(1);
    await on.commit(first);
    const second = on.begin();
    await second.get(thingKind, "a");
    second.put(thingKind, "a", { colour: "blue" });
    await second.get(thingKind, "a");
    second.put(thingKind, "a", { colour: "black" });
    expect(await on.commit(second)).toBe("written");
    expect(await on.surface.get(ACME, thingKind, "a")).toMatchObject({
      value: { colour: "black" },
      version: firstVersionAt(START_MS) + 1,
    });
    expect(await on.listed("colour=green")).toBe(0);
  });

  it("S6: conflicts when the record that it read was changed since", async () => {
    await using on = open();
    const made = on.begin();
    made.put(thingKind, "a", { colour: "red" });
    await on.commit(made);
    const [one, two] = [on.begin(), on.begin()];
    for (const unit of [one, two]) {
      const found = await unit.get(thingKind, "a");
      unit.put(thingKind, "a", { colour: `${found?.colour} and more` });
    }
    expect(await on.commit(one)).toBe("written");
    expect(await on.commit(two)).toBe("conflict");
  });

  it("S6: a put without a read creates, and conflicts when the record is there", async () => {
    await using on = open();
    for (const outcome of ["written", "conflict"]) {
      const unit = on.begin();
      unit.put(thingKind, "a", { colour: "red" });
      expect(await on.commit(unit)).toBe(outcome);
    }
  });

  it("S6: a read that found nothing conflicts when the record has come since", async () => {
    await using on = open();
    const late = on.begin();
    expect(await late.get(thingKind, "a")).toBeUndefined();
    late.put(thingKind, "a", { colour: "late" });
    const early = on.begin();
    early.put(thingKind, "a", { colour: "early" });
    expect(await on.commit(early)).toBe("written");
    expect(await on.commit(late)).toBe("conflict");
  });

  it("deletes what it read, reads it back as gone, and may put it again", async () => {
    await using on = open();
    const made = on.begin();
    made.put(thingKind, "a", { colour: "red" });
    await on.commit(made);
    const unit = on.begin();
    await unit.get(thingKind, "a");
    unit.delete(thingKind, "a");
    expect(await unit.get(thingKind, "a")).toBeUndefined();
    expect(await on.commit(unit)).toBe("written");
    expect(await on.surface.get(ACME, thingKind, "a")).toBeUndefined();
    expect(await on.listed("all")).toBe(0);
  });

  it("keeps log drafts in the order in which they came", async () => {
    await using on = open();
    const unit = on.begin();
    unit.log({ event_type: "step_started", payload: { n: 1 } });
    unit.log({ event_type: "step_completed", payload: { n: 2 } });
    expect(unit.drafts.map(({ payload }) => payload["n"])).toEqual([1, 2]);
  });
});

describe("the state surface", () => {
  it("throws for a record that does not have the shape of its kind, instead of handing it out", async () => {
    await using on = open();
    const raw = { kind: "thing", id: "a", expectedVersion: 0, body: { colour: 5 }, facets: ["all"], sortMs: START_MS };
    await on.store.write(ACME, { records: [raw], log: [], outbox: [], mail: [] });
    await expect(on.surface.get(ACME, thingKind, "a")).rejects.toMatchObject({ code: "state.record_unreadable" });
    await expect(on.surface.list(ACME, thingKind, "all", { limit: 9 })).rejects.toMatchObject({
      code: "state.record_unreadable",
    });
  });

  it("S7: another tenant's record is undefined", async () => {
    await using on = open();
    const unit = on.begin();
    unit.put(thingKind, "a", { colour: "red" });
    await on.commit(unit);
    expect(await on.surface.get(trustedTenantId("rival"), thingKind, "a")).toBeUndefined();
  });

  it("of a record that was deleted and created again, a writer that saw the old one changes nothing", async () => {
    await using on = open();
    const first = on.begin();
    first.put(thingKind, "a", { colour: "red" });
    await on.commit(first);
    const late = on.begin();
    expect(await late.get(thingKind, "a")).toEqual({ colour: "red" });
    late.put(thingKind, "a", { colour: "late" });
    const gone = on.begin();
    await gone.get(thingKind, "a");
    gone.delete(thingKind, "a");
    await on.commit(gone);
    const again = new UnitOfWork(on.surface, ACME, START_MS + 1);
    again.put(thingKind, "a", { colour: "new" });
    expect(await on.commit(again)).toBe("written");
    expect(await on.commit(late)).toBe("conflict");
    expect((await on.surface.get(ACME, thingKind, "a"))?.value).toEqual({ colour: "new" });
  });
});
