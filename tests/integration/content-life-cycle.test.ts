import { readdir } from "node:fs/promises";
import { join } from "node:path";

import { describe, expect, it } from "vitest";

import { intents } from "../../functions/catalog.ts";
import { createSqliteStore } from "../../infra/adapters/sqlite/execution-store.ts";
import { artifactFacet, artifactKind } from "../../shared/artifacts/artifact.ts";
import type { JsonObject } from "../../shared/json.ts";
import { openRuntime, type TestRuntime } from "../kit/runtime.ts";
import { temporaryFolder } from "../kit/temporary-folder.ts";
import { uploadPath } from "../../shared/artifacts/upload.ts";
import { done, readyFile, uploaded } from "./content-flow.ts";

const csv = (text: string, name = "a.csv"): JsonObject => ({
  ui_name: name,
  content_base64: Buffer.from(text).toString("base64"),
});
const filesOf = async ({ services, tenantId }: TestRuntime): Promise<number> =>
  (await services.surface.list(tenantId, artifactKind, "all", { limit: 1 })).total;

describe("bulk ingestion", () => {
  const files = Array.from({ length: 25 }, (_, index) => csv(index === 13 ? "" : `a\n${index}\n`, `${index}.csv`));

  it("takes every file in that can be, and tells of the others", { timeout: 60_000 }, async () => {
    await using runtime = await openRuntime({ intents });
    const bulk = await done(runtime, "content.bulk_ingest_files", { files });
    expect(bulk).toMatchObject({
      status: "completed",
      total: 25,
      processed: 25,
      succeeded: 24,
      failed: 1,
      batch_count: 3,
      current_batch: 3,
      last_successful_batch: 3,
      errors: [{ index: 13, code: "content.empty_file" }],
    });
    const results = bulk["results"] as readonly { readonly file_id: string; readonly boundary_contract_id: string }[];
    const { file_id, boundary_contract_id } = results[24] ?? {};
    await done(runtime, "content.save_materialization", {
      file_id: file_id ?? "",
      boundary_contract_id: boundary_contract_id ?? "",
    });
    expect(await done(runtime, "content.parse_content", { file_id: file_id ?? "" })).toMatchObject({ record_count: 1 });
    const { operation_id } = bulk;
    expect(await done(runtime, "content.get_operation_status", { operation_id })).toEqual(bulk);
  });

  it("makes one file of one upload, and keeps its bytes until a batch is committed", async () => {
    const inner = createSqliteStore(":memory:");
    let fails = 2;
    // What a batch has done is not committed, and all of it is done again.
    const commit: typeof inner.commit = (asked) =>
      asked.change.records.some(({ kind }) => kind === "upload") && fails-- > 0
        ? Promise.resolve({ outcome: "conflict", kind: "artifact", id: "a" })
        : inner.commit(asked);
    {
      await using runtime = await openRuntime({ intents, store: { ...inner, commit } });
      const uploads = await Promise.all(
        ["a\n1\n", "a\n2\n"].map((text) => uploaded(runtime, "u.csv", Buffer.from(text))),
      );
      const of = (...ids: readonly string[]) => ({ files: ids.map((upload_id) => ({ ui_name: "u.csv", upload_id })) });
      const [one = "", other = ""] = uploads;
      const faults = [
        { path: "parameters.files.2.upload_id", message: "is that of files.0: an upload becomes one file" },
      ];
      await expect(runtime.submit("content.bulk_ingest_files", of(one, other, one))).rejects.toMatchObject({ faults });
      expect(await done(runtime, "content.bulk_ingest_files", of(one, other))).toMatchObject({
        succeeded: 2,
        failed: 0,
      });
      const { objects } = runtime.services.adapters;
      const left = uploads.map((upload_id) => objects.size(uploadPath({ tenant_id: "acme", upload_id })));
      expect(await Promise.all(left)).toEqual([0, 0]);
    }
    await inner.close();
  });

  it("is the same operation for the same files, and takes nothing in twice", { timeout: 60_000 }, async () => {
    await using runtime = await openRuntime({ intents });
    const first = await done(runtime, "content.bulk_ingest_files", { files });
    const count = await filesOf(runtime);
    expect(await done(runtime, "content.bulk_ingest_files", { files })).toEqual(first);
    const resumed = await done(runtime, "content.bulk_ingest_files", { files, resume_from_batch: 1 });
    expect(resumed).toMatchObject({ operation_id: first["operation_id"], succeeded: 24, failed: 1 });
    // The one that failed was tried again, and failed again.
    expect(await filesOf(runtime)).toBe(count + 1);
    const other = await done(runtime, "content.bulk_ingest_files", { files: files.slice(1) });
    expect(other["operation_id"]).not.toBe(first["operation_id"]);
  });

  it(
    "says that it failed once it was cancelled, and is taken in whole when it is resumed",
    { timeout: 60_000 },
    async () => {
      await using runtime = await openRuntime({ intents });
      const { control, lifecycle } = runtime.services;
      const { execution } = await runtime.submit("content.bulk_ingest_files", { files, batch_size: 1 });
      await control.cancel(runtime.tenantId, execution.execution_id, true);
      const ended = await lifecycle.wait(runtime.tenantId, execution.execution_id, 30_000);
      expect(ended.status).toBe("cancelled");
      const cancelled = await done(runtime, "content.bulk_ingest_files", { files });
      expect(cancelled).toMatchObject({ status: "failed", total: 25 });
      const resumed = await done(runtime, "content.bulk_ingest_files", { files, resume_from_batch: 1 });
      expect(resumed).toMatchObject({ status: "completed", succeeded: 24, failed: 1 });
    },
  );

  it("refuses a batch that there is not, and an operation that there is not", { timeout: 60_000 }, async () => {
    await using runtime = await openRuntime({ intents });
    const bulk = await runtime.run("content.bulk_ingest_files", { files, resume_from_batch: 4 });
    expect(bulk.error?.code).toBe("operation.no_such_batch");
    const status = await runtime.run("content.get_operation_status", { operation_id: "operation_0" });
    expect(status.error?.code).toBe("operation.not_found");
  });
});

describe("a file", () => {
  it(
    "is archived, restored, deleted, and purged with its bytes once that is confirmed",
    { timeout: 60_000 },
    async () => {
      await using folder = await temporaryFolder();
      await using runtime = await openRuntime({ intents, folder: folder.path });
      const bytes = async () =>
        (await readdir(join(folder.path, "objects"), { recursive: true })).filter((path) => path.endsWith(".csv"))
          .length;
      const file_id = await readyFile(runtime, "a.csv", Buffer.from("a\n1\n"));
      const code = async (type: string, more: JsonObject = {}) =>
        (await runtime.run(type, { file_id, ...more })).error?.code;

      await done(runtime, "content.archive_file", { file_id });
      expect(await code("content.parse_content")).toBe("artifact.not_ready");
      expect(await code("content.archive_file")).toBe("artifact.lifecycle");
      await done(runtime, "content.restore_file", { file_id });
      const { parsed_file_id } = await done(runtime, "content.parse_content", { file_id });

      await expect(runtime.run("content.delete_file", { file_id, purge: true })).rejects.toMatchObject({ status: 422 });
      await done(runtime, "content.delete_file", { file_id });
      expect(await bytes()).toBe(1);
      expect(await code("content.restore_file")).toBe("artifact.lifecycle");
      expect(await code("content.delete_file")).toBe("artifact.lifecycle");
      const purged = await done(runtime, "content.delete_file", { file_id, purge: true, confirm: true });
      expect([purged, await bytes()]).toEqual([
        { file_id, lifecycle_state: "DELETED", purged: true, derived: 1, more: false },
        0,
      ]);

      const { surface } = runtime.services;
      const { value } = (await surface.get(runtime.tenantId, artifactKind, file_id)) ?? {};
      expect(value).toMatchObject({ lifecycle_state: "DELETED", materializations: [] });
      // What was made of it is gone too, and still says of what it was made.
      const parsed = await surface.get(runtime.tenantId, artifactKind, String(parsed_file_id));
      expect(parsed?.value).toMatchObject({
        lifecycle_state: "DELETED",
        materializations: [],
        parent_artifacts: [file_id],
      });
    },
  );

  it(
    "takes all with it that was made of it when it is purged, and ends its contracts, unless its bytes are another file's too",
    { timeout: 120_000 },
    async () => {
      await using folder = await temporaryFolder();
      await using runtime = await openRuntime({ intents, folder: folder.path });
      const { tenantId, graph } = runtime;
      const { surface, adapters } = runtime.services;
      const scope = { dataClassification: "client", tenantId } as const;
      const text = "name,city\nAnn,Paris\nBob,Rome\n";
      const [first, twin, other] = [
        await readyFile(runtime, "a.csv", Buffer.from(text)),
        await readyFile(runtime, "b.csv", Buffer.from(text)),
        await readyFile(runtime, "c.csv", Buffer.from("x\n1\n")),
      ];
      for (const file_id of [first, other]) {
        await done(runtime, "mash.create", { file_id });
        const { parsed_file_id } = await done(runtime, "content.parse_content", { file_id });
        await done(runtime, "steward.describe_content", {
          data_classification: "client",
          change: { operation: "create", content_id: parsed_file_id, file_id, title: "people" },
        });
      }
      const left = async (file_id: string) => {
        const where = { file_id };
        const at = { limit: 50 };
        const field = { field: "file_id", value: file_id } as const;
        const rows = ["file_references", "parsed_data_files"] as const;
        const counts = [
          ...rows.map((table) => adapters.records.list(scope, table, { ...at, where })),
          graph.list(scope, "structured_embeddings", field, at),
          graph.list(scope, "content_metadata", field, at),
        ];
        return (await Promise.all(counts)).map(({ items }) => items.length);
      };
      const contracts = async () => {
        const { items } = await adapters.records.list(scope, "data_boundary_contracts", { limit: 50 });
        return items.map(({ status }) => status).toSorted();
      };
      const objects = async () => {
        const all = await readdir(join(folder.path, "objects/artifacts"), { recursive: true });
        return all.filter((path) => /\.(csv|parquet|jsonl|json)$/.test(path)).length;
      };
      const purge = (file_id: string) => done(runtime, "content.delete_file", { file_id, purge: true, confirm: true });

      const [before, otherObjects] = [await objects(), await left(other)];
      expect(await left(first)).toEqual([1, 2, expect.any(Number), 1]);
      expect(await contracts()).toEqual(["active", "active"]);
      // Two of parsed data, one of what can be computed alone, one of its meaning.
      expect(await purge(first)).toMatchObject({ derived: 4, more: false });
      expect(await left(first)).toEqual([0, 0, 0, 0]);
      expect(await left(other)).toEqual(otherObjects);
      expect(await objects()).toBe(before - 5);
      expect(await contracts()).toEqual(["active", "active"]);
      expect(await purge(twin)).toMatchObject({ derived: 0 });
      expect(await contracts()).toEqual(["active", "expired"]);
      expect(await purge(other)).toMatchObject({ derived: 4 });
      expect(await objects()).toBe(0);
      const all = await surface.list(tenantId, artifactKind, "all", { limit: 50 });
      expect(new Set(all.items.map(({ value }) => value.lifecycle_state))).toEqual(new Set(["DELETED"]));
      // Again, it finds nothing more to do.
      expect(await purge(first)).toMatchObject({ purged: true, derived: 0, more: false });
    },
  );

  it("is purged in several goes when much was made of it", { timeout: 120_000 }, async () => {
    await using runtime = await openRuntime({ intents });
    const { services, tenantId } = runtime;
    const file_id = await readyFile(runtime, "a.csv", Buffer.from("a\n1\n"));
    const parses = Array.from({ length: 120 }, () => runtime.run("content.parse_content", { file_id }));
    for (const { status } of await Promise.all(parses)) expect(status).toBe("completed");
    const purge = () => done(runtime, "content.delete_file", { file_id, purge: true, confirm: true });
    expect(await purge()).toMatchObject({ derived: 100, more: true });
    expect(await purge()).toMatchObject({ derived: 20, more: false });
    const gone = artifactFacet({ lifecycleState: "DELETED" });
    const deleted = await services.surface.list(tenantId, artifactKind, gone, { limit: 1 });
    expect(deleted.total).toBe(121);
  });
});
