import type { DataClassification } from "../data-classification.ts";
import { notFound, RuntimeError } from "../errors.ts";
import type { TenantId } from "../ids.ts";
import { type JsonObject, sha256 } from "../json.ts";
import type { Page } from "../ports/paging.ts";
import type { RecordQuery, RecordStore, RecordView, RowWrite } from "../ports/record-store.ts";
import type { RecordRow, RecordTable } from "../ports/record-tables.ts";

export interface RecordScopeDeps {
  readonly records: RecordStore;
  readonly tenantId: TenantId;
  /** `<execution>/<step>`: what all that is written here is undone by. */
  readonly key: string;
  /** Whether the caller may write the platform's rows. */
  readonly isPlatform: boolean;
  /** Goes before the name of each part, where one step writes the same for several things. */
  readonly prefix?: string | undefined;
  readonly nowMs: () => number;
}

/** The record store as one step of one tenant sees it: every write is an effect under the step's key. */
export class RecordScope {
  readonly tenantId: TenantId;
  readonly nowMs: () => number;
  readonly #deps: RecordScopeDeps;

  constructor(deps: RecordScopeDeps) {
    this.tenantId = deps.tenantId;
    this.nowMs = deps.nowMs;
    this.#deps = deps;
  }

  /**
   * The row of a class. Throws `<what>.not_found` (404), or `classification.refused` (403) for one that is there, of the other class.
   */
  async get<Table extends RecordTable>(
    kind: DataClassification,
    table: Table,
    id: string,
    what: string,
  ): Promise<RecordRow<Table>> {
    const found = await this.#deps.records.get(this.#view(kind), table, id);
    if (found !== undefined) return found;
    const other = kind === "client" ? "platform" : "client";
    if ((await this.#deps.records.get(this.#view(other), table, id)) !== undefined) throw wrongClass(what, id, other);
    throw notFound(what, id);
  }

  list<Table extends RecordTable>(
    kind: DataClassification,
    table: Table,
    query: RecordQuery<Table>,
  ): Promise<Page<RecordRow<Table>>> {
    return this.#deps.records.list(this.#view(kind), table, query);
  }

  /**
   * Applies the writes once for this step and part; the first `result` comes back, also to a repeat.
   * Throws `classification.platform_only` (403), `effect.refused` and `record.contended` (409).
   */
  async apply<Result extends JsonObject>(
    kind: DataClassification,
    part: string,
    writes: readonly RowWrite[],
    result: Result,
  ): Promise<Result> {
    if (kind === "platform" && !this.#deps.isPlatform) throw platformOnly();
    const effect = { key: this.#deps.key, part: this.#partOf(part), atMs: this.nowMs(), result };
    return (await this.#deps.records.apply(this.#view(kind), effect, writes)).result as Result;
  }

  /** Undoes all that this step wrote, or buries its key. */
  async undo(): Promise<void> {
    const kinds: readonly DataClassification[] = this.#deps.isPlatform ? ["client", "platform"] : ["client"];
    for (const kind of kinds) await this.#deps.records.undo(this.#view(kind), this.#deps.key, this.nowMs());
  }

  /** The id of what this step makes as `part`: the same uuid in every attempt, and nobody else's. */
  uuidOf(part: string): string {
    const hex = sha256(`${this.#deps.key} ${this.#partOf(part)}`);
    const variant = ((Number.parseInt(hex.slice(16, 17), 16) & 0x3) | 0x8).toString(16);
    const parts = [hex.slice(0, 8), hex.slice(8, 12), `4${hex.slice(13, 16)}`, `${variant}${hex.slice(17, 20)}`];
    return [...parts, hex.slice(20, 32)].join("-");
  }

  #partOf(part: string): string {
    const { prefix } = this.#deps;
    return prefix === undefined ? part : `${prefix}/${part}`;
  }

  #view(dataClassification: DataClassification): RecordView {
    return { dataClassification, tenantId: this.tenantId };
  }
}

function wrongClass(what: string, id: string, kind: DataClassification): RuntimeError {
  return new RuntimeError("classification.refused", `The ${what} ${id} is ${kind} data; ask for it as that.`, {
    status: 403,
    details: { data_classification: kind },
  });
}

/** The error of a caller who writes what is the platform's. */
export function platformOnly(): RuntimeError {
  return new RuntimeError("classification.platform_only", "Platform data is written by the platform's role only.", {
    status: 403,
    details: { role: "platform" },
  });
}
