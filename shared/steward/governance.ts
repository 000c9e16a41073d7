import type { DataClassification } from "../data-classification.ts";
import { notFound, RuntimeError } from "../errors.ts";
import { type JsonObject, type JsonValue, toJson } from "../json.ts";
import { everyPage, type Page, type PageRequest } from "../ports/paging.ts";
import type { UnitOfWork } from "../state/unit-of-work.ts";
import type { GraphScope } from "./graph-scope.ts";
import type { Caller, GovernancePolicy, GovernedData, Violation } from "./governance-policy.ts";

const POLICIES = "governance_policies";
const PAGE = 200;

export interface GovernanceDeps {
  readonly scope: GraphScope;
  readonly caller: Caller;
  /** Where the log entries of decisions go: they are committed with the step. */
  readonly unit: UnitOfWork;
  readonly nowMs: () => number;
}

export interface Compliance {
  readonly compliance_status: "compliant" | "non_compliant";
  readonly policies_applied: readonly string[];
  readonly violations: readonly Violation[];
}

/** One link of what came from what. */
export interface LineageLink {
  readonly from: string;
  readonly to: string;
  readonly relation: "parsed_into" | "understood_as" | "derived_from";
  readonly fileId: string;
}

export interface Lineage extends JsonObject {
  readonly nodes: readonly { readonly id: string; readonly depth: number }[];
  readonly edges: readonly { readonly from: string; readonly to: string; readonly relation: JsonValue }[];
}

/** Policies over data, their decisions in the log, and lineage from file to parsed to semantic data. */
export class Governance {
  readonly #deps: GovernanceDeps;

  constructor(deps: GovernanceDeps) {
    this.#deps = deps;
  }

  /** Writes a policy, or another version of it. Throws `classification.platform_only` (403) and `record.contended` (409). */
  async putPolicy(
    kind: DataClassification,
    policyId: string,
    policy: GovernancePolicy,
  ): Promise<{ policy_id: string }> {
    const fields = toJson(policy);
    const write = { kind: "put", collection: POLICIES, key: policyId, fields } as const;
    await this.#deps.scope.write(kind, "policy", [write]);
    return { policy_id: policyId };
  }

  /** The policies of one class as they were written, also those that are not enabled. */
  async listPolicies(kind: DataClassification, page: PageRequest): Promise<Page<JsonObject>> {
    const { scope } = this.#deps;
    const { items, ...rest } = await scope.graph.list(scope.of(kind), POLICIES, undefined, page);
    return { ...rest, items: items.map(({ key, fields }) => ({ policy_id: key, ...fields })) };
  }

  /** Evaluates every policy in force for data of this type: the tenant's own, and the platform's. */
  async govern(data: GovernedData): Promise<Compliance> {
    const policies = [...(await this.#policies("client")), ...(await this.#policies("platform"))];
    const inForce = policies.filter(({ policy }) => policy.enabled && policy.applies_to.includes(data.dataType));
    return this.#decide(data, inForce);
  }

  /** Evaluates one policy of data quality. Throws `governance_policy.not_found` (404), `governance_policy.other_type` (422). */
  async applyQualityPolicy(data: GovernedData, policyId: string): Promise<Compliance> {
    const { scope } = this.#deps;
    const own = await scope.graph.get(scope.of("client"), POLICIES, policyId);
    const found = own ?? (await scope.graph.get(scope.of("platform"), POLICIES, policyId));
    if (found === undefined) throw notFound("governance policy", policyId);
    const policy = (await policyRules()).read(policyId, found.fields);
    if (policy.policy_type !== "data_quality") {
      throw new RuntimeError("governance_policy.other_type", `${policyId} is a policy of ${policy.policy_type}.`, {
        status: 422,
      });
    }
    return this.#decide(data, [{ id: policyId, policy }]);
  }

  /** Records what came from what; each link once, however often. */
  async trackLineage(kind: DataClassification, links: readonly LineageLink[]): Promise<void> {
    const { tenantId } = this.#deps.scope;
    await this.#deps.scope.write(
      kind,
      `lineage ${links.map(({ to }) => to).join(" ")}`,
      links.map(({ from, to, relation, fileId }) => ({
        kind: "link",
        collection: "lineage",
        key: `${from}:${to}`,
        from: { collection: "content_metadata", key: from },
        to: { collection: "content_metadata", key: to },
        fields: { relation, file_id: fileId, tracked_for: tenantId },
      })),
    );
  }

  /** What came from a thing, or what it came from: ids and relations, nearest first, at most ten links away. */
  async lineageOf(kind: DataClassification, id: string, direction: "in" | "out" | "both"): Promise<Lineage> {
    const { scope } = this.#deps;
    const start = { collection: "content_metadata", key: id } as const;
    const found = await scope.graph.traverse(scope.of(kind), "lineage", start, { direction, depth: 10, limit: 1_000 });
    return {
      nodes: found.vertices.map(({ key, depth }) => ({ id: key, depth })),
      edges: found.edges.map(({ from, to, fields }) => ({
        from: from?.key ?? "",
        to: to?.key ?? "",
        relation: fields["relation"] ?? "",
      })),
    };
  }

  async #policies(kind: DataClassification): Promise<readonly Named[]> {
    const { scope } = this.#deps;
    const { read } = await policyRules();
    const found: Named[] = [];
    const list = (cursor: string | undefined) =>
      scope.graph.list(scope.of(kind), POLICIES, undefined, { limit: PAGE, cursor });
    for await (const items of everyPage(list)) {
      found.push(...items.map(({ key, fields }) => ({ id: key, policy: read(key, fields) })));
    }
    return found;
  }

  async #decide(data: GovernedData, policies: readonly Named[]): Promise<Compliance> {
    const { evaluatePolicy } = await policyRules();
    const { caller, nowMs, unit } = this.#deps;
    const violations = policies.flatMap(({ id, policy }) => {
      const found = evaluatePolicy(id, policy, data, { caller, nowMs: nowMs() });
      unit.log({
        event_type: "policy_decided",
        payload: {
          policy: policy.policy_type,
          policy_id: id,
          decision: found.length === 0 ? "allow" : "deny",
          data_id: data.dataId,
          data_type: data.dataType,
          rules: found.map(({ rule }) => rule),
        },
      });
      return found;
    });
    return {
      compliance_status: violations.length === 0 ? "compliant" : "non_compliant",
      policies_applied: policies.map(({ id }) => id),
      violations,
    };
  }
}

interface Named {
  readonly id: string;
  readonly policy: GovernancePolicy;
}

/** Loaded by whoever governs: most functions only write here. */
async function policyRules() {
  const { evaluatePolicy, governancePolicySchema } = await import("./governance-policy.ts");
  const read = (id: string, fields: JsonObject): GovernancePolicy => {
    const parsed = governancePolicySchema.safeParse(fields);
    if (parsed.success) return parsed.data;
    throw new RuntimeError("governance_policy.unreadable", `The policy ${id} does not have the shape of one.`, {
      cause: parsed.error,
    });
  };
  return { evaluatePolicy, read };
}
