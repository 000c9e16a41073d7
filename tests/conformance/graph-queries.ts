import { expect, it } from "vitest";

import type { GraphStore } from "../../shared/ports/graph-store.ts";
import { client, keys, PAGE } from "./graph-client.ts";
import { embed, link, node, put } from "./graph-writes.ts";

/** What is asked of a graph: pages, edges, walks, the nearest of a vector. */
export function describeGraphQueries(open: () => GraphStore): void {
  it("lists by key in pages, all or by an indexed field", async () => {
    const { owner, scope, effect } = client();
    const some = Array.from({ length: 7 }, (_, n) => put(`k${n}`, { file_id: `file_${n % 2}` }));
    await open().write(owner, effect, some);
    const seen: string[] = [];
    let cursor: string | undefined;
    do {
      const page = await open().list(scope, "content_metadata", undefined, { limit: 3, cursor });
      seen.push(...keys(page.items));
      cursor = page.nextCursor;
    } while (cursor !== undefined);
    expect(seen).toEqual(["k0", "k1", "k2", "k3", "k4", "k5", "k6"]);
    const odd = await open().list(scope, "content_metadata", { field: "file_id", value: "file_1" }, { limit: 2 });
    expect(keys(odd.items)).toEqual(["k1", "k3"]);
    const filter = { field: "file_id", value: "file_1" } as const;
    const rest = await open().list(scope, "content_metadata", filter, { limit: 2, cursor: odd.nextCursor });
    expect([keys(rest.items), rest.nextCursor]).toEqual([["k5"], undefined]);
    await expect(
      open().list(scope, "content_metadata", undefined, { limit: 2, cursor: "nonsense" }),
    ).rejects.toMatchObject({
      code: "cursor.invalid",
    });
  });

  it("tells the edges of a vertex by their direction", async () => {
    const { owner, scope, effect } = client();
    await open().write(owner, effect, [
      node("a"),
      node("b"),
      link("ab", "a", "b", { n: 1 }),
      link("ba", "b", "a"),
      link("aa", "a", "a"),
    ]);
    const vertex = { collection: "semantic_graph_nodes", key: "a" } as const;
    const of = async (direction: "in" | "out" | "both") =>
      keys((await open().edges(scope, "semantic_graph_edges", vertex, direction, PAGE)).items);
    expect([await of("out"), await of("in"), await of("both")]).toEqual([
      ["aa", "ab"],
      ["aa", "ba"],
      ["aa", "ab", "ba"],
    ]);
    expect(await open().get(scope, "semantic_graph_edges", "ab")).toMatchObject({
      from: vertex,
      to: { collection: "semantic_graph_nodes", key: "b" },
      fields: { n: 1 },
    });
  });

  it("walks from a vertex within its depth and limit, nearest first, round cycles and past vertices that are not there", async () => {
    const { owner, scope, effect } = client();
    const chain = [
      link("1", "a", "b"),
      link("2", "b", "c"),
      link("3", "c", "a"),
      link("4", "c", "d"),
      link("5", "d", "e"),
    ];
    await open().write(owner, effect, chain);
    const from = { collection: "semantic_graph_nodes", key: "a" } as const;
    const walk = async (direction: "in" | "out" | "both", depth: number, limit = 100) => {
      const { vertices, edges } = await open().traverse(scope, "semantic_graph_edges", from, {
        direction,
        depth,
        limit,
      });
      return [vertices.map((vertex) => `${vertex.key}${vertex.depth}`).join(" "), keys(edges).join(" ")];
    };
    expect(await walk("out", 1)).toEqual(["b1", "1"]);
    expect(await walk("out", 3)).toEqual(["b1 c2 d3", "1 2 3 4"]);
    expect(await walk("in", 2)).toEqual(["c1 b2", "1 2 3"]);
    expect(await walk("both", 10)).toEqual(["b1 c1 d2 e3", "1 2 3 4 5"]);
    expect(await walk("both", 10, 2)).toEqual(["b1 c1", "1 2"]);
  });

  it("finds the nearest embeddings of a model, best first, within the filter", async () => {
    const { owner, scope, effect } = client();
    await open().write(owner, effect, [
      embed("same", [2, 0, 0]),
      embed("near", [1, 1, 0]),
      embed("far", [-1, 0, 0], { embedding_kind: "samples" }),
      embed("flat", [0, 0, 0], { file_id: "file_2" }),
      embed("stranger", [1, 0, 0], { embedding_model: "m2" }),
    ]);
    const query = { vector: Float32Array.of(1, 0, 0), embeddingModel: "m1", limit: 10 };
    const found = await open().nearest(scope, query);
    expect(found.matches.map(({ score, document }) => [document.key, Math.round(score * 100) / 100])).toEqual([
      ["same", 1],
      ["near", 0.71],
      ["flat", 0],
      ["far", -1],
    ]);
    expect([found.compared, found.complete]).toEqual([4, true]);
    expect(found.matches[0]?.document.fields).toEqual({
      embedding_model: "m1",
      embedding_kind: "meaning",
      file_id: "file_1",
    });
    const best = async (more: object) =>
      (await open().nearest(scope, { ...query, ...more })).matches.map(({ document }) => document.key);
    expect(await best({ limit: 1 })).toEqual(["same"]);
    expect(await best({ embeddingKind: "samples" })).toEqual(["far"]);
    expect(await best({ fileId: "file_2" })).toEqual(["flat"]);
    expect(await best({ embeddingModel: "m3" })).toEqual([]);
  });
}
