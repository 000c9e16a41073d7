import type { Firestore } from "@google-cloud/firestore";

import type { RuntimeError } from "../../../shared/errors.ts";
import type { ExecutionId, TenantId } from "../../../shared/ids.ts";
import type { Change, Mail, RecordConflict } from "../../../shared/ports/execution-store.ts";
import type { ChangeSet, WriteTimes } from "./change-set.ts";
import type { Heads } from "./heads.ts";
import type { Layout } from "./layout.ts";
import type { Log } from "./log.ts";
import { entryExists } from "./log-packs.ts";
import type { Delivery, Mailbox } from "./mailbox.ts";
import type { Outbox } from "./outbox.ts";
import type { Reach } from "./reach.ts";
import type { Records, SeenRecords } from "./records.ts";

/** What a change was decided on. */
export interface Seen {
  readonly records: SeenRecords;
  readonly deliveries: readonly Delivery[];
  /** Letters to the execution whose commit this is: they go into its own document. */
  readonly ownMail: readonly Mail[];
  /** The execution whose commit this is: its document guards the sequence of its entries. */
  readonly own: ExecutionId | undefined;
  /** Why it can never be written: a log entry or message of it is there already. */
  readonly repeats: RuntimeError | undefined;
}

/** The part that accept, commit and write have in common: records, log, outbox and mail to others. */
export interface Changes {
  /** `again` when a race was lost. */
  look(tenantId: TenantId, change: Change, again: boolean, own?: ExecutionId): Promise<Seen>;
  conflict(tenantId: TenantId, change: Change, seen: Seen): RecordConflict | undefined;
  /** Throws `store.entry_exists` (409) when a race was lost to a log entry or message that is there already. */
  add(set: ChangeSet, tenantId: TenantId, change: Change, seen: Seen): void;
  applied(tenantId: TenantId, change: Change, seen: Seen, times: WriteTimes): void;
}

export interface ChangesDeps {
  readonly db: Firestore;
  readonly layout: Layout;
  readonly reach: Reach;
  readonly heads: Heads;
  readonly records: Records;
  readonly log: Log;
  readonly outbox: Outbox;
  readonly mailbox: Mailbox;
}

export function createChanges({ db, layout, reach, heads, records, log, outbox, mailbox }: ChangesDeps): Changes {
  /** Entries and messages are written once: one that is there will never make room. */
  const findRepeat = async (
    tenantId: TenantId,
    change: Change,
    own: ExecutionId | undefined,
  ): Promise<RuntimeError | undefined> => {
    const others = change.log.filter(({ stream }) => stream !== own);
    const refs = [
      ...others.map((row) => layout.logPack(tenantId, row.stream, row.sequence)),
      ...change.outbox.map((message) => layout.message(message.eventId)),
    ];
    if (refs.length === 0) return undefined;
    const found = (await reach.call(() => db.getAll(...refs, { fieldMask: ["shard"] }))).find(({ exists }) => exists);
    return found === undefined ? undefined : entryExists(`${found.ref.parent.id} ${found.id}`);
  };

  return {
    look: async (tenantId, change, again, own) => {
      const ownMail = change.mail.filter(({ executionId }) => executionId === own);
      const others = change.mail.filter(({ executionId }) => executionId !== own);
      const [seen, deliveries, repeats] = await Promise.all([
        records.look(tenantId, change.records, again),
        mailbox.look(tenantId, others),
        again ? findRepeat(tenantId, change, own) : undefined,
      ]);
      return { records: seen, deliveries, ownMail, own, repeats };
    },

    conflict: (tenantId, change, seen) => records.conflict(tenantId, change.records, seen.records),

    add: (set, tenantId, change, seen) => {
      if (seen.repeats !== undefined) throw seen.repeats;
      records.add(set, tenantId, change.records, seen.records);
      log.add(set, tenantId, change.log, seen.own);
      outbox.add(set, change.outbox);
      for (const delivery of seen.deliveries) mailbox.deliver(set, delivery);
    },

    applied: (tenantId, change, seen, times) => {
      records.applied(tenantId, change.records, times);
      for (const { document } of seen.deliveries) heads.forget(document);
    },
  };
}
