import { randomUUID } from "node:crypto";

import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { RECORD_TABLES, type RecordTable } from "../../shared/ports/record-tables.ts";
import {
  activate,
  contract,
  effect,
  insertContract,
  insertFile,
  newTenant,
  NOW,
  type OpenRecords,
  parsedFile,
  type RecordsUnderTest,
} from "./record-store/scenario.ts";

/** The tests that every RecordStore passes, named after the invariants of `shared/ports/record-store.ts`. */
export function describeRecordStore(name: string, open: OpenRecords): void {
  describe(name, () => {
    let under: RecordsUnderTest;
    beforeAll(async () => {
      under = await open();
    });
    afterAll(() => under.close());

    describe("rows", () => {
      it("come back as they were written, whatever is in them", async () => {
        const view = newTenant();
        const row = parsedFile();
        await under.records.apply(view, effect(), [insertFile(row)]);
        const stored = { tenant_id: view.tenantId, data_classification: "client", version: 1 };
        const times = { created_at: "2026-03-01T12:00:00.000Z", updated_at: "2026-03-01T12:00:00.000Z" };
        const expected = { ...row, ...stored, ...times };
        expect(await under.records.get(view, "parsed_data_files", row.id)).toEqual(expected);
        const page = await under.records.list(view, "parsed_data_files", { limit: 10 });
        expect(page).toEqual({ items: [expected], nextCursor: undefined });
      });

      it("are found in every table, and missed without an error where there are none, by any id", async () => {
        const view = newTenant();
        for (const table of Object.keys(RECORD_TABLES) as RecordTable[]) {
          for (const id of ["nothing", randomUUID(), "'; drop table x; --", "x".repeat(5_000), ""]) {
            expect(await under.records.get(view, table, id)).toBeUndefined();
          }
          expect(await under.records.list(view, table, { limit: 1 })).toMatchObject({ items: [] });
        }
      });

      it("are listed newest first, page by page, each once, also while others come in", async () => {
        const view = newTenant();
        const ids: string[] = [];
        for (let n = 0; n < 7; n += 1) {
          const row = contract();
          ids.push(row.id);
          // Two of each moment, so that the order among equals matters.
          await under.records.apply(view, effect({ atMs: NOW + Math.floor(n / 2) }), [insertContract(row)]);
        }
        const seen: string[] = [];
        let cursor: string | undefined;
        do {
          const page = await under.records.list(view, "data_boundary_contracts", { limit: 3, cursor });
          seen.push(...page.items.map(({ id }) => id));
          cursor = page.nextCursor;
          await under.records.apply(view, effect({ atMs: NOW + 100 }), [insertContract(contract())]);
        } while (cursor !== undefined);
        expect(seen.toSorted()).toEqual(ids.toSorted());
        expect(seen[0]).toBe(ids[6]);
      });

      it.each([
        "nonsense",
        "",
        Buffer.from('["x","y"]').toString("base64url"),
        Buffer.from("[1]").toString("base64url"),
        ...["1 (a comment)", "2026-02-30T00:00:00.000Z", "0000-01-01T00:00:00.000Z", "+275760-09-13T00:00:00.000Z"].map(
          (time) => Buffer.from(JSON.stringify([time, "7f9c24e5-2f4e-4a50-9a0b-1f2d3c4b5a69"])).toString("base64url"),
        ),
      ])("refuse a cursor that no page gave: %j", async (cursor) => {
        const listing = under.records.list(newTenant(), "parsed_data_files", { limit: 1, cursor });
        await expect(listing).rejects.toMatchObject({ code: "cursor.invalid", status: 422 });
      });

      it("are found by what their columns hold, and by a time that has come", async () => {
        const view = newTenant();
        const due = contract({ status: "active", expires_at: "2026-03-01T12:00:00.000Z" });
        const later = contract({ status: "active", expires_at: "2026-03-01T12:00:00.001Z" });
        const never = contract({ status: "active" });
        const writes = [due, later, never, contract()].map(insertContract);
        await under.records.apply(view, effect(), writes);
        const found = await under.records.list(view, "data_boundary_contracts", {
          limit: 10,
          where: { status: "active" },
          notAfter: { column: "expires_at", atMs: NOW },
        });
        expect(found.items.map(({ id }) => id)).toEqual([due.id]);
      });
    });

    describe("R1: a view", () => {
      it("shows a tenant its own client rows only, and every tenant the platform's", async () => {
        const [mine, other] = [newTenant(), newTenant()];
        const platform = { ...mine, dataClassification: "platform" } as const;
        const [client, common] = [contract(), contract()];
        await under.records.apply(mine, effect(), [insertContract(client)]);
        await under.records.apply(platform, effect(), [insertContract(common)]);
        const table = "data_boundary_contracts";
        expect(await under.records.get(mine, table, client.id)).toMatchObject({ data_classification: "client" });
        expect(await under.records.get(mine, table, common.id)).toBeUndefined();
        expect(await under.records.get(platform, table, client.id)).toBeUndefined();
        expect(await under.records.get(other, table, client.id)).toBeUndefined();
        const others = { ...other, dataClassification: "platform" } as const;
        expect(await under.records.get(others, table, common.id)).toMatchObject({ tenant_id: mine.tenantId });
        expect((await under.records.list(other, table, { limit: 10 })).items).toEqual([]);
      });

      it("lets nobody change or undo another tenant's rows", async () => {
        const [mine, other] = [newTenant(), newTenant()];
        const row = contract();
        const mineEffect = effect();
        await under.records.apply(mine, mineEffect, [insertContract(row)]);
        await expect(under.records.apply(other, effect(), [activate(row.id)])).rejects.toMatchObject({
          code: "record.contended",
        });
        expect(await under.records.undo(other, mineEffect.key, NOW)).toBe("buried");
        expect(await under.records.get(mine, "data_boundary_contracts", row.id)).toMatchObject({ version: 1 });
      });
    });

    describe("R2: an effect", () => {
      it("is all of its writes, or none", async () => {
        const view = newTenant();
        const [first, second] = [contract(), contract()];
        const failing = effect();
        const writes = [insertContract(first), activate(second.id)];
        await expect(under.records.apply(view, failing, writes)).rejects.toMatchObject({ code: "record.contended" });
        expect(await under.records.get(view, "data_boundary_contracts", first.id)).toBeUndefined();
        // Nor is it on record as applied.
        const again = await under.records.apply(view, failing, [insertContract(first)]);
        expect(again.outcome).toBe("applied");
      });

      it("refuses what no row may hold, and leaves nothing", async () => {
        const view = newTenant();
        const bad = contract({ status: "perhaps" });
        await expect(under.records.apply(view, effect(), [insertContract(bad)])).rejects.toThrow();
        expect((await under.records.list(view, "data_boundary_contracts", { limit: 1 })).items).toEqual([]);
      });
    });

    describe("R3: applied again", () => {
      it("changes nothing and gives the first result, also when asked for another", async () => {
        const view = newTenant();
        const row = contract();
        const first = effect({ result: { contract_id: row.id } });
        expect(await under.records.apply(view, first, [insertContract(row)])).toEqual({
          outcome: "applied",
          result: { contract_id: row.id },
        });
        const repeated = { ...first, result: { contract_id: "another" } };
        expect(await under.rival().apply(view, repeated, [insertContract(contract())])).toEqual({
          outcome: "applied_before",
          result: { contract_id: row.id },
        });
        expect((await under.records.list(view, "data_boundary_contracts", { limit: 9 })).items).toHaveLength(1);
      });

      it("at the same moment by many is applied once", async () => {
        const view = newTenant();
        const once = effect();
        const clients = [under.records, under.rival(), under.rival()];
        const tries = [...clients, ...clients, ...clients].map((store) =>
          store.apply(view, once, [insertContract(contract())]),
        );
        const outcomes = (await Promise.all(tries)).map(({ outcome }) => outcome);
        expect(outcomes.filter((outcome) => outcome === "applied")).toHaveLength(1);
        expect((await under.records.list(view, "data_boundary_contracts", { limit: 9 })).items).toHaveLength(1);
      });

      it("in another part is another effect of the same key", async () => {
        const view = newTenant();
        const { key } = effect();
        for (const part of ["a", "b"]) {
          await under.records.apply(view, effect({ key, part }), [insertContract(contract())]);
        }
        expect((await under.records.list(view, "data_boundary_contracts", { limit: 9 })).items).toHaveLength(2);
      });
    });

    describe("R4: undo", () => {
      it("puts back what every part wrote: inserted, changed and deleted rows", async () => {
        const view = newTenant();
        const [changed, deleted, added] = [contract(), contract(), contract()];
        await under.records.apply(view, effect(), [insertContract(changed), insertContract(deleted)]);
        const { key } = effect();
        const table = "data_boundary_contracts";
        await under.records.apply(view, effect({ key, part: "1" }), [
          activate(changed.id),
          insertContract(added),
          { kind: "delete", table, id: deleted.id, expectedVersion: 1 },
        ]);
        const revoke = {
          kind: "update",
          table,
          id: changed.id,
          expectedVersion: 2,
          set: { status: "revoked" },
        } as const;
        await under.records.apply(view, effect({ key, part: "2" }), [revoke, activate(added.id)]);
        expect(await under.records.undo(view, key, NOW)).toBe("undone");
        const { items } = await under.records.list(view, table, { limit: 9 });
        const statuses = Object.fromEntries(items.map(({ id, status }) => [id, status]));
        expect(statuses).toEqual({ [changed.id]: "pending", [deleted.id]: "pending" });
        // Who read the row between effect and undo finds it changed.
        await expect(under.records.apply(view, effect(), [activate(changed.id, 3)])).rejects.toMatchObject({
          code: "record.contended",
        });
      });

      it("is done once, however often, and a zombie that comes after it is refused", async () => {
        const view = newTenant();
        const late = effect();
        await under.records.apply(view, late, [insertContract(contract())]);
        const undos = [under.records, under.rival(), under.records].map((store) => store.undo(view, late.key, NOW));
        expect(await Promise.all(undos)).toEqual(["undone", "undone", "undone"]);
        for (const part of [late.part, "another"]) {
          const zombie = under.rival().apply(view, { ...late, part }, [insertContract(contract())]);
          await expect(zombie).rejects.toMatchObject({ code: "effect.refused", status: 409 });
        }
        expect((await under.records.list(view, "data_boundary_contracts", { limit: 9 })).items).toEqual([]);
      });

      it("buries a key that nothing was applied under", async () => {
        const view = newTenant();
        const late = effect();
        expect(await under.records.undo(view, late.key, NOW)).toBe("buried");
        expect(await under.records.undo(view, late.key, NOW)).toBe("buried");
        await expect(under.records.apply(view, late, [insertContract(contract())])).rejects.toMatchObject({
          code: "effect.refused",
        });
      });

      it("leaves a tombstone that stays until it is dropped by its age, a view's own; what is applied stays", async () => {
        const [view, other] = [newTenant(), newTenant()];
        const platform = { ...view, dataClassification: "platform" } as const;
        const [undone, buried, young, applied] = [effect(), effect(), effect(), effect()];
        await under.records.apply(view, undone, [insertContract(contract())]);
        await under.records.apply(view, applied, [insertContract(contract())]);
        await under.records.undo(view, undone.key, NOW);
        await under.records.undo(view, buried.key, NOW + 1);
        await under.records.undo(view, young.key, NOW + 2);
        for (const elsewhere of [other, platform]) await under.records.undo(elsewhere, undone.key, NOW);
        // Again, later: what counts is when it became one.
        await under.rival().undo(view, undone.key, NOW + 1_000);
        const dropped = [];
        for (const store of [under.records, under.rival(), under.records]) {
          dropped.push(await store.dropTombstones(view, { beforeMs: NOW + 2, limit: 1 }));
        }
        expect(dropped).toEqual([1, 1, 0]);
        const late = (where: typeof view, key: string) =>
          under.records.apply(where, effect({ key }), [insertContract(contract())]);
        await expect(late(view, young.key)).rejects.toMatchObject({ code: "effect.refused" });
        for (const elsewhere of [other, platform]) {
          await expect(late(elsewhere, undone.key)).rejects.toMatchObject({ code: "effect.refused" });
        }
        expect((await late(view, applied.key)).outcome).toBe("applied_before");
        // For whom the tombstone is gone the key is new: why they are kept longer than any worker lives.
        expect((await late(view, undone.key)).outcome).toBe("applied");
      });

      it("and effect at the same moment leave either nothing, or a refusal and nothing", async () => {
        for (let round = 0; round < 5; round += 1) {
          const view = newTenant();
          const race = effect();
          const applying = under.records.apply(view, race, [insertContract(contract())]).catch(() => undefined);
          await Promise.all([applying, under.rival().undo(view, race.key, NOW)]);
          expect((await under.records.list(view, "data_boundary_contracts", { limit: 9 })).items).toEqual([]);
        }
      });
    });

    describe("R5: writers of the same row", () => {
      it("are told who was too late, and the row is the first one's", async () => {
        const view = newTenant();
        const row = contract();
        await under.records.apply(view, effect(), [insertContract(row)]);
        const tries = [under.records, under.rival()].map((store) => store.apply(view, effect(), [activate(row.id)]));
        const results = await Promise.allSettled(tries);
        expect(results.map(({ status }) => status).toSorted()).toEqual(["fulfilled", "rejected"]);
        expect(results.find(({ status }) => status === "rejected")).toMatchObject({
          reason: { code: "record.contended", status: 409, retryable: true },
        });
        expect(await under.records.get(view, "data_boundary_contracts", row.id)).toMatchObject({ version: 2 });
      });

      it("cannot make a second one of what may be there once", async () => {
        const view = newTenant();
        const [first, second] = [contract({ source_sha256: "same" }), contract({ source_sha256: "same" })];
        await under.records.apply(view, effect(), [insertContract(first), insertContract(second)]);
        await under.records.apply(view, effect(), [activate(first.id)]);
        await expect(under.records.apply(view, effect(), [activate(second.id)])).rejects.toMatchObject({
          code: "record.contended",
        });
        await under.records.apply(newTenant(), effect(), [insertContract(contract({ ...first, id: randomUUID() }))]);
      });

      it("are not undone away by an older effect", async () => {
        const view = newTenant();
        const row = contract();
        const older = effect();
        await under.records.apply(view, older, [insertContract(row)]);
        await under.records.apply(view, effect(), [activate(row.id)]);
        await expect(under.records.undo(view, older.key, NOW)).rejects.toMatchObject({
          code: "effect.overwritten",
          status: 409,
        });
        expect(await under.records.get(view, "data_boundary_contracts", row.id)).toMatchObject({ status: "active" });
      });
    });

    describe("subjects' keys", () => {
      const key = (subjectId: string, wrappedKey = "a2V5") =>
        ({ state: "active", subjectId, keyId: `key_${randomUUID()}`, wrappedKey, createdMs: NOW }) as const;

      it("are one for a subject, whoever is first", async () => {
        const { tenantId } = newTenant();
        const keys = [key("s"), key("s")];
        const kept = await Promise.all(
          [under.records, under.rival()].map((store, n) => store.subjectKeys.add(tenantId, keys[n] ?? key("s"))),
        );
        expect(kept[0]).toEqual(kept[1]);
        expect(await under.records.subjectKeys.get(tenantId, "s")).toEqual(kept[0]);
        expect(await under.records.subjectKeys.get(newTenant().tenantId, "s")).toBeUndefined();
      });

      it("are listed in order, and wrapped anew only as they were read", async () => {
        const { tenantId } = newTenant();
        const { subjectKeys } = under.records;
        for (const id of ["b", "d", "a", "c"]) await subjectKeys.add(tenantId, key(id));
        await subjectKeys.add(newTenant().tenantId, key("e"));
        await subjectKeys.erase(tenantId, "c", NOW);
        const ids = async (after: string, limit: number) =>
          (await subjectKeys.list(tenantId, { after, limit })).map(({ subjectId }) => subjectId);
        expect([await ids("", 2), await ids("b", 2), await ids("d", 2)]).toEqual([["a", "b"], ["d"], []]);
        const [first] = await under.rival().subjectKeys.list(tenantId, { after: "", limit: 1 });
        if (first === undefined) throw new Error("there is none");
        expect(await subjectKeys.rewrap(tenantId, first, "bmV3")).toBe(true);
        expect(await subjectKeys.rewrap(tenantId, first, "bGF0ZQ==")).toBe(false);
        expect(await subjectKeys.get(tenantId, "a")).toEqual({ ...first, wrappedKey: "bmV3" });
        // Who has read it before it was erased brings nothing back.
        const erased = await subjectKeys.erase(tenantId, "a", NOW);
        expect(await subjectKeys.rewrap(tenantId, { ...first, wrappedKey: "bmV3" }, "bGF0ZQ==")).toBe(false);
        expect(await subjectKeys.get(tenantId, "a")).toEqual(erased);
      });

      it("are gone for good once erased, and the first erasure is the one on record", async () => {
        const { tenantId } = newTenant();
        const { subjectKeys } = under.records;
        expect(await subjectKeys.erase(tenantId, "s", NOW)).toBeUndefined();
        const { keyId } = await subjectKeys.add(tenantId, key("s"));
        const gone = { state: "erased", subjectId: "s", keyId, createdMs: NOW, erasedMs: NOW + 1 };
        expect(await subjectKeys.erase(newTenant().tenantId, "s", NOW)).toBeUndefined();
        expect(await subjectKeys.erase(tenantId, "s", NOW + 1)).toEqual(gone);
        expect(await subjectKeys.erase(tenantId, "s", NOW + 2)).toEqual(gone);
        expect(await subjectKeys.add(tenantId, key("s"))).toEqual(gone);
        expect(await under.rival().subjectKeys.get(tenantId, "s")).toEqual(gone);
      });
    });

    it("R6: a closed store says that it is unavailable, and may be closed again", async () => {
      const closed = under.rival();
      await closed.ping();
      await closed.close();
      await closed.close();
      await expect(closed.ping()).rejects.toMatchObject({ code: "records.unavailable", status: 503, retryable: true });
      const reading = closed.get(newTenant(), "records_of_fact", "x");
      await expect(reading).rejects.toMatchObject({ code: "records.unavailable" });
    });
  });
}
