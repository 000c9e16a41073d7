import type { ClientHost } from "./host.ts";
import { ProblemError, unreachable } from "./problem-error.ts";
import { readEvents } from "./event-source.ts";
import { eitherOf, unlessSilent } from "./silence.ts";
import { retryDelayMs, type Transport } from "./transport.ts";
import type { Execution, LogEntry } from "./wire-types.ts";

/** How many connections in a row may bring nothing new before the last failure is the caller's: about 40 s. */
const MAX_FRUITLESS = 12;

export interface FollowOptions {
  /** The sequence of the last entry that the caller has already; default 0, from the first on. */
  readonly after?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * The log entries of one execution as they are committed, across lost connections and restarts of the runtime.
 *  E1  Each entry comes once, in its order: a new connection goes on after the last entry that was given out.
 *  E2  It ends after the last entry of an execution that is terminal, and not because a connection did.
 *  E3  It never tries for ever without getting anywhere: it then throws what went wrong last.
 */
export async function* followExecution(
  transport: Transport,
  ref: { readonly tenantId: string; readonly executionId: string },
  { after = 0, signal }: FollowOptions = {},
): AsyncGenerator<LogEntry, void> {
  const path = `/execution/${encodeURIComponent(ref.executionId)}`;
  const query = { tenant_id: ref.tenantId };
  let last = after;
  let ended = false;
  let fruitless = 0;

  /** What a clean end of the stream may mean: the execution's, or only the server's. */
  const isOver = async (): Promise<boolean> => {
    if (ended) return true;
    const { status } = await transport.json<Execution>({ path: `${path}/status`, query, signal, repeatable: true });
    if (!isTerminal(status)) return false;
    const newest = { ...query, execution_id: ref.executionId, order: "newest", limit: 1 };
    const page = await transport.json<{ entries: readonly LogEntry[] }>({
      path: "/wal",
      query: newest,
      signal,
      repeatable: true,
    });
    return (page.entries[0]?.sequence ?? 0) <= last;
  };

  for (;;) {
    signal?.throwIfAborted();
    let failure: Error | undefined;
    const connection = new AbortController();
    const heard = <Value>(work: Promise<Value>): Promise<Value> => unlessSilent(transport.host, connection, work);
    try {
      const headers = { accept: "text/event-stream", "last-event-id": String(last) };
      const call = { path: `${path}/events`, query, headers, signal: eitherOf(signal, connection), repeatable: true };
      const response = await heard(transport.once(call));
      for await (const event of readEvents(chunksOf(response, heard))) {
        if (event === undefined) continue;
        const entry = JSON.parse(event.data) as LogEntry;
        if (entry.sequence <= last) continue;
        last = entry.sequence;
        ended = endsExecution(entry);
        fruitless = 0;
        yield entry;
      }
      if (await isOver()) return;
    } catch (error) {
      signal?.throwIfAborted();
      if (!(error instanceof Error)) throw error;
      failure = error;
    } finally {
      // Also when the caller leaves in the middle: the connection is let go.
      connection.abort();
    }
    fruitless += 1;
    await pause(transport.host, failure, fruitless, signal);
  }
}

/** Waits before the next connection, longer each time; throws the failure when there is no sense in another. */
async function pause(
  host: ClientHost,
  failure: Error | undefined,
  fruitless: number,
  signal: AbortSignal | undefined,
): Promise<void> {
  const lost = failure ?? unreachable("the event stream", undefined);
  const delayMs = retryDelayMs(host, lost, fruitless);
  if (delayMs === undefined || fruitless >= MAX_FRUITLESS) throw lost;
  await host.clock.sleep(delayMs, signal);
}

/** The pieces of an answer's body; a connection that is silent for too long ends in `client.unreachable`. */
async function* chunksOf(
  response: Response,
  heard: <Value>(work: Promise<Value>) => Promise<Value>,
): AsyncGenerator<Uint8Array, void> {
  // By hand: not every browser's streams are async iterables.
  const reader = response.body?.getReader();
  if (reader === undefined) return;
  for (;;) {
    const piece = await heard(reader.read()).catch((error: unknown) => {
      throw error instanceof ProblemError ? error : unreachable("the event stream", error);
    });
    if (piece.done) return;
    yield piece.value;
  }
}

export function isTerminal(status: string): boolean {
  return status === "completed" || status === "failed" || status === "compensated" || status === "cancelled";
}

function endsExecution({ event_type: type, payload }: LogEntry): boolean {
  // A failure may only be the turning point, or the end for which a person is awaited.
  if (type === "execution_failed") return payload["compensating"] !== true && payload["dead"] !== true;
  return type === "execution_completed" || type === "execution_compensated" || type === "execution_cancelled";
}
