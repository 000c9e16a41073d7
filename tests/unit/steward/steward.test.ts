import { describe, expect, it } from "vitest";

import { intents } from "../../../functions/catalog.ts";
import type { JsonObject } from "../../../shared/json.ts";
import type { Role } from "../../../shared/roles.ts";
import { createSqliteRecordStore } from "../../../infra/adapters/sqlite/record-store.ts";
import { systemClock } from "../../../infra/adapters/system/system.ts";
import { trustedTenantId } from "../../../shared/ids.ts";
import { newSession, openRuntime, type TestRuntime } from "../../kit/runtime.ts";

const client = { data_classification: "client" } as const;
const CSV = Buffer.from("id,email\n1,a@example.com\n2,\n").toString("base64");
const OPERATOR: readonly Role[] = ["operator"];
const PLATFORM: readonly Role[] = ["operator", "platform"];

const file = (more: JsonObject = {}) => ({ ui_name: "people.csv", content_base64: CSV, ...more });

async function outputOf(
  runtime: TestRuntime,
  type: string,
  parameters: JsonObject,
  roles = OPERATOR,
): Promise<JsonObject> {
  const { status, output, error } = await runtime.run(type, parameters, { roles });
  expect(error).toBeUndefined();
  expect(status).toBe("completed");
  return output as JsonObject;
}

async function errorOf(runtime: TestRuntime, type: string, parameters: JsonObject, roles = OPERATOR) {
  return (await runtime.run(type, parameters, { roles })).error;
}

async function parsedFile(runtime: TestRuntime): Promise<{ file_id: string; parsed_file_id: string }> {
  const { file_id = "", boundary_contract_id } = await outputOf(runtime, "content.ingest_file", file());
  await outputOf(runtime, "content.save_materialization", { file_id, boundary_contract_id });
  const { parsed_file_id } = await outputOf(runtime, "content.parse_content", { file_id });
  return { file_id: String(file_id), parsed_file_id: String(parsed_file_id) };
}

describe("boundary contracts", () => {
  it("go from a file's ingestion to its authorization, and a second copy of the file uses the same one", async () => {
    await using runtime = await openRuntime({ intents });
    const first = await outputOf(runtime, "content.ingest_file", file());
    const contractId = first["boundary_contract_id"];
    const list = async (status: string) =>
      (await outputOf(runtime, "steward.list_data", { kind: "contracts", status, ...client }))["items"];
    expect(await list("pending")).toMatchObject([{ id: contractId, source_sha256: first["sha256"] }]);
    const [file_id, boundary_contract_id] = [first["file_id"], contractId];
    await outputOf(runtime, "content.save_materialization", { file_id, boundary_contract_id });
    expect(await list("active")).toMatchObject([
      { id: contractId, materialization_type: "full_artifact", backing_store: "gcs" },
    ]);
    const second = await outputOf(runtime, "content.ingest_file", file({ ui_name: "again.csv" }));
    expect(second["boundary_contract_id"]).toBe(contractId);
    await outputOf(runtime, "content.save_materialization", {
      file_id: second["file_id"],
      boundary_contract_id: contractId,
    });
    expect(await list("pending")).toEqual([]);
  });

  it("do not serve another file", async () => {
    await using runtime = await openRuntime({ intents });
    const one = await outputOf(runtime, "content.ingest_file", file());
    const other = { ui_name: "b.csv", content_base64: Buffer.from("x\n1\n").toString("base64") };
    const two = await outputOf(runtime, "content.ingest_file", other);
    const mixed = { file_id: two["file_id"], boundary_contract_id: one["boundary_contract_id"] };
    const error = await errorOf(runtime, "content.save_materialization", mixed);
    expect(error).toMatchObject({ code: "boundary_contract.other_source", status: 422 });
  });

  it("expire after 30 days, count as over before anybody has said so, and then a new one is needed", async () => {
    let nowMs = systemClock.now();
    const clock = { now: () => nowMs, sleep: systemClock.sleep };
    await using runtime = await openRuntime({ intents, clock });
    const source = { ...client, source_external_id: "crm/7" };
    const authorize = { ...client, materialization_type: "reference", backing_store: "none" };
    const { contract_id } = await outputOf(runtime, "steward.request_data_access", source);
    const { expires_at } = await outputOf(runtime, "steward.authorize_materialization", { ...authorize, contract_id });
    expect(Date.parse(String(expires_at)) - nowMs).toBeGreaterThan(30 * 86_400_000 - 60_000);
    expect(await outputOf(runtime, "steward.request_data_access", source)).toEqual({
      contract_id,
      status: "active",
      reused: true,
    });
    nowMs += 30 * 86_400_000 + 1_000;
    const sessionId = await newSession(runtime.services, runtime.tenantId);
    const later = async (type: string, parameters: JsonObject) =>
      (await runtime.run(type, parameters, { sessionId, roles: OPERATOR })).output as JsonObject;
    const fresh = await later("steward.request_data_access", source);
    expect(fresh).toMatchObject({ status: "pending", reused: false });
    const dead = await runtime.run("steward.authorize_materialization", { ...authorize, contract_id }, { sessionId });
    expect(dead.error).toMatchObject({ code: "boundary_contract.life_cycle", status: 409 });
    await later("steward.authorize_materialization", { ...authorize, contract_id: fresh["contract_id"] });
    const expired = await later("steward.list_data", { kind: "contracts", status: "expired", ...client });
    expect(expired["items"]).toMatchObject([{ id: contract_id }]);
    nowMs += 31 * 86_400_000;
    const next = await newSession(runtime.services, runtime.tenantId);
    const purge = await runtime.run("steward.expire_contracts", client, { sessionId: next });
    expect(purge.output).toEqual({ expired: 1, more: false });
  });

  it("let nothing more be made of a file once they are revoked, until another one is authorized", async () => {
    await using runtime = await openRuntime({ intents });
    const { file_id, parsed_file_id } = await parsedFile(runtime);
    const { items } = await outputOf(runtime, "steward.list_data", { kind: "contracts", status: "active", ...client });
    const [{ id: contract_id, source_sha256 } = {}] = items as readonly JsonObject[];
    await outputOf(runtime, "steward.end_contract", { ...client, contract_id, outcome: "revoked" });
    const refused = { code: "boundary_contract.not_in_force", status: 409, details: { file_id, source_sha256 } };
    expect(await errorOf(runtime, "content.parse_content", { file_id })).toMatchObject(refused);
    const made = { parsed_file_id };
    expect(await errorOf(runtime, "content.create_deterministic_embeddings", made)).toMatchObject(refused);
    const asked = await outputOf(runtime, "steward.request_data_access", { ...client, source_sha256 });
    const authorize = { ...client, materialization_type: "full_artifact", backing_store: "gcs" };
    await outputOf(runtime, "steward.authorize_materialization", { ...authorize, contract_id: asked["contract_id"] });
    await outputOf(runtime, "content.parse_content", { file_id });
    await outputOf(runtime, "content.create_deterministic_embeddings", made);
  });

  it("leave a record of fact behind that outlives them", async () => {
    await using runtime = await openRuntime({ intents });
    const { contract_id } = await outputOf(runtime, "steward.request_data_access", {
      ...client,
      source_external_id: "a",
    });
    const fact = { ...client, contract_id, fact_type: "name", fact: { is: "Ada" } };
    expect(await errorOf(runtime, "steward.promote_to_record_of_fact", fact)).toMatchObject({
      code: "boundary_contract.life_cycle",
    });
    const authorize = { ...client, contract_id, materialization_type: "reference", backing_store: "none" };
    await outputOf(runtime, "steward.authorize_materialization", authorize);
    await outputOf(runtime, "steward.promote_to_record_of_fact", fact);
    const facts = await outputOf(runtime, "steward.list_data", { kind: "facts", ...client });
    expect(facts["items"]).toMatchObject([{ contract_id, fact: { is: "Ada" }, source_external_id: "a" }]);
    expect(
      await errorOf(runtime, "steward.end_contract", { ...client, contract_id, outcome: "revoked" }),
    ).toMatchObject({
      code: "boundary_contract.life_cycle",
      details: { from: "fulfilled", to: "revoked" },
    });
  });
});

describe("classification", () => {
  it("of platform data: every tenant reads it, only the platform's role writes it, and it is not client data", async () => {
    await using records = createDisposableRecords();
    await using runtime = await openRuntime({ intents, records: records.store });
    const platform = { data_classification: "platform" } as const;
    const refused = await errorOf(runtime, "content.ingest_file", file(platform), OPERATOR);
    expect(refused).toMatchObject({ code: "classification.platform_only", status: 403 });
    const { file_id } = await outputOf(runtime, "content.ingest_file", file(platform), PLATFORM);
    const wrong = await errorOf(runtime, "steward.update_file_reference", { file_id, ...client, ui_name: "x" });
    expect(wrong).toMatchObject({ code: "classification.refused", status: 403 });

    const tenantId = trustedTenantId("other");
    const sessionId = await newSession(runtime.services, tenantId);
    const listed = async (kind: JsonObject) =>
      (await runtime.run("steward.query", { target: { kind: "files" }, ...kind }, { tenantId, sessionId })).output;
    expect(await listed(platform)).toMatchObject({ items: [{ file_id }] });
    expect(await listed(client)).toEqual({ items: [] });
  });

  it("of client data: another tenant gets what it would get of nothing", async () => {
    await using runtime = await openRuntime({ intents });
    const { file_id } = await outputOf(runtime, "content.ingest_file", file());
    const tenantId = trustedTenantId("other");
    const sessionId = await newSession(runtime.services, tenantId);
    const change = { file_id, ...client, ui_name: "x" };
    const foreign = await runtime.run("steward.update_file_reference", change, { tenantId, sessionId });
    expect(foreign.error).toMatchObject({ code: "file.not_found", status: 404 });
  });
});

describe("a solution's rule", () => {
  const rule = (decision: string, more: JsonObject = client) => ({
    ...more,
    solution_id: "mine",
    artifact_type: "file",
    decision,
  });
  const ingest = (runtime: TestRuntime, solutionId: string) =>
    runtime.run("content.ingest_file", file(), { roles: OPERATOR, solutionId });

  it("keeps its artifacts or does not, over the default, for this solution alone", async () => {
    await using runtime = await openRuntime({ intents });
    await outputOf(runtime, "steward.set_materialization_policy", rule("DISCARD"));
    expect((await ingest(runtime, "mine")).error).toMatchObject({ code: "artifact.discarded", status: 409 });
    expect((await ingest(runtime, "other")).status).toBe("completed");
    await outputOf(runtime, "steward.set_materialization_policy", rule("CACHE"));
    expect((await ingest(runtime, "mine")).status).toBe("completed");
  });

  it("of the tenant comes before the platform's", async () => {
    await using runtime = await openRuntime({ intents });
    await outputOf(
      runtime,
      "steward.set_materialization_policy",
      rule("DISCARD", { data_classification: "platform" }),
      PLATFORM,
    );
    expect((await ingest(runtime, "mine")).error).toMatchObject({ code: "artifact.discarded" });
    await outputOf(runtime, "steward.set_materialization_policy", rule("PERSIST"));
    expect((await ingest(runtime, "mine")).status).toBe("completed");
  });
});

describe("governance", () => {
  it("evaluates what is in force, answers with the violations, and has each decision in the log", async () => {
    await using runtime = await openRuntime({ intents });
    const { file_id, parsed_file_id } = await parsedFile(runtime);
    const put = (policy_id: string, policy: JsonObject) =>
      outputOf(runtime, "steward.put_governance_policy", { policy_id, policy, ...client });
    const applies_to = ["parsed"];
    await put("whole", { policy_type: "data_quality", applies_to, rule: { max_null_ratio: 0.2, min_rows: 1 } });
    await put("lawful", {
      policy_type: "compliance",
      applies_to,
      rule: { needs_contract: true, pii_needs_subject: true },
    });
    await put("off", { policy_type: "retention", applies_to, enabled: false, rule: { max_age_days: 1 } });
    await put("files", { policy_type: "compliance", applies_to: ["file"], rule: { needs_contract: true } });
    const asked = { data_type: "parsed", data_id: parsed_file_id, ...client, sensitivity: { email: "pii" } };
    const answer = await outputOf(runtime, "steward.govern_data", asked);
    expect(answer).toEqual({
      compliance_status: "non_compliant",
      policies_applied: ["lawful", "whole"],
      violations: [
        { policy_id: "lawful", rule: "pii_needs_subject", message: expect.any(String) as string },
        { policy_id: "whole", rule: "max_null_ratio", message: "0.5 of email is null" },
      ],
    });
    const filter = { eventType: "policy_decided", order: "newest" } as const;
    const { items } = await runtime.store.readLog(runtime.tenantId, filter, { limit: 10 });
    const decided = items.map((text) => (JSON.parse(text) as { payload: JsonObject }).payload);
    expect(decided.map(({ policy_id, decision }) => `${String(policy_id)} ${String(decision)}`).toSorted()).toEqual([
      "lawful deny",
      "whole deny",
    ]);
    const quality = { ...asked, quality_policy_id: "whole" };
    expect(await outputOf(runtime, "steward.govern_data", quality)).toMatchObject({ policies_applied: ["whole"] });
    expect(await errorOf(runtime, "steward.govern_data", { ...asked, quality_policy_id: "lawful" })).toMatchObject({
      code: "governance_policy.other_type",
      status: 422,
    });
    expect(await outputOf(runtime, "steward.govern_data", { data_type: "file", data_id: file_id, ...client })).toEqual({
      compliance_status: "compliant",
      policies_applied: ["files"],
      violations: [],
    });
  });

  it("traces lineage from a file to what was parsed of it, and back", async () => {
    await using runtime = await openRuntime({ intents });
    const { file_id, parsed_file_id } = await parsedFile(runtime);
    const edge = { from: file_id, to: parsed_file_id, relation: "parsed_into" };
    for (const [data_id, direction] of [
      [file_id, "out"],
      [parsed_file_id, "in"],
    ]) {
      const traced = await outputOf(runtime, "steward.trace_lineage", { data_id, direction, ...client });
      expect(traced["edges"]).toEqual([edge]);
    }
  });

  it.each(["viewer", "submitter"] as const)("is not for a %s", async (role) => {
    await using runtime = await openRuntime({ intents });
    const policy = { policy_type: "retention", applies_to: ["file"], rule: { max_age_days: 1 } };
    const asked = { policy_id: "p", policy, ...client };
    const refused = runtime.run("steward.put_governance_policy", asked, { roles: [role] });
    await expect(refused).rejects.toMatchObject({ code: "auth.role_missing", status: 403 });
  });
});

function createDisposableRecords() {
  const store = createSqliteRecordStore(":memory:");
  return { store, [Symbol.asyncDispose]: () => store.close() };
}

describe("governance policies", () => {
  it("are listed as they were written, also those that are off", async () => {
    await using runtime = await openRuntime({ intents });
    const policy = { policy_type: "retention", applies_to: ["file"], rule: { max_age_days: 9 }, enabled: false };
    await outputOf(runtime, "steward.put_governance_policy", { ...client, policy_id: "keep", policy });
    const listed = await outputOf(runtime, "steward.list_data", { kind: "policies", ...client });
    expect(listed).toEqual({ items: [{ policy_id: "keep", ...policy }] });
    const platform = { kind: "policies", data_classification: "platform" };
    expect(await outputOf(runtime, "steward.list_data", platform)).toEqual({ items: [] });
  });
});
