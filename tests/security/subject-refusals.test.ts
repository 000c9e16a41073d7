import { expect, it } from "vitest";

import { intents } from "../../functions/catalog.ts";
import { artifactKind, subjectFacet } from "../../shared/artifacts/artifact.ts";
import type { JsonObject } from "../../shared/json.ts";
import { openRuntime } from "../kit/runtime.ts";

/**
 * What is made of a subject's data is the subject's, or is not made at all (ADR 0028, 0036): each intent of the catalog is asked to work on
 * a subject's file without naming the subject, and those that cannot encrypt also while naming it.
 */
const client = { data_classification: "client" } as const;

interface Ids {
  readonly file_id: string;
  readonly parsed_file_id: string;
  readonly contract_id: string;
}

/** What each intent is asked, and what it says. */
const refusals: Readonly<Record<string, readonly [asked: (ids: Ids) => JsonObject, code: string]>> = {
  "content.save_materialization": [
    ({ file_id, contract_id }) => ({ file_id, boundary_contract_id: contract_id }),
    "subject.not_named",
  ],
  "content.parse_content": [({ file_id }) => ({ file_id }), "subject.not_named"],
  "content.archive_file": [({ file_id }) => ({ file_id }), "subject.not_named"],
  "content.restore_file": [({ file_id }) => ({ file_id }), "subject.not_named"],
  "content.delete_file": [({ file_id }) => ({ file_id, purge: true, confirm: true }), "subject.not_named"],
  "content.create_deterministic_embeddings": [({ parsed_file_id }) => ({ parsed_file_id }), "subject.not_named"],
  "content.extract_embeddings": [
    ({ parsed_file_id }) => ({ parsed_file_id, deterministic_embedding_id: parsed_file_id }),
    "subject.not_named",
  ],
  "insights.query_data": [
    ({ parsed_file_id }) => ({ sql: "SELECT * FROM t", tables: { t: parsed_file_id } }),
    "subject.not_named",
  ],
  "mash.create": [({ file_id }) => ({ file_id }), "subject.not_named"],
  "steward.describe_content": [
    ({ file_id }) => ({ ...client, change: { operation: "create", content_id: "c1", file_id, title: "Zoe's" } }),
    "subject.words_refused",
  ],
  "steward.update_file_reference": [
    ({ file_id }) => ({ ...client, file_id, ui_name: "zoe.csv" }),
    "subject.words_refused",
  ],
  "steward.promote_to_record_of_fact": [
    ({ contract_id }) => ({ ...client, contract_id, fact_type: "name", fact: { name: "Zoe" } }),
    "subject.words_refused",
  ],
};
/** They name no data, or answer ids, sizes and times, which are not hidden (ADR 0028). */
const wordless = [
  "content.bulk_ingest_files",
  "content.get_operation_status",
  "content.ingest_file",
  "content.search",
  "steward.authorize_materialization",
  "steward.end_contract",
  "steward.erase_subject",
  "steward.expire_contracts",
  "steward.govern_data",
  "steward.list_data",
  "steward.put_governance_policy",
  "steward.query",
  "steward.request_data_access",
  "steward.set_materialization_policy",
  "steward.trace_lineage",
];

it("no intent makes anything of a subject's data that would outlive the subject", { timeout: 60_000 }, async () => {
  expect([...Object.keys(refusals), ...wordless].toSorted()).toEqual(intents.map(({ type }) => type).toSorted());
  await using runtime = await openRuntime({ intents });
  const { services, tenantId } = runtime;
  const more = { roles: ["operator"] as const };
  const of = { ...more, subjectId: "s1" };
  const done = async (type: string, parameters: JsonObject) => {
    const { status, error, output } = await runtime.run(type, parameters, of);
    expect([type, status, error]).toEqual([type, "completed", undefined]);
    return (await services.claimCheck.redeem(tenantId, output ?? null)) as JsonObject;
  };
  const content_base64 = Buffer.from("name\nZoe\n").toString("base64");
  const taken = await done("content.ingest_file", { ui_name: "zoe.csv", content_base64 });
  const { file_id, boundary_contract_id } = taken;
  await done("content.save_materialization", { file_id, boundary_contract_id });
  const { parsed_file_id } = await done("content.parse_content", { file_id });
  const ids = {
    file_id: String(file_id),
    parsed_file_id: String(parsed_file_id),
    contract_id: String(boundary_contract_id),
  };

  for (const [type, [asked, code]] of Object.entries(refusals)) {
    const { error } = await runtime.run(type, asked(ids), more);
    expect([type, error?.code]).toEqual([type, code]);
    expect(JSON.stringify(error)).not.toContain("Zoe");
    if (intents.find((each) => each.type === type)?.sealable === true) continue;
    await expect(runtime.run(type, asked(ids), of)).rejects.toMatchObject({
      code: "subject.refused",
      status: 422,
    });
  }
  // What was made so far is the subject's, each of it, by what it was made of.
  const all = await services.surface.list(tenantId, artifactKind, "all", { limit: 50 });
  const own = await services.surface.list(tenantId, artifactKind, subjectFacet("s1"), { limit: 50 });
  expect([all.total, own.total]).toEqual([2, 2]);
  const scope = { dataClassification: "client", tenantId } as const;
  for (const collection of ["content_metadata", "structured_embeddings", "semantic_graph_nodes"] as const) {
    expect((await runtime.graph.list(scope, collection, undefined, { limit: 5 })).items).toEqual([]);
  }
});
