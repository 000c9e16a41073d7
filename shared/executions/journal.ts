import type { Clock } from "../clock.ts";
import { type Ids, trustedTenantId } from "../ids.ts";
import type { ChainOwner } from "../ports/entry-text.ts";
import type { Change, ExecutionStore, LogRow, Mail, OutboxMessage, Release } from "../ports/execution-store.ts";
import { cloudEvent, type EventToTell } from "../state/cloud-event.ts";
import { createSealer, type LogDraft, type Sealer } from "../state/log-entry.ts";
import type { UnitOfWork } from "../state/unit-of-work.ts";
import { advance, type Advanced, noteWritten, patchOf, type WrittenWhole } from "./advance.ts";
import { type Execution, isSettled } from "./execution.ts";

export interface JournalDeps {
  readonly store: ExecutionStore;
  readonly ids: Ids;
  readonly clock: Clock;
  /** Called after each commit, with what it may have made ready for others. */
  readonly onCommit: (notice: CommitNotice) => void;
}

export interface CommitNotice {
  readonly state: Execution;
  readonly messages: boolean;
  /** Executions that got mail. */
  readonly mailed: readonly Mail["executionId"][];
  /** When an execution that was let go is due. */
  readonly wakeAtMs: number | undefined;
}

/** How far apart entries of one commit may be recorded and carry one time all the same. */
const SAME_MOMENT_MS = 2;

/** What an execution owner has: an id for each of its parts. */
export type ExecutionOwner = Required<ChainOwner>;

export type CommitResult = "held" | "let_go" | "fenced" | "conflict";

/**
 * The execution as its holder writes it: what is recorded changes the state at once, and the store with the next commit.
 *  J1  State is what the entries fold to; nothing else changes it.
 *  J2  A commit writes all that was recorded since the last one, or nothing; after a conflict all of it is forgotten.
 */
export class Journal {
  readonly owner: ExecutionOwner;
  readonly epoch: number;
  /** Whether unread mail waits, as the last commit said; a claim may always have been caused by mail. */
  mail: boolean;
  readonly #deps: JournalDeps;
  readonly #seal: Sealer;
  /** What this worker has written whole under its epoch, so that what it writes later may be told by its difference. */
  readonly #whole: WrittenWhole = { head: undefined, steps: [] };
  #committed: Execution;
  #state: Execution;
  #rows: LogRow[] = [];
  #writes: UnitOfWork | undefined;
  #outbox: OutboxMessage[] = [];
  #sent: Mail[] = [];
  #read: string[] = [];

  private constructor(
    deps: JournalDeps,
    seal: Sealer,
    owner: ExecutionOwner,
    epoch: number,
    { state, rows }: Advanced,
  ) {
    this.#deps = deps;
    this.#seal = seal;
    this.owner = owner;
    this.epoch = epoch;
    this.mail = epoch > 1;
    this.#committed = state;
    this.#state = state;
    this.#rows = rows;
  }

  /** A new execution, not accepted yet: `opening` is what its acceptance must write. */
  static begin(deps: JournalDeps, owner: ExecutionOwner, drafts: readonly LogDraft[]): Journal {
    const seal = createSealer(owner, deps.ids);
    return new Journal(deps, seal, owner, 1, advance({ seal, clock: deps.clock }, undefined, drafts));
  }

  /** An execution that this worker holds under `epoch`. */
  static resume(deps: JournalDeps, epoch: number, state: Execution): Journal {
    const owner: ExecutionOwner = {
      tenantId: trustedTenantId(state.tenant_id),
      sessionId: state.session_id,
      executionId: state.execution_id,
      sagaId: state.saga_id,
      traceId: state.trace_id,
    };
    const journal = new Journal(deps, createSealer(owner, deps.ids), owner, epoch, { state, rows: [] });
    // The acceptance, epoch 1, has written all of it.
    if (epoch === 1) noteWritten(journal.#whole, patchOf(undefined, state));
    return journal;
  }

  get state(): Execution {
    return this.#state;
  }

  /** What the store has. */
  get committed(): Execution {
    return this.#committed;
  }

  /** All that was recorded since the last commit. */
  get change(): Change {
    return { records: this.#writes?.records ?? [], log: this.#rows, outbox: this.#outbox, mail: this.#sent };
  }

  /** What was absorbed since the last commit, to be read through by whoever changes more. */
  get uncommitted(): UnitOfWork | undefined {
    return this.#writes;
  }

  get dirty(): boolean {
    return this.#rows.length > 0 || this.#read.length > 0;
  }

  record(...drafts: readonly LogDraft[]): void {
    const moment = this.#moment();
    const { state, rows } = advance({ seal: this.#seal, clock: { now: () => moment } }, this.#state, drafts);
    this.#state = state;
    for (const row of rows) this.#rows.push(row);
  }

  /** Now, or a moment ago where a commit has entries of then: stores keep together what is of one commit and time. */
  #moment(): number {
    const now = this.#deps.clock.now();
    const lastMs = this.#rows.at(-1)?.timestampMs ?? 0;
    return Math.abs(now - lastMs) <= SAME_MOMENT_MS ? lastMs : now;
  }

  /** Takes over what a step wants changed: its records and the entries that tell of them. */
  absorb(unit: UnitOfWork): void {
    if (this.#writes === undefined) this.#writes = unit;
    else this.#writes.absorb(unit);
    if (unit.drafts.length > 0) this.record(...unit.drafts);
  }

  publish(event: EventToTell): void {
    const source = { ...this.owner, intentType: this.#state.intent_type };
    this.#outbox.push(cloudEvent(source, event, this.#deps.clock.now()));
  }

  send(mail: Mail): void {
    this.#sent.push(mail);
  }

  markRead(mailId: string): void {
    this.#read.push(mailId);
  }

  /** Forgets what was recorded since the last commit. */
  reset(): void {
    this.#state = this.#committed;
    this.#rows = [];
    this.#writes = undefined;
    this.#outbox = [];
    this.#sent = [];
    this.#read = [];
  }

  /** Commits what was recorded; with `release`, lets go of the execution unless mail waits. */
  async commit(release?: Release): Promise<CommitResult> {
    if (isSettled(this.#state.status) && this.#state.status !== this.#committed.status) this.tellEnd();
    const patch = patchOf(this.#committed, this.#state, this.#whole);
    const { change } = this;
    const { tenantId, executionId } = this.owner;
    const ref = { tenantId, executionId, epoch: this.epoch };
    const result = await this.#deps.store.commit({ ...ref, state: patch, change, readMail: this.#read, release });
    if (result.outcome === "fenced") return "fenced";
    if (result.outcome === "conflict") {
      this.reset();
      return "conflict";
    }
    const notice: CommitNotice = {
      state: this.#state,
      messages: this.#outbox.length > 0,
      mailed: this.#sent.map((mail) => mail.executionId),
      wakeAtMs: result.held ? undefined : release?.wakeAtMs,
    };
    noteWritten(this.#whole, patch);
    this.#committed = this.#state;
    this.reset();
    this.mail = result.mail;
    this.#deps.onCommit(notice);
    return result.held ? "held" : "let_go";
  }

  /** The event that tells the world how an execution ended, and the mail that tells its parent. */
  tellEnd(): void {
    const { execution_id, intent_id, intent_type, status, error, parent } = this.#state;
    const data = { execution_id, intent_id, intent_type, status, ...(error === undefined ? {} : { error }) };
    this.publish({ eventId: this.#deps.ids.event(), type: `execution_${status}`, told: { data } });
    if (parent === undefined || status === "dead") return;
    this.send({
      mailId: `${execution_id}/ended`,
      executionId: parent.execution_id,
      body: { kind: "child_ended", step_name: parent.step_name, status },
    });
  }
}
