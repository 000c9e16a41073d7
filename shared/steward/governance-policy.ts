import * as z from "zod";

import { parseRfc3339 } from "../clock.ts";
import type { DataClassification } from "../data-classification.ts";
import { durationMs } from "../duration.ts";

export const DATA_TYPES = ["file", "parsed", "semantic"] as const;
export type GovernedType = (typeof DATA_TYPES)[number];
export const SENSITIVITIES = ["public", "internal", "confidential", "pii"] as const;

const ratio = z.number().min(0).max(1);
const names = z.array(z.string().min(1).max(255)).max(1_000);

/** What a policy of each type demands; a demand that is absent is not made. */
const rules = {
  access_control: z.strictObject({ roles: names.optional(), users: names.optional() }),
  data_quality: z.strictObject({
    min_rows: z.int().nonnegative().optional(),
    max_null_ratio: ratio.optional(),
    required_columns: names.optional(),
  }),
  retention: z.strictObject({ max_age_days: z.int().positive() }),
  classification: z.strictObject({
    data_classification: z.enum(["client", "platform"]).optional(),
    max_sensitivity: z.enum(SENSITIVITIES).optional(),
    every_field_classified: z.boolean().optional(),
  }),
  compliance: z.strictObject({
    forbidden_fields: names.optional(),
    pii_needs_subject: z.boolean().optional(),
    needs_contract: z.boolean().optional(),
  }),
} as const;

const header = { applies_to: z.array(z.enum(DATA_TYPES)).min(1), enabled: z.boolean().default(true) };

/** A policy as it is written: its type decides what its rule may say. */
export const governancePolicySchema = z.discriminatedUnion("policy_type", [
  z.strictObject({ policy_type: z.literal("access_control"), rule: rules.access_control, ...header }),
  z.strictObject({ policy_type: z.literal("data_quality"), rule: rules.data_quality, ...header }),
  z.strictObject({ policy_type: z.literal("retention"), rule: rules.retention, ...header }),
  z.strictObject({ policy_type: z.literal("classification"), rule: rules.classification, ...header }),
  z.strictObject({ policy_type: z.literal("compliance"), rule: rules.compliance, ...header }),
]);
export type GovernancePolicy = z.infer<typeof governancePolicySchema>;
type RuleOf<Type extends keyof typeof rules> = z.infer<(typeof rules)[Type]>;

/** What policies are evaluated against; what is not known of the data is absent, and fails a demand for it. */
export interface GovernedData {
  readonly dataId: string;
  readonly dataType: GovernedType;
  readonly dataClassification: DataClassification;
  readonly createdAt: string;
  readonly rowCount?: number | undefined;
  readonly fields?: readonly GovernedField[] | undefined;
  readonly hasContract: boolean;
  readonly subjectId?: string | undefined;
}

export interface GovernedField {
  readonly name: string;
  /** Of its values; from 0 to 1. */
  readonly nullRatio?: number | undefined;
  readonly sensitivity?: (typeof SENSITIVITIES)[number] | undefined;
}

export interface Caller {
  readonly userId: string | undefined;
  readonly roles: readonly string[];
}

/** JSON as it is. */
export type Violation = {
  readonly policy_id: string;
  readonly rule: string;
  readonly message: string;
};

/** What of the data breaks the policy, and where; nothing when it complies. */
export function evaluatePolicy(
  policyId: string,
  policy: GovernancePolicy,
  data: GovernedData,
  { caller, nowMs }: { readonly caller: Caller; readonly nowMs: number },
): readonly Violation[] {
  const found = (): readonly (readonly [string, string])[] => {
    switch (policy.policy_type) {
      case "access_control":
        return access(policy.rule, caller);
      case "data_quality":
        return quality(policy.rule, data);
      case "retention":
        return retention(policy.rule, data, nowMs);
      case "classification":
        return classification(policy.rule, data);
      case "compliance":
        return compliance(policy.rule, data);
    }
  };
  const unmet = [...found(), ...(data.fields === undefined ? aboutFields(policy, data) : [])];
  return unmet.map(([rule, message]) => ({ policy_id: policyId, rule, message }));
}

/** The demands on fields of data whose fields nobody knows, such as a file that was not parsed: nothing shows that they are met. */
function aboutFields({ rule }: GovernancePolicy, { subjectId }: GovernedData): Found {
  const made: Readonly<Record<string, unknown>> = {
    ...rule,
    pii_needs_subject: subjectId === undefined && "pii_needs_subject" in rule && rule.pii_needs_subject,
  };
  return FIELD_DEMANDS.filter((name) => made[name] !== undefined && made[name] !== false).map((name) => [
    name,
    "its fields are not known",
  ]);
}

const FIELD_DEMANDS = [
  "max_null_ratio",
  "max_sensitivity",
  "every_field_classified",
  "forbidden_fields",
  "pii_needs_subject",
] as const;

type Found = readonly (readonly [string, string])[];

function access({ roles, users }: RuleOf<"access_control">, { userId, roles: held }: Caller): Found {
  const byRole = roles?.some((role) => held.includes(role)) ?? false;
  const byName = userId !== undefined && (users?.includes(userId) ?? false);
  if ((roles === undefined && users === undefined) || byRole || byName) return [];
  return [["access", `${userId ?? "a caller without a name"} is not among those who may use it`]];
}

function quality(rule: RuleOf<"data_quality">, { rowCount, fields = [] }: GovernedData): Found {
  const found: [string, string][] = [];
  if (rule.min_rows !== undefined && (rowCount ?? 0) < rule.min_rows) {
    found.push(["min_rows", `it has ${rowCount ?? "an unknown number of"} rows; ${rule.min_rows} are needed`]);
  }
  for (const name of rule.required_columns ?? []) {
    if (!fields.some((field) => field.name === name)) found.push(["required_columns", `it has no column ${name}`]);
  }
  const most = rule.max_null_ratio;
  for (const { name, nullRatio } of most === undefined ? [] : fields) {
    // What was never counted is no proof of being whole.
    if ((nullRatio ?? 1) <= (most ?? 1)) continue;
    found.push(["max_null_ratio", `${nullRatio ?? "an unknown share"} of ${name} is null`]);
  }
  return found;
}

function retention({ max_age_days }: RuleOf<"retention">, { createdAt }: GovernedData, nowMs: number): Found {
  const ageMs = nowMs - parseRfc3339(createdAt);
  if (ageMs <= durationMs(`${max_age_days}d`)) return [];
  return [["max_age_days", `it was stored at ${createdAt}, more than ${max_age_days} days ago`]];
}

function classification(rule: RuleOf<"classification">, { dataClassification, fields = [] }: GovernedData): Found {
  const found: [string, string][] = [];
  if (rule.data_classification !== undefined && rule.data_classification !== dataClassification) {
    found.push(["data_classification", `it is ${dataClassification} data; ${rule.data_classification} is demanded`]);
  }
  const most = rule.max_sensitivity === undefined ? Infinity : SENSITIVITIES.indexOf(rule.max_sensitivity);
  for (const { name, sensitivity } of fields) {
    if (sensitivity === undefined && rule.every_field_classified === true) {
      found.push(["every_field_classified", `nobody has said how sensitive ${name} is`]);
    }
    if (sensitivity !== undefined && SENSITIVITIES.indexOf(sensitivity) > most) {
      found.push(["max_sensitivity", `${name} is ${sensitivity}`]);
    }
  }
  return found;
}

function compliance(rule: RuleOf<"compliance">, { fields = [], hasContract, subjectId }: GovernedData): Found {
  const forbidden = new Set(rule.forbidden_fields?.map((name) => name.toLowerCase()));
  const found: [string, string][] = fields
    .filter(({ name }) => forbidden.has(name.toLowerCase()))
    .map(({ name }) => ["forbidden_fields", `it has the field ${name}`]);
  const isPersonal = fields.some(({ sensitivity }) => sensitivity === "pii");
  if (rule.pii_needs_subject === true && isPersonal && subjectId === undefined) {
    found.push(["pii_needs_subject", "it has personal fields and names no subject who could have it erased"]);
  }
  if (rule.needs_contract === true && !hasContract) {
    found.push(["needs_contract", "no boundary contract in force covers it"]);
  }
  return found;
}
