import { RuntimeError } from "../../../shared/errors.ts";
import type { ExecutionId } from "../../../shared/ids.ts";
import type { LogRow } from "../../../shared/ports/execution-store.ts";

/** What one document holds of the log: entries that follow one another in a stream, of one millisecond and one session. */
export type LogPack = readonly [LogRow, ...LogRow[]];

const MAX_ENTRIES = 50;
const MAX_BYTES = 256 * 1024;

/**
 * How entries lie in documents. Those of the execution `own`, whose document guards their sequence, share one where they can; every other
 * entry has one of its own, whose name is what keeps it from being written twice (S9).
 */
export function packsOf(rows: readonly LogRow[], own: ExecutionId | undefined): readonly LogPack[] {
  const packs: [LogRow, ...LogRow[]][] = [];
  let bytes = 0;
  for (const row of rows) {
    const size = Buffer.byteLength(row.text);
    const pack = packs.at(-1);
    const before = pack?.at(-1);
    const joins =
      before !== undefined &&
      row.stream === own &&
      row.stream === before.stream &&
      row.sequence === before.sequence + 1 &&
      row.timestampMs === before.timestampMs &&
      row.sessionId === before.sessionId &&
      row.executionId === before.executionId;
    if (joins && pack !== undefined && pack.length < MAX_ENTRIES && bytes + size <= MAX_BYTES) {
      pack.push(row);
      bytes += size;
    } else {
      packs.push([row]);
      bytes = size;
    }
  }
  return packs;
}

/**
 * Where the log of an execution ends after these entries, when it ended at `logged` before.
 * Undefined when one of them has the place of another: they must come in the order of their sequence, after what is there.
 */
export function loggedAfter(logged: number, rows: readonly LogRow[], own: ExecutionId): number | undefined {
  let last = logged;
  for (const { stream, sequence } of rows) {
    if (stream !== own) continue;
    if (sequence <= last) return undefined;
    last = sequence;
  }
  return last;
}

export function entryExists(what: string): RuntimeError {
  return new RuntimeError("store.entry_exists", `${what} was written before, by another change.`, { status: 409 });
}
