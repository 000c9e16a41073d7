import type { GraphStore } from "../ports/graph-store.ts";
import type { RecordStore } from "../ports/record-store.ts";
import type { UnitOfWork } from "../state/unit-of-work.ts";
import { Contracts } from "./contracts.ts";
import { FileReferences } from "./file-references.ts";
import type { DataClassification } from "../data-classification.ts";
import type { Caller, GovernedData, GovernedField } from "./governance-policy.ts";
import { Governance } from "./governance.ts";
import { MaterializationRules } from "./materialization-rules.ts";
import { ParsedData } from "./parsed-data.ts";
import { RecordScope } from "./record-scope.ts";

export interface StewardScopeDeps {
  readonly records: RecordStore;
  readonly graph: GraphStore;
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
    this.governance = new Governance({ graph, unit, caller, ...bound });
  }

  /** What policies are evaluated against, of a file. Throws `file.not_found` (404). */
  async describeFile(kind: DataClassification, fileId: string): Promise<GovernedData> {
    const file = await this.files.get(kind, fileId);
    return {
      dataId: fileId,
      dataType: "file",
      dataClassification: kind,
      createdAt: file.created_at,
      hasContract: await this.contracts.isInForce(kind, file.sha256),
      subjectId: file.subject_id ?? undefined,
    };
  }

  /** The same of parsed data; how sensitive its fields are, whoever asks knows. Throws `parsed_data.not_found` (404). */
  async describeParsed(
    kind: DataClassification,
    parsedFileId: string,
    sensitivity: Readonly<Record<string, GovernedField["sensitivity"]>>,
  ): Promise<GovernedData> {
    const parsed = await this.parsed.get(kind, parsedFileId);
    const names = Array.isArray(parsed.column_names) ? (parsed.column_names as readonly string[]) : [];
    const nulls = parsed.metadata as { readonly null_counts?: readonly number[] };
    const rows = parsed.row_count ?? 0;
    const fields = names.map((name, index) => {
      const count = nulls.null_counts?.[index];
      const nullRatio = count === undefined || rows === 0 ? undefined : count / rows;
      return { name, nullRatio, sensitivity: Object.hasOwn(sensitivity, name) ? sensitivity[name] : undefined };
    });
    const source = await this.files.get(kind, parsed.file_id);
    return {
      dataId: parsedFileId,
      dataType: "parsed",
      dataClassification: kind,
      createdAt: parsed.created_at,
      rowCount: parsed.row_count ?? undefined,
      fields,
      hasContract: await this.contracts.isInForce(kind, source.sha256),
      subjectId: parsed.subject_id ?? undefined,
    };
  }

  /** The steward for one of several things that the step does the same for; `undo` takes back what was written for all of them. */
  within(prefix: string): StewardScope {
    return new StewardScope({ ...this.#deps, prefix });
  }

  /** Takes back all that this step wrote, or buries its key, so that a late attempt of it is refused. */
  async undo(): Promise<void> {
    await this.#records.undo();
    await this.#deps.graph.undo(this.#deps.unit.tenantId, this.#deps.key);
  }
}
