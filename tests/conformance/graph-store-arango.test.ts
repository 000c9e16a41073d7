import { execFile } from "node:child_process";
import { randomUUID } from "node:crypto";
import { promisify } from "node:util";

import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { createArangoGraphStore } from "../../infra/adapters/arango/graph-store.ts";
import { systemClock, systemRandom } from "../../infra/adapters/system/system.ts";
import { type ArangoStandin, startArangoStandin } from "../../infra/dev/parts/arango-standin.ts";
import { scopeOf } from "../../shared/data-classification.ts";
import { trustedTenantId } from "../../shared/ids.ts";
import type { GraphStore } from "../../shared/ports/graph-store.ts";
import { startTcpProxy, type TcpProxy } from "../kit/tcp-proxy.ts";
import { describeGraphStore } from "./graph-store.ts";

const execute = promisify(execFile);
const real = process.env["ARANGO_URL"];
const deps = { clock: systemClock, random: systemRandom };
const access = {
  user: process.env["ARANGO_USER"] ?? "root",
  password: process.env["ARANGO_PASSWORD"] ?? "",
  database: `test-${randomUUID()}`,
};

let standin: ArangoStandin;
const url = (): string => real ?? standin.url;
const open = (more: object = {}): GraphStore => createArangoGraphStore({ ...access, url: url(), ...more }, deps);
const PLATFORM = { dataClassification: "platform" } as const;

beforeAll(async () => {
  if (real === undefined) standin = await startArangoStandin();
});
afterAll(async () => {
  if (real === undefined) await standin.stop();
});

describeGraphStore(real === undefined ? "arango, on a stand-in of its protocol" : `arango at ${real}`, () =>
  Promise.resolve(open()),
);

describe("arango", () => {
  it("says what set-up made: the database, six collections and that of effects, and each index of the specification", async () => {
    const store = open({ database: `test-${randomUUID()}` });
    const made = await store.setUp();
    expect(made.filter((name) => !name.includes("."))).toHaveLength(8);
    expect(made.filter((name) => name.startsWith("structured_embeddings."))).toEqual(
      [
        "data_classification",
        "tenant_id",
        "data_classification_and_tenant_id",
        "content_id",
        "file_id",
        "semantic_id",
      ].map((index) => `structured_embeddings.by_${index}`),
    );
    expect(await store.setUp()).toEqual([]);
    await store.close();
  });

  it("setup:data makes it ready, says what it made, and has nothing to do the second time", async () => {
    const node = process.execPath;
    const env = { GRAPH: "arango", ARANGO_URL: url(), ARANGO_DATABASE: `test-${randomUUID()}` };
    const run = async () => (await execute(node, ["infra/dev/setup-data.ts"], { env })).stdout;
    expect(await run()).toContain("semantic_graph_nodes.by_entity_id");
    expect(await run()).toContain("graph in ArangoDB: nothing to do");
  });

  it.each([
    ["a database that was not set up", () => ({ database: `none-${randomUUID()}` })],
    ["a password that is wrong", () => ({ password: "wrong" })],
    ["a server that is not there", () => ({ url: "http://127.0.0.1:1" })],
  ])("GS5: %s is unavailable, and the error holds no password", async (_what, more) => {
    const store = open({ password: "s3cr3t", ...more() });
    const error = await store.ping().catch((reason: unknown) => reason);
    expect(error).toMatchObject({ code: "graph_store.unavailable", status: 503, retryable: true });
    expect(JSON.stringify(Object.entries((error as Error).cause as Error))).not.toContain("s3cr3t");
    await expect(store.get(PLATFORM, "content_metadata", "a")).rejects.toMatchObject({
      code: "graph_store.unavailable",
    });
    await store.close();
  });

  describe("behind a network that fails", () => {
    let proxy: TcpProxy;
    beforeAll(async () => {
      const { hostname, port } = new URL(url());
      proxy = await startTcpProxy({ host: hostname, port: Number(port) });
    });
    afterAll(() => proxy[Symbol.asyncDispose]());

    it("GS5: is unavailable while it is cut off, and works again by itself", async () => {
      const store = open({ url: `http://127.0.0.1:${proxy.port}` });
      await store.ping();
      proxy.cut();
      await expect(store.get(PLATFORM, "content_metadata", "a")).rejects.toMatchObject({
        code: "graph_store.unavailable",
      });
      proxy.mend();
      expect(await store.get(PLATFORM, "content_metadata", "a")).toBeUndefined();
      await store.close();
    });
  });

  it("GS2: a zombie whose transaction is still open writes nothing once its effect was undone", async () => {
    const tenantId = trustedTenantId(`tenant ${randomUUID()}`);
    const owner = { dataClassification: "client", tenantId } as const;
    const [zombie, undoer] = [open(), open()];
    const effect = { key: `execution_${randomUUID()}/step`, part: "all" };
    const many = Array.from({ length: 500 }, (_, n) => ({
      kind: "put" as const,
      collection: "content_metadata" as const,
      key: `k${n}`,
      fields: { n },
    }));
    const late = Promise.allSettled([zombie.write(owner, effect, many)]);
    await undoer.undo(tenantId, effect.key, 0);
    await late;
    expect((await undoer.list(scopeOf(owner), "content_metadata", undefined, { limit: 1 })).items).toEqual([]);
    await Promise.all([zombie.close(), undoer.close()]);
  });
});
