import { rfc3339 } from "../clock.ts";
import type { Execution } from "./execution.ts";
import type { Journal } from "./journal.ts";

/**
 * Lets go of an execution that this worker cannot take up now, until `wakeAtMs`. It says so in the log, for else the next claim would
 * count the step under way as one that its worker died over. Resolves to the state committed.
 */
export async function letGo(journal: Journal, wakeAtMs: number): Promise<Execution> {
  const { status, execution_id } = journal.state;
  if (status === "running") {
    const payload = { execution_id, epoch: journal.epoch, reason: "waiting", wake_at: rfc3339(wakeAtMs) };
    journal.record({ event_type: "execution_suspended", payload });
  }
  await journal.commit({ wakeAtMs, evenWithMail: true });
  return journal.committed;
}
