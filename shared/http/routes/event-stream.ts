import { type Execution, isTerminal } from "../../executions/execution.ts";
import type { TenantId } from "../../ids.ts";
import type { RuntimeServices } from "../../services.ts";
import { endsChain } from "../../state/chain-verification.ts";
import type { HttpAnswer } from "../http-answer.ts";

/** How long to wait for a hint before looking anyway: entries may be committed by another process, which gives no hint. */
const LOOK_EVERY_MS = 1_000;
const PAGE = 200;
const utf8 = new TextEncoder();

export interface StreamRequest {
  readonly tenantId: TenantId;
  /** As it was before its entries are read. */
  readonly execution: Execution;
  readonly afterSequence: number;
  /** Aborts when the reader goes away. */
  readonly signal: AbortSignal;
}

/**
 * The log entries of one execution as server-sent events, from the log and nothing else: a reader that comes back with
 * Last-Event-ID misses none and gets none twice.
 */
export function eventStream(services: RuntimeServices, request: StreamRequest): HttpAnswer {
  const signal = AbortSignal.any([request.signal, services.lifecycle.stopping]);
  const headers = {
    "content-type": "text/event-stream; charset=utf-8",
    "cache-control": "no-store",
    "x-accel-buffering": "no",
  };
  return { status: 200, headers, body: entryLines(services, request, signal) };
}

async function* entryLines(
  { log, feed, adapters }: RuntimeServices,
  { tenantId, execution, afterSequence }: StreamRequest,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array, void> {
  const { execution_id: executionId, status, chain } = execution;
  // Nobody has read more than there was: with a greater number the last entry would be missed, and waited for without an end.
  let last = Math.min(Math.max(afterSequence, 0), chain.sequence);
  let wake = new AbortController();
  const unwatch = feed.watch(executionId, () => wake.abort());
  try {
    while (!signal.aborted) {
      // Renewed before reading: a commit during the read wakes the next wait at once.
      wake = new AbortController();
      const filter = { executionId, afterSequence: last, order: "chronological" } as const;
      const page = await log.read(tenantId, filter, { limit: PAGE });
      for (const entry of page.items) {
        last = entry.sequence;
        yield utf8.encode(`id: ${entry.sequence}\nevent: ${entry.event_type}\ndata: ${JSON.stringify(entry)}\n\n`);
        if (endsChain(entry)) return;
      }
      if (page.nextCursor !== undefined) continue;
      // The end of one that was going on is among its entries; one that was over has no more of them.
      if (isTerminal(status)) return;
      if (page.items.length === 0) {
        await adapters.clock.sleep(LOOK_EVERY_MS, AbortSignal.any([signal, wake.signal]));
        yield utf8.encode(": \n\n");
      }
    }
  } finally {
    unwatch();
  }
}
