import type { DatabaseSync } from "node:sqlite";

import { asId, type ExecutionId, type TenantId } from "../../../shared/ids.ts";
import type { JsonObject } from "../../../shared/json.ts";
import type { Mail, MailboxLimit } from "../../../shared/ports/execution-store.ts";

/** Messages to executions; every write runs inside the caller's transaction. */
export function createMailbox(db: DatabaseSync) {
  // One statement finds the recipient, numbers the message and keeps a repeat out.
  const insert = db.prepare(
    `INSERT INTO mail (execution_no, position, mail_id, body)
     SELECT e.no, coalesce((SELECT max(m.position) FROM mail m WHERE m.execution_no = e.no), 0) + 1, ?, ?
     FROM executions e WHERE e.tenant_id = ? AND e.execution_id = ? AND e.terminal = 0
     ON CONFLICT DO NOTHING`,
  );
  const wake = db.prepare(
    "UPDATE executions SET wake_ms = 0 WHERE tenant_id = ? AND execution_id = ? AND owner = '' AND terminal = 0",
  );
  const remove = db.prepare("DELETE FROM mail WHERE execution_no = ? AND mail_id = ?");
  const clear = db.prepare("DELETE FROM mail WHERE execution_no = ?");
  const any = db.prepare("SELECT 1 FROM mail WHERE execution_no = ? LIMIT 1");
  const use = db.prepare(
    `SELECT count(m.position) AS letters, coalesce(sum(octet_length(m.body)), 0) AS bytes, coalesce(max(m.mail_id = ?), 0) AS waits
     FROM executions e LEFT JOIN mail m ON m.execution_no = e.no
     WHERE e.tenant_id = ? AND e.execution_id = ? AND e.terminal = 0 GROUP BY e.no`,
  );
  const select = db.prepare(
    `SELECT m.mail_id, m.body FROM mail m JOIN executions e ON e.no = m.execution_no
     WHERE e.tenant_id = ? AND e.execution_id = ? ORDER BY m.position`,
  );

  return {
    send: (tenantId: TenantId, mail: Mail): void => {
      insert.run(mail.mailId, JSON.stringify(mail.body), tenantId, mail.executionId);
      wake.run(tenantId, mail.executionId);
    },
    /** Whether these letters would be too many for any of their mailboxes (S11). */
    overflows: (tenantId: TenantId, mail: readonly Mail[], limit: MailboxLimit): boolean =>
      [...Map.groupBy(mail, ({ executionId }) => executionId)].some(([executionId, letters]) => {
        let more = 0;
        let bytes = 0;
        for (const { mailId, body } of letters) {
          const row = use.get(mailId, tenantId, executionId);
          if (row === undefined || row["waits"] === 1) continue;
          more += 1;
          bytes += Buffer.byteLength(JSON.stringify(body));
          const overflow = Number(row["letters"]) + more > limit.letters || Number(row["bytes"]) + bytes > limit.bytes;
          if (overflow) return true;
        }
        return false;
      }),
    remove: (executionNo: number, mailIds: readonly string[]): void => {
      for (const mailId of mailIds) remove.run(executionNo, mailId);
    },
    /** A terminal execution reads no more. */
    clear: (executionNo: number): void => {
      clear.run(executionNo);
    },
    waits: (executionNo: number): boolean => any.get(executionNo) !== undefined,
    read: (tenantId: TenantId, executionId: ExecutionId): readonly Mail[] =>
      select.all(tenantId, executionId).map((row) => ({
        mailId: row["mail_id"] as string,
        executionId: asId.execution(executionId),
        body: JSON.parse(row["body"] as string) as JsonObject,
      })),
  };
}
