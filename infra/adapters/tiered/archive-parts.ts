import * as z from "zod";

import { parseRfc3339 } from "../../../shared/clock.ts";
import { RuntimeError } from "../../../shared/errors.ts";
import { idSchemas } from "../../../shared/ids.ts";
import type { ExecutionRef, ExecutionStore, LogRow, StoredExecution } from "../../../shared/ports/execution-store.ts";
import type { Page } from "../../../shared/ports/paging.ts";
import { archivedHead } from "./homes.ts";

/** How many rows and steps one commit of the archive writes: Firestore takes 500 writes. */
const PART = 200;
/** How many bytes of rows, and of steps, it writes: Firestore takes 10 MiB, with the head. */
const PART_BYTES = 4 * 1024 * 1024;

const chainSchema = z.object({ sequence: z.int(), hash: z.string(), timestamp_ms: z.int() });
const entrySchema = z.object({
  event_id: idSchemas.event,
  sequence: z.int().positive(),
  event_type: z.string(),
  session_id: idSchemas.session.optional(),
  timestamp: z.iso.datetime(),
  previous_hash: z.string(),
  hash: z.string(),
});

/** What one commit of the archive writes. */
export interface Part {
  readonly rows: readonly LogRow[];
  readonly state: Pick<StoredExecution, "head" | "steps">;
}

type ChainedRow = LogRow & { readonly hash: string };

/** Where the log of an execution ends, as its state says. */
export function chainEnd({ head }: Pick<StoredExecution, "head">): z.infer<typeof chainSchema> {
  return chainSchema.parse(head["chain"]);
}

/**
 * What the copy lacks of an execution, in parts that one commit takes each.
 * Throws `archive.broken_chain` when the entries do not continue what the copy has, up to where the execution's state ends.
 */
export async function missingParts(
  fast: ExecutionStore,
  ref: ExecutionRef,
  stored: StoredExecution,
  copy: StoredExecution | undefined,
): Promise<readonly Part[]> {
  const end = copy && chainEnd(copy);
  return partsOf(await newRows(fast, ref, stored, end?.sequence ?? 0, end?.hash), stored, copy);
}

async function newRows(
  fast: ExecutionStore,
  ref: ExecutionRef,
  stored: StoredExecution,
  from: number,
  fromHash: string | undefined,
): Promise<readonly ChainedRow[]> {
  const until = chainEnd(stored);
  const rows: ChainedRow[] = [];
  let hash = fromHash;
  let cursor: string | undefined;
  do {
    const filter = { executionId: ref.executionId, afterSequence: from, order: "chronological" } as const;
    const page: Page<string> = await fast.readLog(ref.tenantId, filter, { limit: PART, cursor });
    for (const text of page.items) {
      const entry = entrySchema.parse(JSON.parse(text));
      if (entry.sequence > until.sequence) break;
      const follows =
        entry.sequence === from + rows.length + 1 && (hash ?? entry.previous_hash) === entry.previous_hash;
      if (!follows) throw brokenChain(ref, entry.sequence);
      hash = entry.hash;
      rows.push({ ...rowOf(ref, text, entry), hash });
    }
    cursor = from + rows.length < until.sequence ? page.nextCursor : undefined;
  } while (cursor !== undefined);
  if (from + rows.length !== until.sequence || hash !== until.hash) throw brokenChain(ref, until.sequence);
  return rows;
}

function partsOf(rows: readonly ChainedRow[], stored: StoredExecution, copy: StoredExecution | undefined): Part[] {
  const before = new Map(copy?.steps.map(({ position, body }) => [position, JSON.stringify(body)]));
  const steps = stored.steps.filter(({ position, body }) => before.get(position) !== JSON.stringify(body));
  const rowsOfParts = grouped(rows, ({ text }) => Buffer.byteLength(text));
  const stepsOfParts = grouped(steps, ({ body }) => Buffer.byteLength(JSON.stringify(body)));
  const count = Math.max(1, rowsOfParts.length, stepsOfParts.length);
  return Array.from(Array(count).keys(), (n) => {
    const last = rowsOfParts[Math.min(n, rowsOfParts.length - 1)]?.at(-1);
    const chain = last && { sequence: last.sequence, hash: last.hash, timestamp_ms: last.timestampMs };
    // Until the last part the copy says of itself only how long its log is.
    const head = n === count - 1 ? stored.head : { ...(copy ?? stored).head, ...(chain && { chain }) };
    return {
      rows: (rowsOfParts[n] ?? []).map(({ hash: _, ...row }) => row),
      state: { head: archivedHead(head), steps: stepsOfParts[n] ?? [] },
    };
  });
}

/** The items in their order, as many together as one part takes. */
function grouped<Item>(items: readonly Item[], bytesOf: (item: Item) => number): readonly (readonly Item[])[] {
  const groups: Item[][] = [];
  let bytes = 0;
  for (const item of items) {
    const size = bytesOf(item);
    const group = groups.at(-1);
    const fits = group !== undefined && group.length < PART && bytes + size <= PART_BYTES;
    if (fits) group.push(item);
    else groups.push([item]);
    bytes = fits ? bytes + size : size;
  }
  return groups;
}

function rowOf({ executionId }: ExecutionRef, text: string, entry: z.infer<typeof entrySchema>): LogRow {
  return {
    eventId: entry.event_id,
    stream: executionId,
    sequence: entry.sequence,
    eventType: entry.event_type,
    timestampMs: parseRfc3339(entry.timestamp),
    sessionId: entry.session_id,
    executionId,
    text,
  };
}

function brokenChain({ executionId }: ExecutionRef, sequence: number): RuntimeError {
  return new RuntimeError(
    "archive.broken_chain",
    "The log of a fast execution does not continue what is archived of it.",
    {
      details: { execution_id: executionId, sequence },
    },
  );
}
