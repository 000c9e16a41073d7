import type { DataClassification } from "../data-classification.ts";
import type { GraphStore } from "../ports/graph-store.ts";
import type { RecordStore } from "../ports/record-store.ts";
import type { StateSurface } from "../state/state-surface.ts";
import type { UnitOfWork } from "../state/unit-of-work.ts";
import type { ContentCatalog } from "./content-metadata.ts";
import { Contracts } from "./contracts.ts";
import { FileReferences } from "./file-references.ts";
import type { Caller } from "./governance-policy.ts";
import { GraphScope } from "./graph-scope.ts";
import { Governance } from "./governance.ts";
import { MaterializationRules } from "./materialization-rules.ts";
import { ParsedData } from "./parsed-data.ts";
import { RecordScope } from "./record-scope.ts";
import type { SemanticData } from "./semantic-data.ts";
import type { ErasureCertificate } from "./subject-erasure.ts";

export interface StewardScopeDeps {
  readonly records: RecordStore;
  readonly graph: GraphStore;
  readonly surface: StateSurface;
  readonly unit: UnitOfWork;
  readonly key: string;
  readonly caller: Caller;
  readonly nowMs: () => number;
  readonly prefix?: string;
}

/**
 * The data steward for one step of one tenant. What it writes rests in stores of its own, outside the step's commit: under the
 * step's key, once, and taken back by `undo`, which every step that writes here needs to call from its own undo.
 */
export class StewardScope {
  readonly contracts: Contracts;
  readonly files: FileReferences;
  readonly parsed: ParsedData;
  readonly materialization: MaterializationRules;
  readonly governance: Governance;
  readonly #records: RecordScope;
  readonly #graph: GraphScope;
  readonly #deps: StewardScopeDeps;

  constructor(deps: StewardScopeDeps) {
    const { records, graph, unit, key, caller, nowMs, prefix } = deps;
    const isPlatform = caller.roles.includes("platform");
    const bound = { tenantId: unit.tenantId, key, isPlatform, nowMs };
    this.#deps = deps;
    this.#records = new RecordScope({ records, ...bound, prefix });
    this.contracts = new Contracts(this.#records);
    this.files = new FileReferences(this.#records);
    this.parsed = new ParsedData(this.#records);
    this.materialization = new MaterializationRules(this.#records);
    this.#graph = new GraphScope({ graph, ...bound });
    this.governance = new Governance({ scope: this.#graph, unit, caller, nowMs });
  }

  /** What is said of content; loaded by whoever asks, since most functions do not. */
  async content(): Promise<ContentCatalog> {
    const { ContentCatalog } = await import("./content-metadata.ts");
    return new ContentCatalog(this.#graph);
  }

  /** What content means; loaded by whoever asks. */
  async semantics(): Promise<SemanticData> {
    const { SemanticData } = await import("./semantic-data.ts");
    return new SemanticData(this.#graph);
  }

  /** The steward for one of several things that the step does the same for; `undo` takes back what was written for all of them. */
  within(prefix: string): StewardScope {
    return new StewardScope({ ...this.#deps, prefix });
  }

  /** Takes away the rows of a file that is purged, and ends its contracts; see forget-file.ts. Nothing undoes it. */
  async forgetFile(kind: DataClassification, fileId: string): Promise<{ rows: number; more: boolean }> {
    const { forgetFileRows } = await import("./forget-file.ts");
    return forgetFileRows(this.#records, kind, fileId);
  }

  /** Throws `subject.not_found` (404). Nothing undoes it. */
  async eraseSubject(subjectId: string): Promise<ErasureCertificate> {
    const { eraseSubject } = await import("./subject-erasure.ts");
    const { records, surface, unit, caller, nowMs } = this.#deps;
    return eraseSubject({ keys: records.subjectKeys, surface, unit, by: caller.userId, nowMs }, subjectId);
  }

  /** Gives up the bytes of a subject that was erased; see subject-erasure.ts. Nothing undoes it. */
  async giveUpSubjectBytes(subjectId: string): Promise<{ readonly more: boolean }> {
    const { giveUpSubjectBytes } = await import("./subject-erasure.ts");
    return giveUpSubjectBytes(this.#deps.unit, subjectId, this.#deps.nowMs());
  }

  /** Takes back all that this step wrote, or buries its key, so that a late attempt of it is refused. */
  async undo(): Promise<void> {
    await this.#records.undo();
    const { graph, unit, key, nowMs } = this.#deps;
    await graph.undo(unit.tenantId, key, nowMs());
  }
}
