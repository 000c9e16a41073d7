import type { JsonObject } from "../json.ts";
import { vectorText } from "../ports/graph-states.ts";
import type { ModelProvider } from "../ports/model-provider.ts";
import { ColumnSamples } from "./column-texts.ts";
import { EntityGraph } from "./entity-graph.ts";
import type { SemanticItem } from "./semantic-item.ts";
import type { ColumnOutline } from "./semantic-source.ts";

export interface ContentToProcess {
  readonly semanticId: string;
  readonly contentType: "structured" | "unstructured" | "hybrid";
  readonly columns: readonly ColumnOutline[];
  /** What people call it. */
  readonly name: string;
  readonly rows: AsyncIterable<JsonObject>;
  readonly signal: AbortSignal;
  readonly focus: SemanticFocus;
}

/** What a reader wants of the meaning. */
export interface SemanticFocus {
  /** What the data is about, said of each column. */
  readonly targetDomain?: string | undefined;
  /** Entities of which the rules are less sure are left out; 0 to 1. */
  readonly leastConfidence?: number | undefined;
}

export interface ProcessingSummary {
  readonly embedding_model: string;
  readonly embeddings: number;
  readonly entities: number;
  readonly relations: number;
  /** How many rows, or blocks of a document, were looked at. */
  readonly sampled_records: number;
  /** Whether there was more than was looked at or kept. */
  readonly truncated: boolean;
}

/** Rows of a table beyond these would hardly show new values. */
const MAX_ROWS = 1_000;
/** Blocks of a document, and characters of each. */
const MAX_BLOCKS = 20_000;
const MAX_BLOCK_CHARS = 20_000;
const MAX_TEXT_EMBEDDINGS = 2_000;
const EMBED_AT_ONCE = 500;
const MAX_KEPT_TEXT_CHARS = 300;

type Embedding = Omit<Extract<SemanticItem, { readonly kind: "embedding" }>, "kind" | "embedding_model" | "vector">;

/**
 * Finds what content means: of tables three embeddings for each column, of its metadata, meaning and samples; of documents the graph of
 * what they name, and an embedding for each block of text. Yields items, returns how many.
 */
export async function* processContent(
  models: ModelProvider,
  content: ContentToProcess,
): AsyncGenerator<SemanticItem, ProcessingSummary> {
  const { semanticId, contentType, signal } = content;
  const samples = contentType === "structured" ? new ColumnSamples(content.columns) : undefined;
  const graph = new EntityGraph(content.focus.leastConfidence);
  const embeddings: Embedding[] = [];
  let records = 0;
  let truncated = false;
  for await (const row of content.rows) {
    signal.throwIfAborted();
    if (records === (samples === undefined ? MAX_BLOCKS : MAX_ROWS)) {
      truncated = true;
      break;
    }
    if (samples === undefined) {
      const text = textOf(row);
      graph.add(text, records);
      if (embeddings.length === MAX_TEXT_EMBEDDINGS) truncated = true;
      else if (text !== "")
        embeddings.push({ key: `${semanticId}.t${records}`, embedding_kind: "text", text, record: records });
    } else {
      samples.add(row);
    }
    records += 1;
  }
  for (const { embeddingKind, position, column, text } of samples?.texts(content.name, content.focus.targetDomain) ??
    []) {
    embeddings.push({
      key: `${semanticId}.c${position}.${embeddingKind}`,
      embedding_kind: embeddingKind,
      text,
      column_name: column.name,
      column_type: column.type,
      column_position: position,
    });
  }
  const model = yield* embedded(models, embeddings, signal);
  const items = graph.items(semanticId);
  yield* items;
  return {
    embedding_model: model,
    embeddings: embeddings.length,
    entities: items.filter(({ kind }) => kind === "entity").length,
    relations: items.filter(({ kind }) => kind === "relation").length,
    sampled_records: records,
    truncated: truncated || graph.truncated,
  };
}

async function* embedded(
  models: ModelProvider,
  embeddings: readonly Embedding[],
  signal: AbortSignal,
): AsyncGenerator<SemanticItem, string> {
  let model = "none";
  for (let start = 0; start < embeddings.length; start += EMBED_AT_ONCE) {
    const batch = embeddings.slice(start, start + EMBED_AT_ONCE);
    const answer = await models.generateEmbeddings(
      batch.map(({ text }) => text),
      signal,
    );
    ({ model } = answer);
    for (const [index, embedding] of batch.entries()) {
      const text = embedding.text.slice(0, MAX_KEPT_TEXT_CHARS);
      const vector = vectorText(answer.vectors[index] ?? new Float32Array());
      yield { kind: "embedding", ...embedding, text, embedding_model: model, vector };
    }
  }
  return model;
}

/** The text of a block: what it says, or else all of its texts. */
function textOf(row: JsonObject): string {
  const { text } = row;
  const said =
    typeof text === "string"
      ? text
      : Object.values(row)
          .filter((value) => typeof value === "string")
          .join(" ");
  return said.slice(0, MAX_BLOCK_CHARS);
}
