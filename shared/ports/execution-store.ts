import type { EventId, ExecutionId, SessionId, TenantId, WorkerId } from "../ids.ts";
import type { JsonObject } from "../json.ts";
import type { ChainOwner } from "./entry-text.ts";
import type { LogKeeping } from "./log-keeping.ts";
import type { Page, PageRequest } from "./paging.ts";

/**
 * The only way to change anything durable. Write-ahead log, state surface and outbox are views over it, so that a torn write
 * cannot be expressed.
 *
 * Invariants that every adapter keeps (tests/conformance/execution-store.ts):
 *  S1  A change is applied whole or not at all: records, log entries, outbox messages and execution state together.
 *  S2  Only the newest epoch of an execution can commit; an older one is answered `fenced` and changes nothing.
 *  S3  An execution is held by one worker at a time; it can be claimed when its holder stopped beating, or by its holder itself.
 *  S4  A terminal execution is never claimed again.
 *  S5  One idempotency key leads to one execution until it expires.
 *  S6  A record changes only from the version that the writer saw.
 *  S7  Nothing of a tenant is read, listed, counted or changed through another tenant.
 *  S8  Listing is by index and cursor: no entry twice, none missed that was there throughout.
 *  S9  A log entry's stream and sequence exist once.
 *  S10 Mail to an execution is never lost between its sending and its reading: a commit that would let go of an execution
 *      with unread mail keeps it instead, and mail to one that was let go makes it due at once.
 *  S11 A written change that limits mailboxes leaves none of those that it sends to beyond the limit, whoever else sends at the same
 *      time: it is answered `mailbox_full` and changes nothing. A letter that waits already, or is dropped, takes no room.
 * An unreachable store rejects; it never answers emptily.
 * Times are the caller's: all who share a store must tell them by one clock, which is the store's own (shared/store-clock.ts).
 */
export interface ExecutionStore {
  accept(acceptance: Acceptance): Promise<AcceptOutcome>;
  claim(request: ClaimRequest): Promise<ClaimOutcome>;
  commit(commit: Commit): Promise<CommitOutcome>;
  /** Applies a change that belongs to no execution. */
  write(tenantId: TenantId, change: Change): Promise<WriteOutcome>;

  readExecution(tenantId: TenantId, executionId: ExecutionId): Promise<StoredExecution | undefined>;
  /** Newest first. */
  listExecutions(tenantId: TenantId, filter: ExecutionFilter, page: PageRequest): Promise<Page<JsonObject>>;
  readLog(tenantId: TenantId, filter: LogFilter, page: PageRequest): Promise<Page<string>>;
  readRecord(tenantId: TenantId, kind: string, id: string): Promise<StoredRecord | undefined>;
  /** Records that carry the facet, newest first by their `sortMs`, with the exact number of all of them. */
  listRecords(
    tenantId: TenantId,
    kind: string,
    facet: string,
    page: PageRequest,
  ): Promise<Page<StoredRecord> & { total: number }>;

  /** Unpublished messages of all tenants, oldest first; none of the ordering keys in `except`. */
  unpublished(limit: number, except?: readonly string[]): Promise<readonly OutboxMessage[]>;
  /** Takes messages out of what waits; the first mark of a message counts. A store may drop it at once. */
  markPublished(eventIds: readonly EventId[], atMs: number): Promise<void>;

  /** What waits in an execution's mailbox, oldest first; a commit that names it as read takes it out. */
  readMail(tenantId: TenantId, executionId: ExecutionId): Promise<readonly Mail[]>;

  /** Says that the worker lives. One row a worker, whatever it holds. */
  beat(workerId: WorkerId, nowMs: number): Promise<void>;
  /** Says that the worker is gone and all that it holds may be claimed. */
  retire(workerId: WorkerId): Promise<void>;
  /** Executions that were let go and whose time has come, the longest due first. */
  due(query: { readonly nowMs: number; readonly limit: number }): Promise<readonly ExecutionRef[]>;
  /** Unfinished executions whose holder is dead. */
  abandoned(query: {
    readonly nowMs: number;
    readonly deadAfterMs: number;
    readonly limit: number;
  }): Promise<readonly ExecutionRef[]>;
  /** Drops expired idempotency keys and messages published before `publishedBeforeMs`; returns how many rows went. */
  purge(query: { readonly nowMs: number; readonly publishedBeforeMs: number }): Promise<number>;

  /** As an acceptance would: prolongs a record that is there and usable, else answers false. Only stores that decide for others have it. */
  prolong?(tenantId: TenantId, requirement: RecordRequirement): Promise<boolean>;
  /** Moves on what is on its way between the parts of a store that has several; returns how much. Called with every round of upkeep. */
  carry?(): Promise<number>;
  /** Absent where what ended is not kept long enough to be forgotten. */
  readonly keeping?: LogKeeping;

  ping(): Promise<void>;
  close(): Promise<void>;
}

export interface ExecutionRef {
  readonly tenantId: TenantId;
  readonly executionId: ExecutionId;
}

/** What is written beside an execution's own state, or on its own: all of it or nothing. */
export interface Change {
  readonly records: readonly RecordWrite[];
  readonly log: readonly LogRow[];
  readonly outbox: readonly OutboxMessage[];
  /** To other executions of the tenant, or to the same; to an unfinished one only, to another it is dropped. */
  readonly mail: readonly Mail[];
  /** Heeded by `write` alone: what executions send each other must arrive. Absent means no limit but the store's own. */
  readonly mailboxLimit?: MailboxLimit | undefined;
}

/** To be filled in with what is changed. */
export const NO_CHANGE: Change = { records: [], log: [], outbox: [], mail: [] };

/** What may wait in a mailbox, the new letters included. */
export interface MailboxLimit {
  readonly letters: number;
  /** Of all bodies as JSON in UTF-8. */
  readonly bytes: number;
}

/** A message to an execution. Sending one again with the same id while it is unread changes nothing. */
export interface Mail {
  readonly mailId: string;
  readonly executionId: ExecutionId;
  readonly body: JsonObject;
}

export interface RecordWrite {
  readonly kind: string;
  readonly id: string;
  /** The version that the writer saw; 0 when it saw none. The new version is one more, or the first one. */
  readonly expectedVersion: number;
  /** The version of one that is created: by its time (record-version.ts), so that it repeats none of a record that was deleted. Default 1. */
  readonly firstVersion?: number | undefined;
  /** Undefined deletes. */
  readonly body: JsonObject | undefined;
  /** The listings that the record appears in, once in each. */
  readonly facets: readonly string[];
  readonly sortMs: number;
  /** Until when the record serves as a requirement of others; absent means always. */
  readonly usableUntilMs?: number | undefined;
}

export interface StoredRecord {
  readonly id: string;
  readonly version: number;
  readonly body: JsonObject;
  readonly usableUntilMs: number | undefined;
}

/** A sealed log entry: its exact JSON text, which its hash covers, and the columns that it is found by. */
export interface LogRow {
  readonly eventId: EventId;
  /** The chain that the entry belongs to: an execution's or a session's id. */
  readonly stream: string;
  /** 1, 2, 3 … within the stream. */
  readonly sequence: number;
  readonly eventType: string;
  readonly timestampMs: number;
  readonly sessionId: SessionId | undefined;
  readonly executionId: ExecutionId | undefined;
  readonly text: string;
  /** What the text is made of, with `eventId`, `sequence`, the time and the hash of its predecessor (entry-text.ts). */
  readonly sealed?: SealedParts | undefined;
}

/** A store may keep these in place of an entry's text, and what all entries of a stream share but once. */
export interface SealedParts {
  /** The same for all entries of a stream. */
  readonly owner: ChainOwner;
  readonly stepName: string | undefined;
  /** As JSON text. */
  readonly payload: string;
  readonly hash: string;
}

export interface OutboxMessage {
  readonly eventId: EventId;
  readonly tenantId: TenantId;
  readonly topic: string;
  readonly orderingKey: string;
  readonly attributes: Readonly<Record<string, string>>;
  readonly data: string;
}

/** The mutable part of an execution as it rests: `head` is small and rewritten by each commit, steps are rows of their own. */
export interface ExecutionPatch {
  readonly status: string;
  readonly terminal: boolean;
  readonly head: JsonObject;
  /** What the store has of the head. */
  readonly base?: Base;
  /** Only the steps that changed, by position. */
  readonly steps: readonly StoredStep[];
}

export interface StoredStep {
  readonly position: number;
  readonly body: JsonObject;
  /** What the store has of the step. */
  readonly base?: Base;
}

/**
 * What was last written whole under the same epoch, members compared by identity: a store may write the difference from it alone.
 * Null where the store has nothing yet; undefined where the writer cannot tell.
 */
export type Base = JsonObject | null | undefined;

export interface StoredExecution {
  readonly epoch: number;
  /** What was asked, written once. */
  readonly intent: JsonObject;
  readonly head: JsonObject;
  /** In the order of their positions. */
  readonly steps: readonly StoredStep[];
}

export interface Acceptance {
  readonly tenantId: TenantId;
  readonly executionId: ExecutionId;
  readonly sessionId: SessionId;
  readonly intentType: string;
  readonly createdMs: number;
  /** The acceptor, who holds epoch 1 and goes on inline. */
  readonly workerId: WorkerId;
  readonly intent: JsonObject;
  readonly state: ExecutionPatch;
  readonly idempotency?: IdempotencyClaim | undefined;
  /**
   * What may be lost. `fast`, in a store of several tiers: whatever was not archived yet, when the fast tier is wiped; the execution
   * can then change no records. Default `strict`: nothing. In a store of one tier both are the store's own.
   */
  readonly durability?: Durability | undefined;
  /** A record that must exist and be usable; its usability is prolonged by the same commit. */
  readonly requires: RecordRequirement;
  readonly change: Change;
}

export type Durability = "strict" | "fast";

export interface IdempotencyClaim {
  /** Unique within the tenant: intent type and the caller's key. */
  readonly key: string;
  readonly digest: string;
  readonly expiresMs: number;
}

export interface RecordRequirement {
  readonly kind: string;
  readonly id: string;
  readonly atMs: number;
  readonly prolongToMs: number;
}

export interface ClaimRequest extends ExecutionRef {
  readonly workerId: WorkerId;
  readonly nowMs: number;
  /** How long after its last beat a worker counts as dead. */
  readonly deadAfterMs: number;
  /** Unique among all claims, but the same where one is made again that got no answer: whichever of them comes later, it raises no epoch. */
  readonly claimId?: string | undefined;
}

export interface Commit extends ExecutionRef {
  readonly epoch: number;
  readonly state: ExecutionPatch;
  readonly change: Change;
  /** Mail that this commit has taken into account. */
  readonly readMail: readonly string[];
  /** Lets go of the execution, to be claimed when mail comes or the time has come; absent keeps it. */
  readonly release?: Release | undefined;
}

export interface Release {
  readonly wakeAtMs: number | undefined;
  /** Lets go also with unread mail: for a worker that cannot do anything about it. */
  readonly evenWithMail?: boolean | undefined;
}

export interface ExecutionFilter {
  readonly status?: string | undefined;
  readonly intentType?: string | undefined;
  readonly sessionId?: SessionId | undefined;
  /** Only executions that are not terminal. */
  readonly live?: boolean | undefined;
}

export interface LogFilter {
  readonly eventType?: string | undefined;
  readonly sessionId?: SessionId | undefined;
  readonly executionId?: ExecutionId | undefined;
  /** Only entries of an execution after this sequence. */
  readonly afterSequence?: number | undefined;
  readonly fromMs?: number | undefined;
  /** Exclusive. */
  readonly toMs?: number | undefined;
  readonly order: "newest" | "chronological";
}

export interface RecordConflict {
  readonly outcome: "conflict";
  readonly kind: string;
  readonly id: string;
}

export type AcceptOutcome =
  | { readonly outcome: "accepted"; readonly epoch: number }
  | { readonly outcome: "duplicate"; readonly executionId: ExecutionId }
  | { readonly outcome: "idempotency_mismatch"; readonly executionId: ExecutionId }
  | { readonly outcome: "requirement_unmet" }
  | RecordConflict;

export type ClaimOutcome =
  | { readonly outcome: "claimed"; readonly epoch: number; readonly execution: StoredExecution }
  | { readonly outcome: "held" }
  | { readonly outcome: "terminal" }
  | { readonly outcome: "absent" };

export type CommitOutcome =
  /** `held` says whether the worker still holds the execution, `mail` whether unread mail waits. */
  | { readonly outcome: "committed"; readonly held: boolean; readonly mail: boolean }
  | { readonly outcome: "fenced" }
  | RecordConflict;

export type WriteOutcome = { readonly outcome: "written" } | { readonly outcome: "mailbox_full" } | RecordConflict;
