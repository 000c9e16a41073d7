import { RuntimeError } from "../errors.ts";
import type { ExecutionId } from "../ids.ts";
import { expectSize, jsonBytes, type SizeLimit } from "../json-size.ts";
import type { MailboxLimit } from "../ports/execution-store.ts";
import type { Execution } from "./execution.ts";

const MAX_SIGNAL_BYTES = 128 * 1024;
const PAYLOAD: SizeLimit = {
  code: "signal.too_large",
  what: "The payload of a signal",
  maxBytes: MAX_SIGNAL_BYTES,
  advice: "Send it as a file, and its id.",
};
/** Payloads that the saga has read and not awaited yet. Each commit may rewrite them: with what is unread they fit into a Firestore head. */
const MAX_KEPT_BYTES = 256 * 1024;

/** What may be unread: fewer letters than the least store takes, so that children's ends and a cancel still find room. */
export const UNREAD_SIGNALS: { readonly mailboxLimit: MailboxLimit } = {
  mailboxLimit: { letters: 200, bytes: MAX_SIGNAL_BYTES + 16 * 1024 },
};

type Signal = NonNullable<Execution["signals"]>[number];

/** Whether a signal of this id was read, and waits for its await or was taken by it. */
export function hasTaken({ signals, steps }: Execution, signalId: string): boolean {
  const waits = signals?.some((signal) => signal.signal_id === signalId) ?? false;
  return waits || steps.some((step) => step.signal_id === signalId);
}

/**
 * Refuses a signal that could have no effect, because its await has ended or another one came first, and one for which there is no
 * room. Throws `signal.too_large` (413), `signal.preceded` (409), `mailbox.full` (429).
 */
export function expectRoom(execution: Execution, { name, payload }: Signal): void {
  expectSize(payload, PAYLOAD);
  const kept = execution.signals ?? [];
  const { status } = execution.steps.find((step) => step.step_name === name) ?? {};
  const isOver = status === "completed" || status === "skipped" || status === "compensated";
  if (isOver || kept.some((signal) => signal.name === name)) {
    const message = isOver
      ? `The await ${name} has ended.`
      : `Another signal ${name} came before; the first one counts.`;
    throw new RuntimeError("signal.preceded", message, { status: 409 });
  }
  // Its await takes it at once.
  if (status === "started") return;
  const keptBytes = kept.reduce((sum, signal) => sum + jsonBytes(signal.payload), 0);
  if (keptBytes + jsonBytes(payload) > MAX_KEPT_BYTES) throw mailboxFull(execution.execution_id);
}

/** While nothing more may be sent to an execution: 429, retryable. */
export function mailboxFull(executionId: ExecutionId): RuntimeError {
  const { letters, bytes } = UNREAD_SIGNALS.mailboxLimit;
  const message = `The execution ${executionId} has as many signals as it takes ahead of its awaits. Try again once it has taken some.`;
  const details = { max_unread: letters, max_unread_bytes: bytes, max_kept_bytes: MAX_KEPT_BYTES };
  return new RuntimeError("mailbox.full", message, { status: 429, retryable: true, details });
}
