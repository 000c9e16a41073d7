import type { DocumentReference, Firestore } from "@google-cloud/firestore";
import * as z from "zod";

import { RuntimeError } from "../../../shared/errors.ts";
import type { TenantId } from "../../../shared/ids.ts";
import type { JsonObject } from "../../../shared/json.ts";
import type { ExecutionRef, Mail, MailboxLimit } from "../../../shared/ports/execution-store.ts";
import type { ChangeSet } from "./change-set.ts";
import type { Head, HeadRow, Heads } from "./heads.ts";
import type { Layout } from "./layout.ts";
import type { Reach } from "./reach.ts";

/** Unread letters of one execution; what waits is named in the execution's document. */
const MAX_UNREAD = 250;
const MAX_MAIL_ID_CHARS = 256;

const rowSchema = z.object({ mail_id: z.string(), body: z.string() });

/** Letters to one execution that is there and unfinished. */
export interface Delivery {
  readonly document: DocumentReference;
  readonly head: Head;
  readonly letters: readonly Mail[];
}

/**
 * Letters lie in documents of their own; which of them wait, and in which order, says the execution's document.
 *  M1  A letter is sent by changing the recipient's document, as it was seen: a commit that would let go at the same time
 *      loses the race, sees the letter and keeps the execution; or it wins, and the sender sees that it must wake it (S10).
 */
export interface Mailbox {
  /** Where these letters go: finished executions, and those that never were, get none. */
  look(tenantId: TenantId, mail: readonly Mail[]): Promise<readonly Delivery[]>;
  deliver(set: ChangeSet, delivery: Delivery): void;
  read(ref: ExecutionRef): Promise<readonly Mail[]>;
}

export function createMailbox(db: Firestore, layout: Layout, reach: Reach, heads: Heads): Mailbox {
  return {
    look: async (tenantId, mail) => {
      const recipients = [...Map.groupBy(mail, ({ executionId }) => executionId)];
      const refs = recipients.map(([executionId]) => ({ tenantId, executionId }));
      const found = await heads.readAll(refs);
      return recipients.flatMap(([executionId, letters], index) => {
        const head = found[index];
        if (head === undefined || !head.row.live) return [];
        return [{ document: layout.execution({ tenantId, executionId }), head, letters }];
      });
    },

    deliver: (set, { document, head, letters }) => {
      const { unread, owner } = head.row;
      const waiting = withLetters(unread, letters);
      for (const [mailId, letter] of newLetters(unread, letters))
        set.put(layout.mail(document, mailId), mailRow(letter));
      const wake = owner === null ? { due_ms: 0 } : {};
      if (waiting.length > unread.length || owner === null)
        set.update(document, { unread: waiting, unread_bytes: bytesWith(head.row, letters), ...wake }, head.updated);
    },

    read: async (ref) => {
      const head = await heads.read(ref);
      if (head === undefined || head.row.unread.length === 0) return [];
      const document = layout.execution(ref);
      const letters = head.row.unread.map((mailId) => layout.mail(document, mailId));
      const found = await reach.call(() => db.getAll(...letters));
      // A letter that a commit has read since is gone.
      return found.flatMap((snapshot) => {
        if (!snapshot.exists) return [];
        const { mail_id, body } = rowSchema.parse(snapshot.data());
        return [{ mailId: mail_id, executionId: ref.executionId, body: JSON.parse(body) as JsonObject }];
      });
    },
  };
}

export function mailRow({ mailId, body }: Mail) {
  return { mail_id: mailId, body: JSON.stringify(body) };
}

/** The letters that do not wait yet, by their ids, each as it was sent first. */
export function newLetters(unread: readonly string[], letters: readonly Mail[]): ReadonlyMap<string, Mail> {
  const fresh = new Map<string, Mail>();
  for (const letter of letters) {
    if (!unread.includes(letter.mailId) && !fresh.has(letter.mailId)) fresh.set(letter.mailId, letter);
  }
  return fresh;
}

/** Whether these letters are too many for the mailbox (S11). It counts what was read meanwhile until the mailbox is empty. */
export function overflows({ head: { row }, letters }: Delivery, limit: MailboxLimit): boolean {
  const more = newLetters(row.unread, letters).size;
  return more > 0 && (row.unread.length + more > limit.letters || bytesWith(row, letters) > limit.bytes);
}

/** `unread_bytes` after these letters came. */
export function bytesWith(
  { unread, unread_bytes }: Pick<HeadRow, "unread" | "unread_bytes">,
  letters: readonly Mail[],
): number {
  let bytes = unread.length === 0 ? 0 : unread_bytes;
  for (const { body } of newLetters(unread, letters).values()) bytes += Buffer.byteLength(JSON.stringify(body));
  return bytes;
}

/** What waits after these letters came. Throws `mailbox.full` (503, retryable) when that is too much. */
export function withLetters(unread: readonly string[], letters: readonly Mail[]): readonly string[] {
  const waiting = [...unread, ...newLetters(unread, letters).keys()];
  if (waiting.length > MAX_UNREAD && waiting.length > unread.length) {
    throw new RuntimeError(
      "mailbox.full",
      `The execution has ${unread.length} unread messages; try again once it has read some.`,
      {
        status: 503,
        retryable: true,
      },
    );
  }
  const long = waiting.find((mailId) => mailId.length > MAX_MAIL_ID_CHARS);
  if (long === undefined) return waiting;
  throw new RuntimeError(
    "mail.id_too_long",
    `A message id has ${long.length} characters, of ${MAX_MAIL_ID_CHARS} at the most.`,
    {
      status: 422,
    },
  );
}
