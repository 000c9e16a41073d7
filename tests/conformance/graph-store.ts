import { randomUUID } from "node:crypto";

import { afterAll, beforeAll, describe, expect, it } from "vitest";

import type { DataOwner, DataScope } from "../../shared/data-classification.ts";
import { GRAPH_COLLECTIONS } from "../../shared/ports/graph-schema.ts";
import { type GraphStore, type GraphWrite, MAX_GRAPH_WRITES } from "../../shared/ports/graph-store.ts";
import { client, keys, PAGE } from "./graph-client.ts";
import { describeGraphQueries } from "./graph-queries.ts";
import { embed, link, node, put } from "./graph-writes.ts";

const NOW = Date.parse("2026-03-01T12:00:00.000Z");
const PLATFORM: DataScope = { dataClassification: "platform" };

/** What every adapter of the port does; `open` gives another process's view of the same store each time. */
export function describeGraphStore(name: string, open: () => Promise<GraphStore>): void {
  describe(`graph store: ${name}`, () => {
    let store: GraphStore;
    let rival: GraphStore;
    beforeAll(async () => {
      store = await open();
      await store.setUp();
      rival = await open();
    });
    afterAll(() => Promise.all([store.close(), rival.close()]));

    describeGraphQueries(() => store);

    const applied = { outcome: "applied" };

    it("sets up once, and has nothing to do the second time", async () => {
      expect(await store.setUp()).toEqual([]);
      expect(await rival.setUp()).toEqual([]);
    });

    it("reads back what was written, as another process sees it", async () => {
      const { owner, scope, tenantId, effect } = client();
      const fields = { file_id: "file_1", title: "Ünïcødé \u2028", nested: { list: [1, null, true, 1e300] } };
      expect(await store.write(owner, effect, [put("a", fields)])).toEqual(applied);
      expect(await rival.get(scope, "content_metadata", "a")).toEqual({
        key: "a",
        revision: expect.any(String) as string,
        dataClassification: "client",
        tenantId,
        fields,
      });
      expect(await store.get(scope, "content_metadata", "b")).toBeUndefined();
      expect(await store.get(scope, "content_metadata", "../a%00")).toBeUndefined();
    });

    it("GS4: another tenant and the other class see nothing, and write beside it under the same key", async () => {
      const mine = client();
      const other = client();
      await store.write(mine.owner, mine.effect, [
        put("k", { of: "mine" }),
        node("n"),
        link("e", "n", "n"),
        embed("v", [1, 0]),
      ]);
      const platform: DataOwner = { dataClassification: "platform", tenantId: mine.tenantId };
      for (const scope of [other.scope, PLATFORM]) {
        for (const collection of GRAPH_COLLECTIONS) {
          const { items } = await store.list(scope, collection, undefined, PAGE);
          expect(items.filter(({ tenantId }) => tenantId === mine.tenantId)).toEqual([]);
        }
        const vertex = { collection: "semantic_graph_nodes", key: "n" } as const;
        expect(await store.get(scope, "content_metadata", "k")).toBeUndefined();
        expect((await store.edges(scope, "semantic_graph_edges", vertex, "both", PAGE)).items).toEqual([]);
        const reach = { direction: "both", depth: 2, limit: 10 } as const;
        expect(await store.traverse(scope, "semantic_graph_edges", vertex, reach)).toEqual({ vertices: [], edges: [] });
        const query = { vector: Float32Array.of(1, 0), embeddingModel: "m1", fileId: "file_1", limit: 5 };
        const { matches } = await store.nearest(scope, query);
        expect(matches.filter(({ document }) => document.tenantId === mine.tenantId)).toEqual([]);
        expect(await store.forgetFile(scope, `file of nobody ${mine.tenantId}`)).toBe(0);
      }
      expect(await store.write(other.owner, other.effect, [put("k", { of: "other" })])).toEqual(applied);
      const key = `k-${randomUUID()}`;
      await store.write(platform, { ...other.effect, part: "platform" }, [put(key, { of: "platform" })]);
      expect((await store.get(mine.scope, "content_metadata", "k"))?.fields).toEqual({ of: "mine" });
      expect((await store.get(other.scope, "content_metadata", "k"))?.fields).toEqual({ of: "other" });
      expect(await store.get(mine.scope, "content_metadata", key)).toBeUndefined();
      expect(await store.get(PLATFORM, "content_metadata", key)).toMatchObject({ tenantId: mine.tenantId });
    });

    it("GS2: an effect is applied once, and its parts each once", async () => {
      const { owner, scope, effect } = client();
      expect(await store.write(owner, effect, [put("a", { n: 1 })])).toEqual(applied);
      expect(await rival.write(owner, effect, [put("a", { n: 2 })])).toEqual({ outcome: "applied_before" });
      expect(await store.write(owner, { ...effect, part: "more" }, [put("b", { n: 3 })])).toEqual(applied);
      const { items } = await store.list(scope, "content_metadata", undefined, PAGE);
      expect(items.map(({ key, fields }) => [key, fields["n"]])).toEqual([
        ["a", 1],
        ["b", 3],
      ]);
    });

    it("GS2: of writers at the same time one applies the effect, and the others hear that it was", async () => {
      const { owner, scope, effect } = client();
      const writes = Array.from({ length: 8 }, (_, n) =>
        (n % 2 === 0 ? store : rival).write(owner, effect, [put("a", { n }), put("b", { n })]),
      );
      const outcomes = (await Promise.all(writes)).map(({ outcome }) => outcome).toSorted();
      expect(outcomes).toEqual(["applied", ...Array.from({ length: 7 }, () => "applied_before")]);
      const { items } = await store.list(scope, "content_metadata", undefined, PAGE);
      expect(items[0]?.fields).toEqual(items[1]?.fields);
    });

    it("GS2: after its undo an effect is refused, when it comes late and when it never came", async () => {
      const { owner, scope, tenantId, effect } = client();
      await store.write(owner, effect, [put("a"), node("n"), link("e", "n", "n"), embed("v", [1])]);
      await store.write(owner, { ...effect, part: "more" }, [put("b")]);
      expect(await rival.undo(tenantId, effect.key, NOW)).toBe("undone");
      expect(await store.undo(tenantId, effect.key, NOW)).toBe("undone");
      for (const collection of GRAPH_COLLECTIONS) {
        expect((await store.list(scope, collection, undefined, PAGE)).items).toEqual([]);
      }
      const query = { vector: Float32Array.of(1), embeddingModel: "m1", limit: 5 };
      expect(await store.nearest(scope, query)).toEqual({ matches: [], compared: 0, complete: true });
      for (const part of ["all", "more", "new"]) {
        await expect(store.write(owner, { ...effect, part }, [put("z")])).rejects.toMatchObject({
          code: "effect.refused",
          status: 409,
        });
      }
      const unborn = client();
      expect(await store.undo(unborn.tenantId, unborn.effect.key, NOW)).toBe("buried");
      expect(await rival.undo(unborn.tenantId, unborn.effect.key, NOW)).toBe("buried");
      await expect(store.write(unborn.owner, unborn.effect, [put("z")])).rejects.toMatchObject({
        code: "effect.refused",
      });
      expect((await store.list(scope, "content_metadata", undefined, PAGE)).items).toEqual([]);
    });

    it("GS2: its tombstone stays until it is dropped by its age, a tenant's own; what is applied stays", async () => {
      const [one, other] = [client(), client()];
      const { owner, scope, tenantId } = one;
      const at = (step: string) => ({ key: `${one.effect.key}-${step}`, part: "all" });
      await store.write(owner, at("undone"), [put("a")]);
      await store.write(owner, at("applied"), [put("b")]);
      for (const [step, ms] of [
        ["undone", NOW],
        ["buried", NOW + 1],
        ["young", NOW + 2],
      ] as const) {
        await store.undo(tenantId, at(step).key, ms);
        // Again, later: what counts is when it became one.
        await rival.undo(tenantId, at(step).key, NOW + 1_000);
      }
      await store.undo(other.tenantId, other.effect.key, NOW);
      const old = { beforeMs: NOW + 2, limit: 1 };
      const dropped = [];
      for (let n = 0; n < 3; n += 1) dropped.push(await (n === 1 ? rival : store).dropTombstones(tenantId, old));
      expect(dropped).toEqual([1, 1, 0]);
      for (const [effect, by] of [
        [at("young"), owner],
        [other.effect, other.owner],
      ] as const) {
        await expect(store.write(by, effect, [put("z")])).rejects.toMatchObject({ code: "effect.refused" });
      }
      expect(await store.write(owner, at("applied"), [put("b")])).toEqual({ outcome: "applied_before" });
      expect((await store.list(scope, "content_metadata", undefined, PAGE)).items).toHaveLength(1);
      // For whom the tombstone is gone the key is new: why they are kept longer than any worker lives.
      expect(await store.write(owner, at("undone"), [put("c")])).toEqual(applied);
    });

    it("GS2: an undo and its effect at the same time leave nothing behind, whoever is first", async () => {
      for (let round = 0; round < 5; round += 1) {
        const { owner, scope, tenantId, effect } = client();
        const [write] = await Promise.allSettled([
          store.write(owner, effect, [put("a"), put("b")]),
          rival.undo(tenantId, effect.key, NOW),
        ]);
        if (write.status === "rejected") expect(write.reason).toMatchObject({ code: "effect.refused" });
        expect((await store.list(scope, "content_metadata", undefined, PAGE)).items).toEqual([]);
      }
    });

    it("GS3: undo gives back what was there, unless somebody has written over it since", async () => {
      const { owner, scope, tenantId, effect } = client();
      const at = (step: string) => ({ key: `${effect.key}-${step}`, part: "all" });
      await store.write(owner, at("1"), [put("a", { by: 1 }), put("b", { by: 1 }), embed("v", [1, 0])]);
      await store.write(owner, at("2"), [put("a", { by: 2 }), put("b", { by: 2 }), embed("v", [0, 1])]);
      await store.write(owner, at("3"), [put("b", { by: 3 })]);
      await store.undo(tenantId, at("2").key, NOW);
      const by = async (key: string) => (await store.get(scope, "content_metadata", key))?.fields["by"];
      expect([await by("a"), await by("b")]).toEqual([1, 3]);
      const query = { vector: Float32Array.of(1, 0), embeddingModel: "m1", limit: 1 };
      expect((await store.nearest(scope, query)).matches[0]?.score).toBeCloseTo(1, 5);
      // What the second wrote is not what the third's undo gives back: it never was.
      await store.undo(tenantId, at("3").key, NOW);
      expect(await by("b")).toBe(1);
    });

    it("GS1: a conflict in one document leaves all of the write undone, and the effect free", async () => {
      const { owner, scope, effect } = client();
      const at = (part: string) => ({ ...effect, part });
      await store.write(owner, at("1"), [put("a", { n: 1 })]);
      const seen = await store.get(scope, "content_metadata", "a");
      const amend = (revision: string, n: number): GraphWrite => ({
        kind: "put",
        collection: "content_metadata",
        key: "a",
        fields: { n },
        expected: { revision },
      });
      expect(await rival.write(owner, at("2"), [amend(seen?.revision ?? "", 2)])).toEqual(applied);
      const conflict = { outcome: "conflict", collection: "content_metadata", key: "a" };
      expect(await store.write(owner, at("3"), [put("b"), amend(seen?.revision ?? "", 3)])).toEqual(conflict);
      expect(
        await store.write(owner, at("3"), [put("b"), { ...amend("", 3), expected: "absent" } as GraphWrite]),
      ).toEqual(conflict);
      expect(await store.get(scope, "content_metadata", "b")).toBeUndefined();
      const now = await store.get(scope, "content_metadata", "a");
      expect(now?.fields).toEqual({ n: 2 });
      expect(await store.write(owner, at("3"), [put("b"), amend(now?.revision ?? "", 3)])).toEqual(applied);
    });

    it("removes for good", async () => {
      const { owner, scope, tenantId, effect } = client();
      await store.write(owner, effect, [put("a"), embed("v", [1])]);
      const removal = { key: `${effect.key}-removal`, part: "all" };
      const remove = (collection: "content_metadata" | "structured_embeddings", key: string): GraphWrite => ({
        kind: "remove",
        collection,
        key,
      });
      const writes = [
        remove("content_metadata", "a"),
        remove("structured_embeddings", "v"),
        remove("content_metadata", "none"),
      ];
      expect(await store.write(owner, removal, writes)).toEqual(applied);
      await store.undo(tenantId, removal.key, NOW);
      expect(await store.get(scope, "content_metadata", "a")).toBeUndefined();
      expect(
        (await store.nearest(scope, { vector: Float32Array.of(1), embeddingModel: "m1", limit: 1 })).compared,
      ).toBe(0);
    });

    it("forgets a file: its documents, vectors and edges, also those that end at it, and not the next file's", async () => {
      const { owner, scope, effect } = client();
      await store.write(owner, effect, [
        put("file_1", { file_id: "file_1" }),
        put("file_2", { file_id: "file_2" }),
        node("n1"),
        node("n2", "file_2"),
        link("e1", "n1", "n2", { file_id: "file_1" }),
        link("e2", "n2", "n2", { file_id: "file_2" }),
        {
          kind: "link",
          collection: "lineage",
          key: "l",
          from: { collection: "content_metadata", key: "file_1" },
          to: { collection: "content_metadata", key: "file_2" },
          fields: {},
        },
        embed("v1", [1]),
        embed("v2", [1], { file_id: "file_2" }),
      ]);
      expect(await store.forgetFile(scope, "file_1")).toBe(5);
      expect(await store.forgetFile(scope, "file_1")).toBe(0);
      const left = await Promise.all(
        GRAPH_COLLECTIONS.map(async (each) => keys((await store.list(scope, each, undefined, PAGE)).items)),
      );
      expect(left.flat().toSorted()).toEqual(["e2", "file_2", "n2", "v2"]);
      expect(
        (await store.nearest(scope, { vector: Float32Array.of(1), embeddingModel: "m1", limit: 5 })).compared,
      ).toBe(1);
    });

    it.each(["", "a/b", "ä", "x".repeat(201), "a b"])("refuses the key %j and writes nothing", async (key) => {
      const { owner, scope, effect } = client();
      await expect(store.write(owner, effect, [put("a"), put(key)])).rejects.toMatchObject({
        code: "graph.bad_key",
        status: 422,
      });
      expect(await store.get(scope, "content_metadata", "a")).toBeUndefined();
    });

    it("refuses more writes than an effect may have", async () => {
      const { owner, effect } = client();
      const many = Array.from({ length: MAX_GRAPH_WRITES + 1 }, (_, n) => put(`k${n}`));
      await expect(store.write(owner, effect, many)).rejects.toMatchObject({
        code: "graph.too_many_writes",
        status: 422,
      });
    });

    it("answers a ping, and not after its end", async () => {
      const last = await open();
      await last.ping();
      await last.close();
      await last.close();
      await expect(last.ping()).rejects.toMatchObject({
        code: "graph_store.unavailable",
        status: 503,
        retryable: true,
      });
      await expect(last.get(PLATFORM, "content_metadata", "a")).rejects.toMatchObject({
        code: "graph_store.unavailable",
      });
    });
  });
}
