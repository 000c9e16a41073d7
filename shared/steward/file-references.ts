import type { Materialization } from "../artifacts/artifact.ts";
import type { DataClassification } from "../data-classification.ts";
import { RuntimeError } from "../errors.ts";
import { type JsonObject, toJson } from "../json.ts";
import type { Page, PageRequest } from "../ports/paging.ts";
import type { RecordChange, RecordRow } from "../ports/record-tables.ts";
import type { RecordScope } from "./record-scope.ts";

const TABLE = "file_references";

export type FileReference = RecordRow<typeof TABLE>;

export interface NewFile {
  readonly fileId: string;
  readonly dataClassification: DataClassification;
  /** Where the bytes are: written before a reference to them can be. */
  readonly materialization: Materialization;
  readonly uiName?: string | undefined;
  readonly fileType?: string | undefined;
  readonly metadata?: JsonObject | undefined;
  readonly subjectId?: string | undefined;
}

/** File management: what files there are, whose they are and where their bytes rest. */
export class FileReferences {
  readonly #scope: RecordScope;

  constructor(scope: RecordScope) {
    this.#scope = scope;
  }

  create(file: NewFile): Promise<{ file_id: string }> {
    const { materialization: bytes, subjectId } = file;
    // Rows are not encrypted: of a subject's file they keep no words.
    const [uiName, fileType, metadata] = subjectId === undefined ? [file.uiName, file.fileType, file.metadata] : [];
    const row = {
      id: file.fileId,
      file_id: file.fileId,
      storage_location: bytes.uri,
      filename: uiName ?? null,
      ui_name: uiName ?? null,
      file_type: fileType ?? null,
      content_type: bytes.content_type,
      size_bytes: bytes.size_bytes,
      sha256: bytes.sha256,
      subject_id: subjectId ?? null,
      metadata: toJson(metadata ?? {}),
    };
    const writes = [{ kind: "insert", table: TABLE, row } as const];
    return this.#scope.apply(file.dataClassification, "file", writes, { file_id: file.fileId });
  }

  /** Throws `file.not_found` (404) and `classification.refused` (403). */
  get(kind: DataClassification, fileId: string): Promise<FileReference> {
    return this.#scope.get(kind, TABLE, fileId, "file");
  }

  /** Throws also `subject.words_refused` (409) for a subject's file. */
  async update(
    kind: DataClassification,
    fileId: string,
    set: Pick<RecordChange<typeof TABLE>, "ui_name" | "file_type" | "content_type" | "metadata">,
  ): Promise<{ file_id: string }> {
    const { version, subject_id: subjectId } = await this.get(kind, fileId);
    if (subjectId !== null) throw wordsRefused(fileId);
    const write = { kind: "update", table: TABLE, id: fileId, expectedVersion: version, set } as const;
    return this.#scope.apply(kind, "file_update", [write], { file_id: fileId });
  }

  /** Takes the reference away; the artifact and its bytes have a life cycle of their own. */
  async delete(kind: DataClassification, fileId: string): Promise<{ file_id: string }> {
    const { version } = await this.get(kind, fileId);
    const write = { kind: "delete", table: TABLE, id: fileId, expectedVersion: version } as const;
    return this.#scope.apply(kind, "file_delete", [write], { file_id: fileId });
  }

  listPlatformFiles(page: PageRequest): Promise<Page<FileReference>> {
    return this.#scope.list("platform", TABLE, page);
  }

  /** Of the tenant that the step is bound to. */
  listClientFiles(page: PageRequest): Promise<Page<FileReference>> {
    return this.#scope.list("client", TABLE, page);
  }
}

function wordsRefused(fileId: string): RuntimeError {
  const message = `The file ${fileId} is of a subject: rows are not encrypted, so that nothing can be said of it there.`;
  return new RuntimeError("subject.words_refused", message, { status: 409 });
}
