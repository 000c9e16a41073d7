import type { DataClassification } from "../data-classification.ts";
import { RuntimeError } from "../errors.ts";
import type { TenantId } from "../ids.ts";
import type { JsonObject } from "../json.ts";
import type { Page, PageRequest } from "./paging.ts";
import type { NewRecord, RecordChange, RecordRow, RecordTable } from "./record-tables.ts";

/**
 * The rows of the data steward, beside the executions' store and outside its commits.
 *  R1  A view says whose rows are meant, and there is no reading or writing without one. A client view sees and writes the client rows
 *      of its tenant; a platform view sees and writes platform rows, whoever's they are by attribution.
 *  R2  All writes of one `apply` are one transaction with the record of the effect itself: all of it is there, or nothing.
 *  R3  An effect is applied once for a key and part, however often it is asked for; its first result comes back.
 *  R4  `undo` puts back what all parts of a key wrote, in reverse, and buries the key in the same transaction: what is applied
 *      under it later is refused with `effect.refused` (409). It is idempotent, and buries a key that nothing was applied under.
 *  R5  A row that is not at the version that its writer saw makes `apply` fail with `record.contended` (409, retryable); so does
 *      a second row of what may be there once. An undo that finds its row changed since by somebody else fails with
 *      `effect.overwritten` (409) and changes nothing.
 *  R6  An unreachable store rejects with `records.unavailable` (503, retryable), and works again by itself when it is back.
 */
export interface RecordStore {
  /** The row, or undefined when this view has none of that id. */
  get<Table extends RecordTable>(view: RecordView, table: Table, id: string): Promise<RecordRow<Table> | undefined>;
  /** Newest first. */
  list<Table extends RecordTable>(
    view: RecordView,
    table: Table,
    query: RecordQuery<Table>,
  ): Promise<Page<RecordRow<Table>>>;
  apply(view: RecordView, effect: RecordEffect, writes: readonly RowWrite[]): Promise<AppliedEffect>;
  undo(view: RecordView, key: string, atMs: number): Promise<"undone" | "buried">;
  /** Drops tombstones of a view that undo left before a time, at most `limit`; returns how many. R4 ends for their keys. */
  dropTombstones(view: RecordView, old: { readonly beforeMs: number; readonly limit: number }): Promise<number>;
  readonly subjectKeys: SubjectKeys;
  ping(): Promise<void>;
  /** May be repeated. */
  close(): Promise<void>;
}

export interface RecordView {
  readonly dataClassification: DataClassification;
  /** Whose rows they are; of platform rows, on whose behalf they are written. */
  readonly tenantId: TenantId;
}

export interface RecordQuery<Table extends RecordTable> extends PageRequest {
  /** Columns and what they must hold. */
  readonly where?: { readonly [Column in keyof RecordRow<Table>]?: RecordRow<Table>[Column] & (string | number) };
  /** A time that is set and not after this one, by its column. */
  readonly notAfter?: { readonly column: keyof RecordRow<Table> & `${string}_at`; readonly atMs: number };
}

export interface RecordEffect {
  /** `<execution>/<step>`: what is undone together. */
  readonly key: string;
  /** What tells several effects of one step apart; the same in every attempt. */
  readonly part: string;
  readonly atMs: number;
  /** What is given back now, and by every repeat. */
  readonly result: JsonObject;
}

export interface AppliedEffect {
  readonly outcome: "applied" | "applied_before";
  readonly result: JsonObject;
}

export type RowWrite = { readonly [Table in RecordTable]: RowWriteOf<Table> }[RecordTable];

type RowWriteOf<Table extends RecordTable> =
  | { readonly kind: "insert"; readonly table: Table; readonly row: NewRecord<Table> }
  | {
      readonly kind: "update";
      readonly table: Table;
      readonly id: string;
      readonly expectedVersion: number;
      readonly set: RecordChange<Table>;
    }
  | { readonly kind: "delete"; readonly table: Table; readonly id: string; readonly expectedVersion: number };

/**
 * The keys of subjects, wrapped by a master key that is elsewhere; a tenant's own. What erased one stays on record without its key.
 * Erasing is for good: it is no effect and has no undo, and there is no copy of the key in this store.
 */
export interface SubjectKeys {
  get(tenantId: TenantId, subjectId: string): Promise<SubjectKey | undefined>;
  /** Keeps the key, unless the subject has one, or had one: then that comes back. */
  add(tenantId: TenantId, key: SubjectKey & { readonly state: "active" }): Promise<SubjectKey>;
  /** Those that have a key, after a subject and in the order of their ids. */
  list(
    tenantId: TenantId,
    page: { readonly after: string; readonly limit: number },
  ): Promise<readonly (SubjectKey & { readonly state: "active" })[]>;
  /** Replaces how the key is wrapped, if it is as it was read; false when it is not, such as when it was erased since. */
  rewrap(tenantId: TenantId, key: SubjectKey & { readonly state: "active" }, wrappedKey: string): Promise<boolean>;
  /** Deletes the key. Resolves to the record of its end, the first one however often it is asked; undefined for no such subject. */
  erase(tenantId: TenantId, subjectId: string, atMs: number): Promise<(SubjectKey & { state: "erased" }) | undefined>;
}

export type SubjectKey =
  | {
      readonly state: "active";
      readonly subjectId: string;
      readonly keyId: string;
      /** Base64. */
      readonly wrappedKey: string;
      readonly createdMs: number;
    }
  | {
      readonly state: "erased";
      readonly subjectId: string;
      readonly keyId: string;
      readonly createdMs: number;
      readonly erasedMs: number;
    };

/** The error of a write that somebody else was faster than. */
export function rowContended(table: RecordTable, id: string): RuntimeError {
  return new RuntimeError("record.contended", `Somebody else changed ${table} ${id} first.`, {
    status: 409,
    retryable: true,
    details: { table, id },
  });
}

/** The error of an undo whose row somebody else has built upon. */
export function effectOverwritten(table: RecordTable, id: string): RuntimeError {
  return new RuntimeError("effect.overwritten", `${table} ${id} was changed since; what was there is not put back.`, {
    status: 409,
    details: { table, id },
  });
}

/** The error of a record store that cannot be used right now. */
export function recordsUnavailable(cause: unknown): RuntimeError {
  return new RuntimeError("records.unavailable", "The record store cannot be reached. Try again.", {
    status: 503,
    retryable: true,
    cause,
  });
}
