import { describe, expect, it } from "vitest";

import { evaluatePolicy, type GovernancePolicy, type GovernedData } from "../../../shared/steward/governance-policy.ts";

const NOW = Date.parse("2026-03-01T00:00:00.000Z");
const DATA: GovernedData = {
  dataId: "parsed_1",
  dataType: "parsed",
  dataClassification: "client",
  createdAt: "2026-02-01T00:00:00.000Z",
  rowCount: 10,
  fields: [
    { name: "id", nullRatio: 0, sensitivity: "public" },
    { name: "Email", nullRatio: 0.3, sensitivity: "pii" },
    { name: "note" },
  ],
  hasContract: false,
  subjectId: undefined,
};
const caller = { userId: "ada", roles: ["operator"] };

type Case = readonly [Pick<GovernancePolicy, "policy_type" | "rule">, Partial<GovernedData>, readonly string[]];
const cases: readonly Case[] = [
  [{ policy_type: "access_control", rule: {} }, {}, []],
  [{ policy_type: "access_control", rule: { users: ["ada"] } }, {}, []],
  [{ policy_type: "access_control", rule: { roles: ["operator"], users: ["bob"] } }, {}, []],
  [{ policy_type: "access_control", rule: { roles: ["platform"] } }, {}, ["access"]],
  [{ policy_type: "access_control", rule: { users: [] } }, {}, ["access"]],
  [{ policy_type: "data_quality", rule: { min_rows: 10, required_columns: ["id"] } }, {}, []],
  [{ policy_type: "data_quality", rule: { min_rows: 11 } }, {}, ["min_rows"]],
  [{ policy_type: "data_quality", rule: { min_rows: 1 } }, { rowCount: undefined }, ["min_rows"]],
  [{ policy_type: "data_quality", rule: { required_columns: ["email"] } }, {}, ["required_columns"]],
  // `note` was never counted: that is no proof of being whole.
  [{ policy_type: "data_quality", rule: { max_null_ratio: 0.3 } }, {}, ["max_null_ratio"]],
  [{ policy_type: "data_quality", rule: { max_null_ratio: 0.2 } }, {}, ["max_null_ratio", "max_null_ratio"]],
  [{ policy_type: "retention", rule: { max_age_days: 28 } }, {}, []],
  [{ policy_type: "retention", rule: { max_age_days: 27 } }, {}, ["max_age_days"]],
  [{ policy_type: "classification", rule: { data_classification: "client" } }, {}, []],
  [{ policy_type: "classification", rule: { data_classification: "platform" } }, {}, ["data_classification"]],
  [{ policy_type: "classification", rule: { max_sensitivity: "confidential" } }, {}, ["max_sensitivity"]],
  [{ policy_type: "classification", rule: { max_sensitivity: "pii" } }, {}, []],
  [{ policy_type: "classification", rule: { every_field_classified: true } }, {}, ["every_field_classified"]],
  [{ policy_type: "compliance", rule: { forbidden_fields: ["EMAIL", "x"] } }, {}, ["forbidden_fields"]],
  [{ policy_type: "compliance", rule: { pii_needs_subject: true } }, {}, ["pii_needs_subject"]],
  [{ policy_type: "compliance", rule: { pii_needs_subject: true } }, { subjectId: "s" }, []],
  [{ policy_type: "compliance", rule: { needs_contract: true } }, {}, ["needs_contract"]],
  [{ policy_type: "compliance", rule: { needs_contract: true } }, { hasContract: true }, []],
  // Of a file that was not parsed nobody knows the fields: nothing shows that a demand on them is met.
  [{ policy_type: "data_quality", rule: { max_null_ratio: 0.5 } }, { fields: undefined }, ["max_null_ratio"]],
  [{ policy_type: "classification", rule: { max_sensitivity: "pii" } }, { fields: undefined }, ["max_sensitivity"]],
  [{ policy_type: "classification", rule: { every_field_classified: false } }, { fields: undefined }, []],
  [{ policy_type: "compliance", rule: { forbidden_fields: ["ssn"] } }, { fields: undefined }, ["forbidden_fields"]],
  [{ policy_type: "compliance", rule: { pii_needs_subject: true } }, { fields: undefined }, ["pii_needs_subject"]],
  [{ policy_type: "compliance", rule: { pii_needs_subject: true } }, { fields: undefined, subjectId: "s" }, []],
];

describe("a policy", () => {
  it.each(cases)("%j over %j finds %j", (policy, more, expected) => {
    const whole = { ...policy, applies_to: ["parsed"], enabled: true } as GovernancePolicy;
    const found = evaluatePolicy("p", whole, { ...DATA, ...more }, { caller, nowMs: NOW });
    expect(found.map(({ rule }) => rule)).toEqual(expected);
    for (const { policy_id, message } of found)
      expect([policy_id, message]).toEqual(["p", expect.stringMatching(/\w/)]);
  });
});
