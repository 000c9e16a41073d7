import type { CollectionGroup, CollectionReference, DocumentReference, Firestore } from "@google-cloud/firestore";

import type { ExecutionRef } from "../../../shared/ports/execution-store.ts";
import type { TenantId } from "../../../shared/ids.ts";
import { sha256 } from "../../../shared/json.ts";

/**
 * In how many ways every index by time is split: an index whose values only grow takes 500 writes a second (Firestore's limit),
 * so this many times that. A query names them all with `in`, which Firestore merges in order; it allows 30.
 */
const SHARDS = 16;
export const EVERY_SHARD: readonly number[] = Array.from({ length: SHARDS }, (_, shard) => shard);

/** Where the rows that belong to a text go; spread evenly. */
export function shardOf(text: string): number {
  return Number.parseInt(sha256(text).slice(0, 2), 16) % SHARDS;
}

/** Where everything lies (ADR 0011). Whatever belongs to a tenant lies below its document, so that no path leads out of it. */
export interface Layout {
  executions(tenantId: TenantId): CollectionReference;
  execution(ref: ExecutionRef): DocumentReference;
  steps(execution: DocumentReference): CollectionReference;
  step(execution: DocumentReference, position: number): DocumentReference;
  mail(execution: DocumentReference, mailId: string): DocumentReference;
  log(tenantId: TenantId): CollectionReference;
  /** The entries of a stream from this sequence on. */
  logPack(tenantId: TenantId, stream: string, sequence: number): DocumentReference;
  records(tenantId: TenantId): CollectionReference;
  record(tenantId: TenantId, kind: string, id: string): DocumentReference;
  idempotency(tenantId: TenantId, key: string): DocumentReference;
  /** That a change which belongs to no execution was applied. */
  receipt(tenantId: TenantId, id: string): DocumentReference;
  readonly everyExecution: CollectionGroup;
  readonly everyLog: CollectionGroup;
  readonly everyIdempotencyKey: CollectionGroup;
  readonly outbox: CollectionReference;
  message(eventId: string): DocumentReference;
  readonly workers: CollectionReference;
  worker(workerId: string): DocumentReference;
}

export function createLayout(db: Firestore): Layout {
  const of = (tenantId: TenantId): DocumentReference => db.collection("tenants").doc(documentName(tenantId));
  const outbox = db.collection("outbox");
  const workers = db.collection("workers");
  return {
    executions: (tenantId) => of(tenantId).collection("executions"),
    execution: ({ tenantId, executionId }) => of(tenantId).collection("executions").doc(documentName(executionId)),
    steps: (execution) => execution.collection("steps"),
    step: (execution, position) => execution.collection("steps").doc(String(position)),
    mail: (execution, mailId) => execution.collection("mail").doc(documentName(mailId)),
    log: (tenantId) => of(tenantId).collection("log"),
    logPack: (tenantId, stream, sequence) =>
      of(tenantId)
        .collection("log")
        .doc(documentName(stream, String(sequence))),
    records: (tenantId) => of(tenantId).collection("records"),
    record: (tenantId, kind, id) => of(tenantId).collection("records").doc(documentName(kind, id)),
    idempotency: (tenantId, key) => of(tenantId).collection("idempotency").doc(sha256(key)),
    receipt: (tenantId, id) => of(tenantId).collection("receipts").doc(id),
    everyExecution: db.collectionGroup("executions"),
    everyLog: db.collectionGroup("log"),
    everyIdempotencyKey: db.collectionGroup("idempotency"),
    outbox,
    message: (eventId) => outbox.doc(documentName(eventId)),
    workers,
    worker: (workerId) => workers.doc(documentName(workerId)),
  };
}

const MAX_NAME_CHARS = 400;

/** A name that Firestore takes, a different one for different parts, whatever they hold: ids come also from callers. */
export function documentName(...parts: readonly string[]): string {
  if (parts.every((part) => part.isWellFormed())) {
    const name = parts.map(encodeURIComponent).join(":");
    const reserved = name === "" || name === "." || name === ".." || /^__.*__$/.test(name);
    if (!reserved && name.length <= MAX_NAME_CHARS) return name;
  }
  // A percent-encoded name never holds a #.
  return `#${sha256(JSON.stringify(parts))}`;
}

/** In the order of names it comes after each that `documentName` makes. */
export const BEHIND_EVERY_NAME = "\u007F";

/** The text that a name of one part was made of; undefined when it is a digest, which tells nothing. */
export function textOfName(name: string): string | undefined {
  return name.startsWith("#") ? undefined : decodeURIComponent(name);
}
