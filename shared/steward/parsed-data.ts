import type { Materialization } from "../artifacts/artifact.ts";
import { rfc3339 } from "../clock.ts";
import type { DataClassification } from "../data-classification.ts";
import { notFound } from "../errors.ts";
import { type JsonObject, type JsonValue, toJson } from "../json.ts";
import type { Page, PageRequest } from "../ports/paging.ts";
import type { RecordRow } from "../ports/record-tables.ts";
import type { RecordScope } from "./record-scope.ts";

const TABLE = "parsed_data_files";

export type ParsedDataFile = RecordRow<typeof TABLE>;

export interface NewParsedData {
  readonly fileId: string;
  readonly parsedFileId: string;
  readonly dataClassification: DataClassification;
  /** Where the rows rest: written before a row about them can be. */
  readonly materialization: Materialization;
  readonly formatType: "parquet" | "json_structured" | "json_chunks";
  readonly contentType: "structured" | "unstructured" | "hybrid";
  readonly rowCount?: number | undefined;
  readonly columns?: readonly { readonly name: string; readonly type: string }[] | undefined;
  readonly parsedBy: string;
  readonly parseOptions?: JsonObject | undefined;
  readonly processingErrors?: JsonValue | undefined;
  readonly metadata?: JsonObject | undefined;
  readonly uiName?: string | undefined;
  readonly userId?: string | undefined;
  readonly subjectId?: string | undefined;
}

/** Parsed data: bytes in the object store, and a row that says what they are. */
export class ParsedData {
  readonly #scope: RecordScope;

  constructor(scope: RecordScope) {
    this.#scope = scope;
  }

  /** Records parsed data whose bytes are kept. `metadata_id` is the id of its row. */
  storeParsedData(data: NewParsedData): Promise<{ parsed_file_id: string; uri: string; metadata_id: string }> {
    const { materialization: bytes, columns, subjectId } = data;
    // Rows are not encrypted: of a subject's data they keep no words.
    const worded: Partial<NewParsedData> = subjectId === undefined ? data : {};
    const { columns: named, parseOptions, processingErrors, metadata, uiName } = worded;
    const id = this.#scope.uuidOf(`parsed ${data.parsedFileId}`);
    const row = {
      id,
      file_id: data.fileId,
      parsed_file_id: data.parsedFileId,
      format_type: data.formatType,
      content_type: data.contentType,
      size_bytes: bytes.size_bytes,
      row_count: data.rowCount ?? null,
      column_count: columns?.length ?? null,
      column_names: named === undefined ? null : named.map(({ name }) => name),
      data_types: columns === undefined ? null : columns.map(({ type }) => type),
      parsed_at: rfc3339(this.#scope.nowMs()),
      parsed_by: data.parsedBy,
      parse_options: parseOptions === undefined ? null : toJson(parseOptions),
      status: "stored",
      processing_status: "parsed",
      processing_errors: processingErrors ?? null,
      metadata: toJson({ ...metadata, materialization: bytes }),
      ui_name: uiName ?? null,
      user_id: data.userId ?? null,
      subject_id: subjectId ?? null,
    };
    const result = { parsed_file_id: data.parsedFileId, uri: bytes.uri, metadata_id: id };
    const part = `parsed ${data.parsedFileId}`;
    return this.#scope.apply(data.dataClassification, part, [{ kind: "insert", table: TABLE, row }], result);
  }

  /** Throws `parsed_data.not_found` (404), or `classification.refused` (403) for data of the other class. */
  async get(kind: DataClassification, parsedFileId: string): Promise<ParsedDataFile> {
    const where = { parsed_file_id: parsedFileId };
    const [found] = (await this.#scope.list(kind, TABLE, { limit: 1, where })).items;
    if (found !== undefined) return found;
    const other = kind === "client" ? "platform" : "client";
    const [foreign] = (await this.#scope.list(other, TABLE, { limit: 1, where })).items;
    if (foreign === undefined) throw notFound("parsed data", parsedFileId);
    return this.#scope.get(kind, TABLE, foreign.id, "parsed data");
  }

  list(kind: DataClassification, page: PageRequest, fileId?: string): Promise<Page<ParsedDataFile>> {
    return this.#scope.list(kind, TABLE, { ...page, ...(fileId === undefined ? {} : { where: { file_id: fileId } }) });
  }
}
