import {
  MATERIALIZATIONS,
  type MaterializationDecision,
  materializationFor,
} from "../artifacts/materialization-policy.ts";
import type { DataClassification } from "../data-classification.ts";
import type { RowWrite } from "../ports/record-store.ts";
import type { RecordScope } from "./record-scope.ts";

const TABLE = "materialization_policies";

/** What a solution says of artifact types, over the defaults of materialization-policy.ts. */
export class MaterializationRules {
  readonly #scope: RecordScope;

  constructor(scope: RecordScope) {
    this.#scope = scope;
  }

  /** Its tenant's own rule comes before the platform's, and that before the default. */
  async decide(artifactType: string, solutionId: string | undefined): Promise<MaterializationDecision> {
    if (solutionId === undefined) return materializationFor(artifactType);
    const kinds = ["client", "platform"] as const;
    const [own, platform] = await Promise.all(kinds.map((kind) => this.#find(kind, artifactType, solutionId)));
    const rule = own ?? platform;
    return materializationFor(artifactType, rule === undefined ? {} : { [artifactType]: rule.decision });
  }

  async set(
    kind: DataClassification,
    rule: { readonly solutionId: string; readonly artifactType: string; readonly decision: MaterializationDecision },
  ): Promise<{ decision: MaterializationDecision }> {
    const { solutionId, artifactType, decision } = rule;
    const known = await this.#find(kind, artifactType, solutionId);
    const write: RowWrite =
      known === undefined
        ? {
            kind: "insert",
            table: TABLE,
            row: {
              id: `rule_${this.#scope.uuidOf("rule")}`,
              solution_id: solutionId,
              artifact_type: artifactType,
              decision,
            },
          }
        : { kind: "update", table: TABLE, id: known.id, expectedVersion: known.version, set: { decision } };
    return this.#scope.apply(kind, "rule", [write], { decision: decisionOf(decision) });
  }

  async #find(kind: DataClassification, artifactType: string, solutionId: string) {
    const where = { artifact_type: artifactType, solution_id: solutionId };
    return (await this.#scope.list(kind, TABLE, { limit: 1, where })).items[0];
  }
}

function decisionOf(text: string): MaterializationDecision {
  return MATERIALIZATIONS.find((decision) => decision === text) ?? "DISCARD";
}
