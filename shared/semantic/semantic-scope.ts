import type { Artifact } from "../artifacts/artifact.ts";
import type { DataClassification, DataScope } from "../data-classification.ts";
import type { TenantId } from "../ids.ts";
import type { JsonObject } from "../json.ts";
import type { GraphDocument, GraphStore, GraphWrite } from "../ports/graph-store.ts";
import type { ModelProvider } from "../ports/model-provider.ts";
import type { Page, PageRequest } from "../ports/paging.ts";
import { processContent, type ProcessingSummary, type SemanticFocus } from "./process-content.ts";
import { graphWriteOf, type SemanticItem, type SourceFields } from "./semantic-item.ts";
import { columnsOf, type SemanticSource } from "./semantic-source.ts";

export interface SemanticScopeDeps {
  readonly graph: GraphStore;
  readonly models: ModelProvider;
  readonly tenantId: TenantId;
  /** The step's: what it writes is written once under it, and undone by it. */
  readonly key: string;
  readonly signal: AbortSignal;
  readonly nowMs: () => number;
}

export interface SemanticQuery {
  readonly text: string;
  readonly dataClassification: DataClassification;
  readonly embeddingKind?: SemanticKind | undefined;
  readonly fileId?: string | undefined;
  /** 1 to 100. */
  readonly limit: number;
}
export type SemanticKind = "metadata" | "meaning" | "samples" | "text";

export interface SemanticMatches {
  readonly embeddingModel: string;
  readonly matches: readonly { readonly score: number; readonly fields: JsonObject }[];
  readonly compared: number;
  readonly complete: boolean;
}

/** Writes of one transaction: far below what one may have, so that none is long. */
const WRITES_AT_ONCE = 2_000;

/** The semantic layer for one step of one tenant: what content means, kept in the graph store and searched there. */
export class SemanticScope {
  readonly #deps: SemanticScopeDeps;

  constructor(deps: SemanticScopeDeps) {
    this.#deps = deps;
  }

  /** Finds what parsed data means; nothing is stored. The generator returns how much it was. */
  process(
    parsed: Artifact,
    semanticId: string,
    rows: AsyncIterable<JsonObject>,
    focus: SemanticFocus = {},
  ): AsyncGenerator<SemanticItem, ProcessingSummary> {
    const { content_type: type, ui_name: name } = parsed.metadata;
    const contentType = type === "unstructured" || type === "hybrid" ? type : "structured";
    return processContent(this.#deps.models, {
      semanticId,
      contentType,
      columns: columnsOf(parsed),
      name: typeof name === "string" ? name : "",
      rows,
      signal: this.#deps.signal,
      focus,
    });
  }

  /** Stores items of a source, once for this step however often it runs; several transactions, all undone by `undo`. */
  async store(source: SemanticSource, items: AsyncIterable<SemanticItem>): Promise<{ readonly documents: number }> {
    const { dataClassification, semanticId, contentId, fileId, traceId } = source;
    const owner = { dataClassification, tenantId: this.#deps.tenantId };
    const fields: SourceFields = {
      semantic_id: semanticId,
      content_id: contentId,
      file_id: fileId,
      trace_id: traceId,
    };
    let documents = 0;
    let batch: GraphWrite[] = [];
    const write = async (): Promise<void> => {
      const part = `semantic-${documents}`;
      documents += batch.length;
      // Nothing is expected of what is there, so that there is no conflict.
      await this.#deps.graph.write(owner, { key: this.#deps.key, part }, batch);
      batch = [];
    };
    for await (const item of items) {
      this.#deps.signal.throwIfAborted();
      batch.push(graphWriteOf(item, fields));
      if (batch.length === WRITES_AT_ONCE) await write();
    }
    if (batch.length > 0) await write();
    return { documents };
  }

  /** What is nearest in meaning to a text, as the embedding model understands it. */
  async search({ text, dataClassification, embeddingKind, fileId, limit }: SemanticQuery): Promise<SemanticMatches> {
    const { model, vectors } = await this.#deps.models.generateEmbeddings([text], this.#deps.signal);
    const { matches, compared, complete } = await this.#deps.graph.nearest(this.#scope(dataClassification), {
      vector: vectors[0] ?? new Float32Array(),
      embeddingModel: model,
      embeddingKind,
      fileId,
      limit,
    });
    return {
      embeddingModel: model,
      matches: matches.map(({ score, document }) => ({ score, fields: document.fields })),
      compared,
      complete,
    };
  }

  /** What is known of a semantic id: its embeddings, by key. */
  async embeddings(
    dataClassification: DataClassification,
    semanticId: string,
    page: PageRequest,
  ): Promise<Page<GraphDocument>> {
    const filter = { field: "semantic_id", value: semanticId } as const;
    return this.#deps.graph.list(this.#scope(dataClassification), "structured_embeddings", filter, page);
  }

  /** Removes for good all that the semantic layer holds of a file; returns how many documents that was. */
  async forgetFile(dataClassification: DataClassification, fileId: string): Promise<number> {
    return this.#deps.graph.forgetFile(this.#scope(dataClassification), fileId);
  }

  /** Takes back what this step stored, or buries its key: a late attempt is then refused. */
  async undo(): Promise<void> {
    const { graph, tenantId, key, nowMs } = this.#deps;
    await graph.undo(tenantId, key, nowMs());
  }

  #scope(dataClassification: DataClassification): DataScope {
    const { tenantId } = this.#deps;
    return dataClassification === "client" ? { dataClassification, tenantId } : { dataClassification };
  }
}
