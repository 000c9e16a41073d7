import type { EventId, ExecutionId, TenantId, WorkerId } from "../../shared/ids.ts";
import type {
  Acceptance,
  AcceptOutcome,
  Change,
  ClaimOutcome,
  ClaimRequest,
  Commit,
  CommitOutcome,
  ExecutionPatch,
  ExecutionRef,
  LogRow,
  Mail,
  MailboxLimit,
  RecordConflict,
  RecordWrite,
  StoredRecord,
  WriteOutcome,
} from "../../shared/ports/execution-store.ts";
import {
  executionKey,
  type ExecutionRow,
  loadRow,
  type OutboxRow,
  recordKey,
  type RecordRow,
  recordRow,
  refOf,
  storedRecord,
} from "./model-rows.ts";

/** What is looked at after every change; `epoch` is the writer's. */
export interface Witness {
  accepted(row: ExecutionRow, change: Change): void;
  /** `before` is the epoch that the store had when this commit changed something. */
  committed(row: ExecutionRow, commit: Commit, before: { readonly epoch: number; readonly terminal: boolean }): void;
  changed(change: Change, before: ReadonlyMap<RecordWrite, StoredRecord | undefined>): void;
}

/** What the model may be told to forget, so that the checker can be checked. */
export interface Weakness {
  /** Commits are taken whatever their epoch. */
  readonly noFence?: boolean;
}

/**
 * An execution store without I/O: each method is one atomic transaction. Bodies rest as JSON text, so nothing is shared with
 * callers by reference.
 */
export class ModelDatabase {
  readonly executions = new Map<string, ExecutionRow>();
  readonly records = new Map<string, RecordRow>();
  readonly log: (LogRow & { readonly tenantId: TenantId })[] = [];
  readonly outbox: OutboxRow[] = [];
  readonly beats = new Map<string, number>();
  /** Workers whom everybody takes for dead, whether they are or not. */
  readonly suspected = new Set<string>();
  readonly #keys = new Map<string, { digest: string; executionId: ExecutionId; expiresMs: number }>();
  readonly #places = new Set<string>();
  readonly #witness: Witness | undefined;
  readonly #weakness: Weakness;

  constructor(witness?: Witness, weakness: Weakness = {}) {
    this.#witness = witness;
    this.#weakness = weakness;
  }

  accept(acceptance: Acceptance): AcceptOutcome {
    const { tenantId, executionId, idempotency: claim, requires, state } = acceptance;
    const first = claim && this.#keys.get(`${tenantId}/${claim.key}`);
    if (claim !== undefined && first !== undefined && first.expiresMs > acceptance.createdMs) {
      const outcome = first.digest === claim.digest ? "duplicate" : "idempotency_mismatch";
      return { outcome, executionId: first.executionId };
    }
    const required = this.records.get(recordKey(tenantId, requires.kind, requires.id));
    const usableUntilMs = required?.usableUntilMs ?? Number.POSITIVE_INFINITY;
    if (required === undefined || usableUntilMs <= requires.atMs) return { outcome: "requirement_unmet" };
    const conflict = this.#conflict(tenantId, acceptance.change.records);
    if (conflict !== undefined) return conflict;
    this.#checkPlaces(tenantId, acceptance.change.log);
    if (required.usableUntilMs !== undefined) {
      const prolonged = Math.max(required.usableUntilMs, requires.prolongToMs);
      this.records.set(recordKey(tenantId, required.kind, required.id), { ...required, usableUntilMs: prolonged });
    }
    if (claim !== undefined) this.#keys.set(`${tenantId}/${claim.key}`, { ...claim, executionId });
    const row: ExecutionRow = {
      tenantId,
      executionId,
      sessionId: acceptance.sessionId,
      intentType: acceptance.intentType,
      intent: JSON.stringify(acceptance.intent),
      epoch: 1,
      owner: acceptance.workerId,
      wakeMs: undefined,
      status: state.status,
      terminal: state.terminal,
      head: "",
      steps: [],
      mail: [],
    };
    this.executions.set(executionKey(tenantId, executionId), row);
    this.#writeState(row, state);
    this.#apply(tenantId, acceptance.change);
    this.#witness?.accepted(row, acceptance.change);
    return { outcome: "accepted", epoch: 1 };
  }

  claim({ tenantId, executionId, workerId, nowMs, deadAfterMs }: ClaimRequest): ClaimOutcome {
    const row = this.find(tenantId, executionId);
    if (row === undefined) return { outcome: "absent" };
    if (row.terminal) return { outcome: "terminal" };
    if (row.owner !== workerId && row.owner !== "" && this.#lives(row.owner, nowMs - deadAfterMs)) {
      return { outcome: "held" };
    }
    this.beat(workerId, nowMs);
    row.epoch += 1;
    row.owner = workerId;
    row.wakeMs = undefined;
    return { outcome: "claimed", epoch: row.epoch, execution: loadRow(row) };
  }

  commit(commit: Commit): CommitOutcome {
    const { tenantId, executionId, epoch, state, change, readMail, release } = commit;
    const row = this.find(tenantId, executionId);
    if (row === undefined) return { outcome: "fenced" };
    if (this.#weakness.noFence !== true && (row.epoch !== epoch || row.terminal)) return { outcome: "fenced" };
    const conflict = this.#conflict(tenantId, change.records);
    if (conflict !== undefined) return conflict;
    if (this.#weakness.noFence !== true) this.#checkPlaces(tenantId, change.log);
    const before = { epoch: row.epoch, terminal: row.terminal };
    this.#writeState(row, state);
    row.mail = row.mail.filter((mail) => !readMail.includes(mail.mailId));
    this.#apply(tenantId, change);
    if (state.terminal) row.mail = [];
    const mail = row.mail.length > 0;
    const held = release === undefined || (mail && release.evenWithMail !== true);
    if (!held) {
      row.owner = "";
      row.wakeMs = release.wakeAtMs;
    }
    this.#witness?.committed(row, commit, before);
    return { outcome: "committed", held, mail };
  }

  write(tenantId: TenantId, change: Change): WriteOutcome {
    const conflict = this.#conflict(tenantId, change.records);
    if (conflict !== undefined) return conflict;
    const { mail, mailboxLimit: limit } = change;
    if (limit !== undefined && mail.some(({ executionId }) => this.#overflows(tenantId, executionId, mail, limit))) {
      return { outcome: "mailbox_full" };
    }
    this.#checkPlaces(tenantId, change.log);
    this.#apply(tenantId, change);
    return { outcome: "written" };
  }

  find(tenantId: TenantId, executionId: ExecutionId): ExecutionRow | undefined {
    return this.executions.get(executionKey(tenantId, executionId));
  }

  readRecord(tenantId: TenantId, kind: string, id: string): StoredRecord | undefined {
    const row = this.records.get(recordKey(tenantId, kind, id));
    return row === undefined ? undefined : storedRecord(row);
  }

  beat(workerId: WorkerId, nowMs: number): void {
    this.beats.set(workerId, nowMs);
    this.suspected.delete(workerId);
  }

  retire(workerId: WorkerId): void {
    this.beats.delete(workerId);
  }

  due(nowMs: number, limit: number): ExecutionRef[] {
    const rows = [...this.executions.values()].filter(
      ({ owner, wakeMs }) => owner === "" && (wakeMs ?? nowMs + 1) <= nowMs,
    );
    return rows
      .toSorted((a, b) => (a.wakeMs ?? 0) - (b.wakeMs ?? 0))
      .slice(0, limit)
      .map(refOf);
  }

  abandoned(aliveSinceMs: number, limit: number): ExecutionRef[] {
    return [...this.executions.values()]
      .filter((row) => !row.terminal && row.owner !== "" && !this.#lives(row.owner, aliveSinceMs))
      .slice(0, limit)
      .map(refOf);
  }

  markPublished(eventIds: readonly EventId[], atMs: number): void {
    for (const row of this.outbox) if (eventIds.includes(row.message.eventId)) row.publishedMs ??= atMs;
  }

  purge(nowMs: number, publishedBeforeMs: number): number {
    const before = this.#keys.size + this.outbox.length;
    for (const [key, claim] of this.#keys) if (claim.expiresMs <= nowMs) this.#keys.delete(key);
    const kept = this.outbox.filter((row) => row.publishedMs === undefined || row.publishedMs >= publishedBeforeMs);
    this.outbox.splice(0, this.outbox.length, ...kept);
    return before - this.#keys.size - this.outbox.length;
  }

  #lives(workerId: string, sinceMs: number): boolean {
    return !this.suspected.has(workerId) && (this.beats.get(workerId) ?? Number.NEGATIVE_INFINITY) >= sinceMs;
  }

  #conflict(tenantId: TenantId, writes: readonly RecordWrite[]): RecordConflict | undefined {
    const stale = writes.find(
      ({ kind, id, expectedVersion }) =>
        (this.records.get(recordKey(tenantId, kind, id))?.version ?? 0) !== expectedVersion,
    );
    return stale === undefined ? undefined : { outcome: "conflict", kind: stale.kind, id: stale.id };
  }

  /** S11: whether the new letters among these leave more in a mailbox than it may hold. */
  #overflows(tenantId: TenantId, executionId: ExecutionId, mail: readonly Mail[], limit: MailboxLimit): boolean {
    const row = this.find(tenantId, executionId);
    if (row === undefined || row.terminal) return false;
    const waits = new Set(row.mail.map(({ mailId }) => mailId));
    const fresh = mail.filter((letter) => letter.executionId === executionId && !waits.has(letter.mailId));
    if (fresh.length === 0) return false;
    const all = [...row.mail, ...fresh];
    const bytes = all.reduce((sum, { body }) => sum + Buffer.byteLength(JSON.stringify(body)), 0);
    return all.length > limit.letters || bytes > limit.bytes;
  }

  /** A place in a log exists once (S9): the whole transaction fails before anything is written. */
  #checkPlaces(tenantId: TenantId, rows: readonly LogRow[]): void {
    const taken = rows.find(({ stream, sequence }) => this.#places.has(`${tenantId}/${stream}/${sequence}`));
    if (taken !== undefined) throw new RangeError(`the log place ${taken.stream}/${taken.sequence} is taken`);
  }

  #writeState(row: ExecutionRow, state: ExecutionPatch): void {
    row.status = state.status;
    row.terminal = state.terminal;
    row.head = JSON.stringify(state.head);
    for (const step of state.steps) row.steps[step.position] = JSON.stringify(step.body);
  }

  #apply(tenantId: TenantId, change: Change): void {
    const before = new Map<RecordWrite, StoredRecord | undefined>();
    for (const write of change.records) {
      const key = recordKey(tenantId, write.kind, write.id);
      const old = this.records.get(key);
      before.set(write, old && storedRecord(old));
      if (write.body === undefined) this.records.delete(key);
      else this.records.set(key, recordRow(tenantId, write, write.body, old));
    }
    for (const entry of change.log) {
      this.#places.add(`${tenantId}/${entry.stream}/${entry.sequence}`);
      this.log.push({ ...entry, tenantId });
    }
    for (const message of change.outbox)
      this.outbox.push({ message: structuredClone(message), publishedMs: undefined });
    for (const mail of change.mail) this.#send(tenantId, mail);
    this.#witness?.changed(change, before);
  }

  #send(tenantId: TenantId, mail: Mail): void {
    const row = this.find(tenantId, mail.executionId);
    if (row === undefined || row.terminal) return;
    if (!row.mail.some(({ mailId }) => mailId === mail.mailId)) row.mail.push(structuredClone(mail));
    if (row.owner === "") row.wakeMs = 0;
  }
}
