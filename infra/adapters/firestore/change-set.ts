import type { DocumentReference, FieldValue, Firestore, Timestamp } from "@google-cloud/firestore";

import { RuntimeError } from "../../../shared/errors.ts";
import { type Reach, statusOf } from "./reach.ts";

type Texts = Readonly<Record<string, string>>;
export type Field = string | number | boolean | null | readonly string[] | Texts | Timestamp | FieldValue;
export type Row = Readonly<Record<string, Field>>;

/** Writes of one commit, deletions included. */
const MAX_WRITES = 500;
/** One commit: Firestore takes 10 MiB; the rest is for what the protocol adds. */
const MAX_COMMIT_BYTES = 10 * 1024 * 1024 - 256 * 1024;
/** One document: Firestore takes 1 MiB; the rest is for the fields that an update leaves as they are. */
const MAX_DOCUMENT_BYTES = 1024 * 1024 - 16 * 1024;
/** A text that is indexed: Firestore cuts the index entry off there, and would not find the row again. */
const MAX_INDEXED_BYTES = 1_500;

/** The fields that are found by no query (`infra/schema/firestore.indexes.json`); every other text is. */
export const UNINDEXED: ReadonlySet<string> = new Set(
  "accepted attributes body change data digest event_id head id intent kind logged mail_id ordering_key steps texts topic unread unread_bytes".split(
    " ",
  ),
);

/** gRPC statuses of a commit whose preconditions do not hold: not found, already exists, failed precondition, aborted. */
const RACED: ReadonlySet<unknown> = new Set([5, 6, 9, 10]);

interface Write {
  readonly ref: DocumentReference;
  readonly kind: "create" | "put" | "update" | "remove";
  readonly row: Row;
  readonly seen: Timestamp | undefined;
}

/** When each document was written, by its path. */
export type WriteTimes = ReadonlyMap<string, Timestamp>;

/**
 * The writes of one atomic commit, with what must still hold of the documents that they were decided on.
 *  C1  All of them are applied, or none.
 *  C2  None is applied when a document that was seen has changed since, or one that was not there exists.
 *  C3  What cannot fit is refused before anything is sent.
 */
export class ChangeSet {
  readonly #writes = new Map<string, Write>();

  /** Writes a document that must not exist. */
  create(ref: DocumentReference, row: Row): void {
    this.#add({ ref, kind: "create", row, seen: undefined });
  }

  /** Writes a document, whatever is there. */
  put(ref: DocumentReference, row: Row): void {
    this.#add({ ref, kind: "put", row, seen: undefined });
  }

  /** Changes these fields of a document that must be as it was seen; fields that stay as they are make it a mere check. */
  update(ref: DocumentReference, row: Row, seen: Timestamp): void {
    this.#add({ ref, kind: "update", row, seen });
  }

  /** Deletes a document, which must be as it was seen if `seen` is given. */
  remove(ref: DocumentReference, seen?: Timestamp): void {
    this.#add({ ref, kind: "remove", row: {}, seen });
  }

  /** Deletes as many of these as there is room for: rows that nothing leads to any more. */
  tidy(refs: readonly DocumentReference[]): void {
    for (const ref of refs.slice(0, Math.max(0, MAX_WRITES - this.#writes.size))) this.remove(ref);
  }

  has(ref: DocumentReference): boolean {
    return this.#writes.has(ref.path);
  }

  get size(): number {
    return this.#writes.size;
  }

  /**
   * When each document was written; undefined when something that it was decided on has changed.
   * Throws `store.change_too_large` (413) before anything is sent, and what `Reach.call` throws: then it may be applied, or be yet.
   */
  async commit(db: Firestore, reach: Reach): Promise<WriteTimes | undefined> {
    this.#check();
    const batch = db.batch();
    for (const { ref, kind, row, seen } of this.#writes.values()) {
      if (kind === "create") batch.create(ref, { ...row });
      else if (kind === "put") batch.set(ref, { ...row });
      else if (kind === "remove") batch.delete(ref, seen === undefined ? {} : { lastUpdateTime: seen });
      else batch.update(ref, { ...row }, seen === undefined ? {} : { lastUpdateTime: seen });
    }
    const commit = async (): Promise<WriteTimes | undefined> => {
      try {
        const results = await batch.commit();
        const paths = [...this.#writes.keys()];
        return new Map(results.map(({ writeTime }, index) => [paths[index] ?? "", writeTime]));
      } catch (error) {
        if (RACED.has(statusOf(error))) return undefined;
        throw error;
      }
    };
    return await reach.call(commit, (times) => times?.values().next().value);
  }

  #add(write: Write): void {
    if (this.#writes.has(write.ref.path))
      throw new RuntimeError("store.written_twice", `${write.ref.path} is written twice.`);
    this.#writes.set(write.ref.path, write);
  }

  #check(): void {
    if (this.#writes.size > MAX_WRITES) throw tooLarge("writes", this.#writes.size, MAX_WRITES);
    let total = 0;
    for (const { ref, row } of this.#writes.values()) {
      const bytes = rowBytes(ref, row);
      if (bytes > MAX_DOCUMENT_BYTES) throw tooLarge(`bytes of ${ref.parent.id}`, bytes, MAX_DOCUMENT_BYTES);
      total += bytes;
    }
    if (total > MAX_COMMIT_BYTES) throw tooLarge("bytes", total, MAX_COMMIT_BYTES);
  }
}

/** What a document takes; https://firebase.google.com/docs/firestore/storage-size. */
function rowBytes(ref: DocumentReference, row: Row): number {
  let bytes = Buffer.byteLength(ref.path) + 48;
  for (const [field, value] of Object.entries(row)) {
    if (!isWellFormed(value)) {
      throw new RuntimeError(
        "store.text_malformed",
        `${ref.parent.id}.${field} is no well-formed text: Firestore takes UTF-8 only.`,
        {
          status: 422,
        },
      );
    }
    const size = fieldBytes(value);
    const [name = field] = field.split(".");
    if (!UNINDEXED.has(name)) {
      const longest = Array.isArray(value) ? Math.max(0, ...value.map(fieldBytes)) : size;
      if (longest > MAX_INDEXED_BYTES) throw tooLarge(`bytes of ${field}`, longest, MAX_INDEXED_BYTES);
    }
    bytes += field.length + 1 + size;
  }
  return bytes;
}

function fieldBytes(value: Field): number {
  if (typeof value === "string") return Buffer.byteLength(value) + 1;
  const texts = textsIn(value);
  return texts === undefined ? 8 : texts.reduce((sum, text) => sum + fieldBytes(text), 0);
}

function isWellFormed(value: Field): boolean {
  if (typeof value === "string") return value.isWellFormed();
  return textsIn(value)?.every((text) => text.isWellFormed()) ?? true;
}

/** The texts of a list, and the names and texts of a map. */
function textsIn(value: Field): readonly string[] | undefined {
  if (Array.isArray(value)) return value as readonly string[];
  if (typeof value !== "object" || value === null || Object.getPrototypeOf(value) !== Object.prototype)
    return undefined;
  return Object.entries(value as Texts).flat();
}

export function tooLarge(what: string, size: number, limit: number): RuntimeError {
  const message = `The change has ${size} ${what}; the store takes ${limit} at once. Nothing was written.`;
  return new RuntimeError("store.change_too_large", message, { status: 413, details: { what, size, limit } });
}
