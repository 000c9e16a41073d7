import { type DataClassification, type DataScope, scopeOf } from "../data-classification.ts";
import { RuntimeError } from "../errors.ts";
import type { TenantId } from "../ids.ts";
import type { GraphStore, GraphWrite } from "../ports/graph-store.ts";
import { platformOnly } from "./record-scope.ts";

export interface GraphScopeDeps {
  readonly graph: GraphStore;
  readonly tenantId: TenantId;
  /** `<execution>/<step>`: what all that is written here is undone by. */
  readonly key: string;
  /** Whether the caller may write the platform's documents. */
  readonly isPlatform: boolean;
}

/** The graph store as one step of one tenant sees it: every write is an effect under the step's key. */
export class GraphScope {
  readonly graph: GraphStore;
  readonly tenantId: TenantId;
  readonly key: string;
  readonly #isPlatform: boolean;

  constructor({ graph, tenantId, key, isPlatform }: GraphScopeDeps) {
    this.graph = graph;
    this.tenantId = tenantId;
    this.key = key;
    this.#isPlatform = isPlatform;
  }

  of(kind: DataClassification): DataScope {
    return scopeOf({ dataClassification: kind, tenantId: this.tenantId });
  }

  /** Applies the writes once for this step and part. Throws `classification.platform_only` (403) and `record.contended` (409). */
  async write(kind: DataClassification, part: string, writes: readonly GraphWrite[]): Promise<void> {
    if (kind === "platform" && !this.#isPlatform) throw platformOnly();
    const owner = { dataClassification: kind, tenantId: this.tenantId };
    const { outcome } = await this.graph.write(owner, { key: this.key, part }, writes);
    if (outcome !== "conflict") return;
    throw new RuntimeError("record.contended", "Somebody else changed it first.", { status: 409, retryable: true });
  }
}
