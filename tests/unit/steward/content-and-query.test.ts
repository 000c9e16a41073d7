import * as z from "zod";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { intents } from "../../../functions/catalog.ts";
import { createArangoGraphStore } from "../../../infra/adapters/arango/graph-store.ts";
import { createSqliteGraphStore } from "../../../infra/adapters/sqlite/graph-store.ts";
import { systemClock, systemRandom } from "../../../infra/adapters/system/system.ts";
import { type ArangoStandin, startArangoStandin } from "../../../infra/dev/parts/arango-standin.ts";
import { RuntimeError } from "../../../shared/errors.ts";
import { trustedTenantId } from "../../../shared/ids.ts";
import type { JsonObject } from "../../../shared/json.ts";
import type { GraphStore, GraphWrite } from "../../../shared/ports/graph-store.ts";
import type { Role } from "../../../shared/roles.ts";
import { intent } from "../../../shared/sagas/intent.ts";
import { newSession, openRuntime, type TestRuntime } from "../../kit/runtime.ts";

const client = { data_classification: "client" } as const;
const platform = { data_classification: "platform" } as const;
const FILE = { file_id: "file_1" };

/** Deletes what is described, and then fails: its undo must bring it back. */
const deleteInVain = intent("steward.delete_in_vain", {
  version: 1,
  description: "Fails after a deletion.",
  input: z.strictObject({ content_id: z.string() }),
  output: z.object({}),
})
  .step("delete", {
    run: async ({ input, steward }) => (await steward.content()).delete("client", input.content_id),
    undo: (ctx) => ctx.steward.undo(),
  })
  .step("fail", {
    run: () => {
      throw new RuntimeError("test.in_vain", "It fails whatever happens.", { status: 422 });
    },
  })
  .returns(() => ({}));

let standin: ArangoStandin;
let databases = 0;
beforeAll(async () => void (standin = await startArangoStandin()));
afterAll(() => standin.stop());

const stores: readonly (readonly [string, () => GraphStore])[] = [
  ["SQLite", () => createSqliteGraphStore(":memory:")],
  [
    "the stand-in of ArangoDB",
    () => {
      databases += 1;
      const access = { url: standin.url, database: `steward-${databases}`, user: "root", password: "" };
      return createArangoGraphStore(access, { clock: systemClock, random: systemRandom });
    },
  ],
];

describe.each(stores)("the steward on %s", (_, open) => {
  async function stage() {
    const graph = open();
    await graph.setUp();
    const runtime = await openRuntime({ intents: [...intents, deleteInVain], graph });
    const close = async () => {
      await runtime[Symbol.asyncDispose]();
      await graph.close();
    };
    return { runtime, graph, ...asks(runtime), [Symbol.asyncDispose]: close };
  }

  it("describes content, changes and deletes it, and finds it by its file and its words", async () => {
    await using scene = await stage();
    const { describe: say, query } = scene;
    await say({ operation: "create", content_id: "parsed_1", ...FILE, title: "People", tags: ["Staff"] });
    await say({ operation: "create", content_id: "parsed_2", file_id: "file_2", description: "their salaries" });
    const twice = await scene.run("steward.describe_content", {
      ...client,
      change: { operation: "create", content_id: "parsed_1", ...FILE },
    });
    expect(twice.error).toMatchObject({ code: "content_metadata.exists", status: 409 });
    await say({ operation: "update", content_id: "parsed_1", description: "who works here" });
    const first = {
      content_id: "parsed_1",
      ...FILE,
      title: "People",
      description: "who works here",
      tags: ["Staff"],
      attributes: {},
    };
    const found = async (target: JsonObject) =>
      (await query({ kind: "content", ...target })).map((item) => (item as JsonObject)["content_id"]);
    expect(await query({ kind: "content", content_id: "parsed_1" })).toEqual([first]);
    expect(await found({})).toEqual(["parsed_1", "parsed_2"]);
    expect(await found({ file_id: "file_2" })).toEqual(["parsed_2"]);
    expect(await found({ words: "sTAFf" })).toEqual(["parsed_1"]);
    await say({ operation: "delete", content_id: "parsed_1" });
    expect(await found({})).toEqual(["parsed_2"]);
    const gone = await scene.run("steward.query", { ...client, target: { kind: "content", content_id: "parsed_1" } });
    expect(gone.error).toMatchObject({ code: "content_metadata.not_found", status: 404 });
    await say({ operation: "create", content_id: "parsed_1", ...FILE, title: "Again" });
    expect(await query({ kind: "content", content_id: "parsed_1" })).toMatchObject([{ title: "Again", tags: [] }]);
  });

  it("fills the pages of a search, however far apart what it finds is, and tells each once", async () => {
    await using scene = await stage();
    const { graph, runtime } = scene;
    const owner = { dataClassification: "client", tenantId: runtime.tenantId } as const;
    const title = (n: number) => (n % 150 === 149 ? "a needle" : "hay");
    const writes = Array.from({ length: 1_000 }, (__, n): GraphWrite => ({
      kind: "put",
      collection: "content_metadata",
      key: `content_${String(n).padStart(4, "0")}`,
      fields: { ...FILE, title: title(n) },
    }));
    await graph.write(owner, { key: "test/fill", part: "all" }, writes);
    const pages: number[] = [];
    const found: unknown[] = [];
    let cursor: string | undefined;
    do {
      const asked = { ...client, target: { kind: "content", words: "NEEDLE" }, limit: 4 };
      const { output } = await scene.run("steward.query", cursor === undefined ? asked : { ...asked, cursor });
      const { items, next_cursor } = output as { readonly items: readonly JsonObject[]; readonly next_cursor?: string };
      pages.push(items.length);
      found.push(...items.map((item) => item["content_id"]));
      cursor = next_cursor;
    } while (cursor !== undefined);
    expect(pages).toEqual([4, 2]);
    expect(found).toEqual([149, 299, 449, 599, 749, 899].map((n) => `content_0${n}`));
  });

  it("brings back what it deleted when the saga fails", async () => {
    await using scene = await stage();
    await scene.describe({ operation: "create", content_id: "parsed_1", ...FILE, title: "People" });
    expect((await scene.run("steward.delete_in_vain", { content_id: "parsed_1" })).status).toBe("compensated");
    expect(await scene.query({ kind: "content" })).toMatchObject([{ content_id: "parsed_1", title: "People" }]);
  });

  it("relates contents, and tells it from either end", async () => {
    await using scene = await stage();
    for (const content_id of ["a", "b", "c"]) await scene.describe({ operation: "create", content_id, ...FILE });
    await scene.describe({ operation: "relate", content_id: "a", to: "b", relation: "supersedes" });
    await scene.describe({ operation: "relate", content_id: "b", to: "c", relation: "part_of" });
    await scene.describe({ operation: "relate", content_id: "b", to: "c", relation: "part_of" });
    const of = (direction: string) => scene.query({ kind: "relationships", content_id: "b", direction });
    const [before, after] = [
      { from: "a", to: "b", relation: "supersedes" },
      { from: "b", to: "c", relation: "part_of" },
    ];
    expect(await of("in")).toEqual([before]);
    expect(await of("out")).toEqual([after]);
    expect(await of("both")).toHaveLength(2);
    const change = { operation: "relate", content_id: "a", to: "nothing", relation: "part_of" };
    expect((await scene.run("steward.describe_content", { ...client, change })).error).toMatchObject({
      code: "content_metadata.not_found",
    });
  });

  it("keeps tenants and classes apart", async () => {
    await using scene = await stage();
    await scene.describe({ operation: "create", content_id: "a", ...FILE });
    const change = { operation: "create", content_id: "p", ...FILE };
    const refused = await scene.run("steward.describe_content", { ...platform, change });
    expect(refused.error).toMatchObject({ code: "classification.platform_only", status: 403 });
    const roles: readonly Role[] = ["operator", "platform"];
    const written = await scene.runtime.run("steward.describe_content", { ...platform, change }, { roles });
    expect(written.status).toBe("completed");

    const tenantId = trustedTenantId("other");
    const sessionId = await newSession(scene.runtime.services, tenantId);
    const elsewhere = async (parameters: JsonObject) =>
      (await scene.runtime.run("steward.query", parameters, { tenantId, sessionId })).output;
    expect(await elsewhere({ ...client, target: { kind: "content" } })).toEqual({ items: [] });
    expect(await elsewhere({ ...platform, target: { kind: "content" } })).toMatchObject({
      items: [{ content_id: "p" }],
    });
    expect(await scene.query({ kind: "content" })).toMatchObject([{ content_id: "a" }]);
  });

  it("answers what a file is parsed into", async () => {
    await using scene = await stage();
    const { run, query } = scene;
    const content_base64 = Buffer.from("name,age\nAda,36\n").toString("base64");
    const { file_id, boundary_contract_id } = (await run("content.ingest_file", { ui_name: "a.csv", content_base64 }))
      .output as JsonObject;
    await run("content.save_materialization", { file_id, boundary_contract_id });
    const { parsed_file_id } = (await run("content.parse_content", { file_id })).output as JsonObject;
    expect(await query({ kind: "files" })).toMatchObject([{ file_id }]);
    expect(await query({ kind: "parsed", file_id })).toMatchObject([{ parsed_file_id }]);
    expect(await query({ kind: "parsed", file_id: "other" })).toEqual([]);
    expect(await query({ kind: "files" }, platform)).toEqual([]);
  });

  it("answers what content means: embeddings by semantic id, and the graph of entities", async () => {
    await using scene = await stage();
    const { query } = scene;
    const { tenantId } = scene.runtime;
    const source = { ...FILE, content_id: "parsed_1", semantic_id: "semantic_1" };
    const node = (key: string) => ({ collection: "semantic_graph_nodes", key }) as const;
    const entity = (key: string) => ({ kind: "put", ...node(key), fields: { ...source, entity_id: key } }) as const;
    const ends = { source_entity_id: "ada", target_entity_id: "london" };
    await scene.graph.write({ dataClassification: "client", tenantId }, { key: "x/y", part: "all" }, [
      {
        kind: "embed",
        key: "e1",
        fields: { ...source, embedding_model: "m", embedding_kind: "text" },
        vector: new Float32Array([1, 0]),
      },
      entity("ada"),
      entity("london"),
      {
        kind: "link",
        collection: "semantic_graph_edges",
        key: "r1",
        from: node("ada"),
        to: node("london"),
        fields: { ...source, ...ends },
      },
    ]);
    const semantic = { field: "semantic_id", value: "semantic_1" };
    const embedded = { key: "e1", ...source, embedding_model: "m", embedding_kind: "text" };
    expect(await query({ kind: "embeddings", by: semantic })).toEqual([embedded]);
    expect(await query({ kind: "embeddings", by: { ...semantic, value: "other" } })).toEqual([]);
    expect(await query({ kind: "entities", by: { field: "entity_id", value: "ada" } })).toEqual([
      { key: "ada", ...source, entity_id: "ada" },
    ]);
    const from = { field: "source_entity_id", value: "ada" };
    const relation = { key: "r1", ...source, ...ends, from: "ada", to: "london" };
    expect(await query({ kind: "relations", by: from })).toEqual([relation]);
    for (const kind of ["embeddings", "entities", "relations"]) expect(await query({ kind }, platform)).toEqual([]);
    const first = await scene.run("steward.query", { ...client, target: { kind: "entities" }, limit: 1 });
    const { items, next_cursor } = first.output as JsonObject;
    expect(items).toMatchObject([{ key: "ada" }]);
    const rest = { ...client, target: { kind: "entities" }, cursor: next_cursor };
    expect((await scene.run("steward.query", rest)).output).toMatchObject({ items: [{ key: "london" }] });
  });
});

function asks(runtime: TestRuntime) {
  const run = (type: string, parameters: JsonObject) => runtime.run(type, parameters, { roles: ["operator"] });
  const completed = async (type: string, parameters: JsonObject) => {
    const { status, output, error } = await run(type, parameters);
    expect(error).toBeUndefined();
    expect(status).toBe("completed");
    return output as JsonObject;
  };
  return {
    run,
    describe: (change: JsonObject) => completed("steward.describe_content", { ...client, change }),
    query: async (target: JsonObject, kind: JsonObject = client) =>
      (await completed("steward.query", { ...kind, target }))["items"] as readonly unknown[],
  };
}
