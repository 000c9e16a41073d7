import { afterEach, describe, expect, it } from "vitest";
import * as z from "zod";

import { createDeterministicEmbeddings } from "../../../functions/content/create-deterministic-embeddings.ts";
import { deleteFile } from "../../../functions/content/delete-file.ts";
import { extractEmbeddings } from "../../../functions/content/extract-embeddings.ts";
import { ingestFile } from "../../../functions/content/ingest-file.ts";
import { parseContent } from "../../../functions/content/parse-content.ts";
import { saveMaterialization } from "../../../functions/content/save-materialization.ts";
import { search } from "../../../functions/content/search.ts";
import { create as createMash } from "../../../functions/mash/create.ts";
import { endContract } from "../../../functions/steward/end-contract.ts";
import { putGovernancePolicy } from "../../../functions/steward/put-governance-policy.ts";
import { traceLineage } from "../../../functions/steward/trace-lineage.ts";
import { createSqliteGraphStore } from "../../../infra/adapters/sqlite/graph-store.ts";
import { createSqliteRecordStore } from "../../../infra/adapters/sqlite/record-store.ts";
import { artifactKind } from "../../../shared/artifacts/artifact.ts";
import { readStorageUse } from "../../../shared/artifacts/storage-use.ts";
import { storedBytesOf } from "../../../shared/artifacts/stored-bytes.ts";
import type { Execution } from "../../../shared/executions/execution.ts";
import { type ArtifactId, asId, trustedTenantId } from "../../../shared/ids.ts";
import type { JsonObject } from "../../../shared/json.ts";
import { foldLog } from "../../../shared/executions/fold.ts";
import { readJourney } from "../../../shared/mash/journey.ts";
import { graphUnavailable } from "../../../shared/ports/graph-states.ts";
import type { GraphStore } from "../../../shared/ports/graph-store.ts";
import type { RecordStore } from "../../../shared/ports/record-store.ts";
import { intent } from "../../../shared/sagas/intent.ts";
import { TerminalError } from "../../../shared/sagas/retry-policy.ts";
import { createWriteAheadLog } from "../../../shared/state/write-ahead-log.ts";
import { openRuntime, testIds, type TestRuntime } from "../../kit/runtime.ts";
import { CSV, readyFile } from "./ready-file.ts";

const TEXT =
  "Dr. Jane Goodall visited Acme Research Ltd on 3 May 2024.\n\nAcme Research Ltd paid €1,200 to Dr. Jane Goodall. Write to jane@acme.example.\n";

const intents = [
  ingestFile,
  saveMaterialization,
  parseContent,
  extractEmbeddings,
  search,
  createMash,
  createDeterministicEmbeddings,
  putGovernancePolicy,
  endContract,
  traceLineage,
  deleteFile,
];
const MILESTONES = [
  "file_uploaded",
  "file_validated",
  "file_parsed",
  "parsed_data_stored",
  "semantic_processed",
  "semantic_stored",
  "data_mash_complete",
];

let open: TestRuntime | undefined;
afterEach(async () => {
  await open?.[Symbol.asyncDispose]();
  open = undefined;
});

async function runtime(graph?: GraphStore, records?: RecordStore): Promise<TestRuntime> {
  const stores = { ...(graph === undefined ? {} : { graph }), ...(records === undefined ? {} : { records }) };
  open = await openRuntime({ intents, ...stores });
  return open;
}

const journeyOf = (on: TestRuntime, { trace_id }: Execution, tenantId = on.tenantId) =>
  readJourney({ ...on.services, store: on.store }, tenantId, trace_id);

const retried = async (on: TestRuntime, { execution_id }: Execution): Promise<Execution> => {
  const repeat = { userId: undefined, traceId: testIds.trace() };
  const { execution } = await on.services.control.retry(on.tenantId, execution_id, repeat);
  return on.services.lifecycle.wait(on.tenantId, execution.execution_id, 60_000);
};

/** A graph store whose writes of what data means fail as long as they are told to; those of lineage do not. */
function fragile(fault: (call: number) => Error | undefined) {
  const inner = createSqliteGraphStore(":memory:");
  let calls = 0;
  const graph: GraphStore = {
    ...inner,
    write: async (owner, effect, writes) => {
      const error = effect.part.startsWith("semantic-") ? fault((calls += 1)) : undefined;
      if (error !== undefined) throw error;
      return inner.write(owner, effect, writes);
    },
  };
  return graph;
}

describe("mash.create", () => {
  it("takes a table from its bytes to the meaning of its columns, past every milestone, under one trace id", async () => {
    const on = await runtime();
    const fileId = await readyFile(on, "orders.csv", CSV);
    const mashed = await on.run(createMash.type, { file_id: fileId, options: { target_domain: "sales" } });
    expect(mashed.status).toBe("completed");
    expect(mashed.output).toMatchObject({
      trace_id: mashed.trace_id,
      results: {
        file: { file_id: fileId, ui_name: "orders.csv", data_classification: "client" },
        parse: { record_count: 2 },
        semantic: {
          embedding_model: "lexical-256-v1",
          embeddings: 9,
          entities: 0,
          sampled_records: 2,
          truncated: false,
        },
        storage: { documents: 9 },
      },
    });
    const journey = await journeyOf(on, mashed);
    expect(journey.milestones.map(({ milestone }) => milestone)).toEqual(MILESTONES);
    const times = journey.milestones.map(({ reachedAt }) => reachedAt);
    expect(times).toEqual(times.toSorted());
    expect(journey).toMatchObject({ status: "completed", failure: undefined });
    expect(Object.keys(journey.results)).toEqual([
      "file",
      "parse",
      "parsed_storage",
      "semantic",
      "storage",
      "register",
    ]);

    const found = await on.run(search.type, { query: "e-mail of the customer", embedding_kind: "metadata" });
    const { matches } = found.output as { readonly matches: readonly JsonObject[] };
    expect(matches[0]).toMatchObject({ column_name: "customer_email", file_id: fileId, embedding_kind: "metadata" });
    const values = await on.run(search.type, { query: "ann@example.org", limit: 1 });
    expect(values.output).toMatchObject({ matches: [{ embedding_kind: "samples", column_name: "customer_email" }] });
  });

  it("takes a text to the graph of what it names, and to embeddings of its paragraphs", async () => {
    const on = await runtime();
    const mashed = await on.run(createMash.type, {
      file_id: await readyFile(on, "letter.txt", TEXT),
      options: { confidence_level: 0.7 },
    });
    expect(mashed.status).toBe("completed");
    const { embeddings_id } = mashed.output as { readonly embeddings_id: string };
    const scope = { dataClassification: "client", tenantId: on.tenantId } as const;
    const nodes = await on.graph.list(scope, "semantic_graph_nodes", undefined, { limit: 100 });
    expect(
      nodes.items.map(({ fields }) => `${String(fields["entity_type"])} ${String(fields["name"])}`).toSorted(),
    ).toEqual([
      "amount €1,200",
      "date 3 May 2024",
      "email jane@acme.example",
      "organization Acme Research Ltd",
      "person Dr. Jane Goodall",
    ]);
    for (const { fields } of nodes.items)
      expect(fields).toMatchObject({ semantic_id: embeddings_id, trace_id: mashed.trace_id });
    const edges = await on.graph.list(scope, "semantic_graph_edges", undefined, { limit: 100 });
    const counts = edges.items.map(({ fields }) => Number(fields["count"])).toSorted((a, b) => b - a);
    expect(counts[0], "Goodall and Acme are named together twice").toBe(2);
    const found = await on.run(search.type, { query: "paid euros", embedding_kind: "text", limit: 1 });
    expect(found.output).toMatchObject({ matches: [{ record: 1 }] });
  });

  it("stops at the stage that fails, keeps what the stages before it did, and a retry goes on from there", async () => {
    let broken = true;
    const graph = fragile(() => (broken ? new TerminalError("test.broken", "No.") : undefined));
    const on = await runtime(graph);
    const fileId = await readyFile(on, "orders.csv", CSV);
    const failed = await on.run(createMash.type, { file_id: fileId });
    expect(failed).toMatchObject({ status: "compensated", error: { code: "test.broken", step_name: "storage" } });
    const halfway = await journeyOf(on, failed);
    expect(halfway.milestones.map(({ milestone }) => milestone)).toEqual(MILESTONES.slice(0, 5));
    expect(halfway).toMatchObject({ status: "compensated", failure: { code: "test.broken" } });
    expect(Object.keys(halfway.results)).toEqual(["file", "parse", "parsed_storage", "semantic"]);
    const parses = async () =>
      (await on.store.listExecutions(on.tenantId, { intentType: parseContent.type }, { limit: 9 })).items;
    expect(await parses()).toHaveLength(1);

    broken = false;
    const again = await retried(on, failed);
    expect(again.status).toBe("completed");
    expect(again.trace_id).toBe(failed.trace_id);
    expect(await parses(), "what was parsed is not parsed again").toHaveLength(1);
    const journey = await journeyOf(on, again);
    expect(journey.milestones.map(({ milestone }) => milestone)).toEqual(MILESTONES);
    expect(journey.executions.map(({ status }) => status)).toEqual(["completed", "compensated"]);
    expect((await on.run(search.type, { query: "price" })).output).toMatchObject({ compared: 9 });
    await graph.close();
  });

  it("what a failed one has kept counts, is taken up by its retry, and goes with its file", async () => {
    let broken = true;
    const graph = fragile(() => (broken ? new TerminalError("test.broken", "No.") : undefined));
    const on = await runtime(graph);
    const used = async () =>
      (await readStorageUse({ ...on.services.adapters, surface: on.services.surface }, on.tenantId)).bytes;
    const embeddings = async (executionId: string) => {
      const { artifacts } = await on.services.lifecycle.get(on.tenantId, asId.execution(executionId));
      const [id] = artifacts.map(({ artifact_id }) => artifact_id);
      return (await on.services.surface.get(on.tenantId, artifactKind, id ?? ""))?.value;
    };
    const fileId = await readyFile(on, "orders.csv", CSV);
    const failed = await on.run(createMash.type, { file_id: fileId });
    expect(failed).toMatchObject({ status: "compensated", error: { step_name: "storage" } });
    const kept = await embeddings(failed.execution_id);
    expect(kept).toMatchObject({ lifecycle_state: "PENDING", materializations: [{ format: "jsonl" }] });
    const all = (await on.services.surface.list(on.tenantId, artifactKind, "all", { limit: 99 })).items;
    expect(await used()).toBe(all.reduce((sum, { value }) => sum + storedBytesOf(value), 0));

    broken = false;
    const again = await retried(on, failed);
    expect(again).toMatchObject({ status: "completed", output: { embeddings_id: kept?.artifact_id } });
    expect(await used(), "nothing was kept a second time").toBe(
      all.reduce((sum, { value }) => sum + storedBytesOf(value), 0),
    );

    broken = true;
    const left = await on.run(createMash.type, { file_id: fileId });
    expect(await embeddings(left.execution_id)).toMatchObject({ lifecycle_state: "PENDING" });
    const purged = await on.run(deleteFile.type, { file_id: fileId, purge: true, confirm: true });
    expect(purged.status).toBe("completed");
    expect(await embeddings(left.execution_id)).toMatchObject({ lifecycle_state: "FAILED", materializations: [] });
    expect(await used()).toBe(0);
    await graph.close();
  });

  it("has its last milestone when an intent that says so goes on in its trace", async () => {
    const insight = intent("test.find_insight", {
      version: 1,
      description: "Finds something in what was mashed.",
      input: z.strictObject({}),
      output: z.object({}),
      journey: { find: ["insights_generated"] },
    })
      .step("find", { run: () => ({ found: 1 }) })
      .returns(() => ({}));
    open = await openRuntime({ intents: [...intents, insight] });
    const on = open;
    const mashed = await on.run(createMash.type, { file_id: await readyFile(on, "orders.csv", CSV) });
    const elsewhere = await on.run(insight.type, {});
    const later = await on.run(insight.type, {}, { traceId: mashed.trace_id });
    expect([elsewhere.status, later.status]).toEqual(["completed", "completed"]);
    const journey = await journeyOf(on, mashed);
    expect(journey.milestones.map(({ milestone }) => milestone)).toEqual([...MILESTONES, "insights_generated"]);
    expect(journey.milestones.at(-1)).toMatchObject({ executionId: later.execution_id, stepName: "find" });
    expect(journey.results).toMatchObject({ find: { found: 1 }, register: {} });
  });

  it("stops at the file that cannot be parsed; its retry begins with the parsing", async () => {
    const on = await runtime();
    const failed = await on.run(createMash.type, { file_id: await readyFile(on, "broken.json", '[{"id": 1') });
    expect(failed.status).toBe("compensated");
    const journey = await journeyOf(on, failed);
    expect(journey.milestones.map(({ milestone }) => milestone)).toEqual(["file_uploaded", "file_validated"]);
    const again = await retried(on, failed);
    expect(again.steps.map(({ step_name, status }) => [step_name, status])).toEqual([
      ["file", "completed"],
      ["parse", "compensated"],
    ]);
    expect((await journeyOf(on, again)).executions).toHaveLength(2);
  });

  it("waits for a graph store that is away, and goes on when it is back", async () => {
    const graph = fragile((call) => (call <= 2 ? graphUnavailable(new Error("away")) : undefined));
    const on = await runtime(graph);
    const mashed = await on.run(createMash.type, { file_id: await readyFile(on, "orders.csv", CSV) });
    expect(mashed.status).toBe("completed");
    const storage = mashed.steps.find(({ step_name }) => step_name === "storage");
    expect(storage, "an attempt that a store let down does not count").toMatchObject({ attempt: 1, store_waits: 2 });
    await graph.close();
  });

  it("is refused for a file that is not there, is another tenant's, or is not ready", async () => {
    const on = await runtime();
    const missing = await on.run(createMash.type, { file_id: "file_none" });
    expect(missing).toMatchObject({ status: "failed", error: { code: "artifact.not_found", status: 404 } });
    const content_base64 = Buffer.from(CSV).toString("base64");
    const { output } = await on.run(ingestFile.type, { ui_name: "a.csv", ingestion_type: "upload", content_base64 });
    const pending = await on.run(createMash.type, { file_id: (output as JsonObject)["file_id"] });
    expect(pending).toMatchObject({ error: { code: "artifact.not_ready", status: 409 } });
  });

  it("is refused, with what breaks which policy, for a file that governance does not let through, and goes on when it does", async () => {
    const on = await runtime();
    const fileId = await readyFile(on, "orders.csv", CSV);
    const decree = (users: readonly string[]) =>
      on.run(putGovernancePolicy.type, {
        policy_id: "readers",
        data_classification: "client",
        policy: {
          policy_type: "access_control",
          rule: { users: [...users] },
          applies_to: ["file"],
          enabled: users[0] === "ann",
        },
      });
    expect(await decree(["ann"])).toMatchObject({ status: "completed" });
    const refused = await on.run(createMash.type, { file_id: fileId });
    const violations = [{ policy_id: "readers", rule: "access" }];
    const error = { code: "governance.refused", status: 403, details: { policies_applied: ["readers"], violations } };
    expect(refused).toMatchObject({ error });
    expect((await journeyOf(on, refused)).milestones).toEqual([]);
    const denied = { executionId: refused.execution_id, eventType: "policy_decided", order: "chronological" } as const;
    const logged = await on.store.readLog(on.tenantId, denied, { limit: 9 });
    expect(logged.items.map((text) => (JSON.parse(text) as JsonObject)["payload"])).toEqual([
      {
        policy: "access_control",
        policy_id: "readers",
        decision: "deny",
        data_id: fileId,
        data_type: "file",
        rules: ["access"],
      },
    ]);

    const replayed = createWriteAheadLog(on.store).replay(on.tenantId, { executionId: refused.execution_id });
    expect(await foldLog(replayed)).toEqual(refused);

    const retention = { policy_type: "retention", rule: { max_age_days: 1 }, applies_to: ["file"] };
    await decree(["nobody"]);
    await on.run(putGovernancePolicy.type, { policy_id: "young", data_classification: "client", policy: retention });
    const again = await retried(on, refused);
    expect(again).toMatchObject({
      status: "completed",
      output: { results: { file: { policies_applied: ["young"] } } },
    });
    const decided = { executionId: again.execution_id, eventType: "policy_decided", order: "chronological" } as const;
    const { items } = await on.store.readLog(on.tenantId, decided, { limit: 9 });
    expect(items.map((text) => (JSON.parse(text) as JsonObject)["payload"])).toMatchObject([
      { policy_id: "young", decision: "allow", data_id: fileId },
    ]);
  });

  it("is refused for a file whose boundary contract was taken back", async () => {
    const on = await runtime();
    const content_base64 = Buffer.from(CSV).toString("base64");
    const { output } = await on.run(ingestFile.type, { ui_name: "a.csv", ingestion_type: "upload", content_base64 });
    const { file_id, boundary_contract_id } = output as JsonObject;
    await on.run(saveMaterialization.type, { file_id, boundary_contract_id });
    const end = { contract_id: boundary_contract_id, data_classification: "client", outcome: "revoked" };
    expect(await on.run(endContract.type, end)).toMatchObject({ status: "completed" });
    const refused = await on.run(createMash.type, { file_id });
    expect(refused).toMatchObject({ error: { code: "boundary_contract.not_in_force", status: 409 } });
  });

  it("leaves the lineage from file to parsed to semantic data, and one row of the parsed data", async () => {
    const records = createSqliteRecordStore(":memory:");
    const on = await runtime(undefined, records);
    const fileId = await readyFile(on, "orders.csv", CSV);
    const { output } = await on.run(createMash.type, { file_id: fileId });
    const { embeddings_id, results } = output as {
      readonly embeddings_id: ArtifactId;
      readonly results: {
        readonly parsed_storage: { readonly parsed_file_id: string; readonly metadata_id: string };
        readonly semantic: { readonly deterministic_embedding_id: ArtifactId };
      };
    };
    const { parsed_file_id, metadata_id } = results.parsed_storage;
    const traced = await on.run(traceLineage.type, { data_id: fileId, data_classification: "client" });
    const { edges } = traced.output as { readonly edges: readonly JsonObject[] };
    expect(edges.map(({ from, relation, to }) => [from, relation, to])).toEqual([
      [fileId, "parsed_into", parsed_file_id],
      [parsed_file_id, "understood_as", embeddings_id],
    ]);
    const view = { dataClassification: "client", tenantId: on.tenantId } as const;
    const rows = await records.list(view, "parsed_data_files", { limit: 9 });
    expect(rows.items).toMatchObject([{ id: metadata_id, file_id: fileId, parsed_file_id, row_count: 2 }]);
    const made = await on.services.surface.get(on.tenantId, artifactKind, embeddings_id);
    expect(made?.value.parent_artifacts).toEqual([parsed_file_id, results.semantic.deterministic_embedding_id]);
    await records.close();
  });

  it("a journey is the tenant's own", async () => {
    const on = await runtime();
    const mashed = await on.run(createMash.type, { file_id: await readyFile(on, "orders.csv", CSV) });
    const notFound = { code: "journey.not_found", status: 404 };
    await expect(journeyOf(on, mashed, trustedTenantId("globex"))).rejects.toMatchObject(notFound);
    await expect(journeyOf(on, { ...mashed, trace_id: testIds.trace() })).rejects.toMatchObject(notFound);
  });
});
