import type { QueryOrder, QueryReply } from "./query-messages.ts";

/**
 * The process in which queries run. It holds no secret, and whatever a query does to it, the parent lives:
 *  Q1  A query sees its own tables only: DuckDB may open exactly these files, and its configuration is locked before the query is read.
 *  Q2  Only one SELECT is run, by what DuckDB's own parser says of it.
 *  Q3  A process that outgrows its memory ends itself; the parent ends the one that is late (a scalar function cannot be interrupted).
 */

/** Above the engine's own limit, since a single value is not counted in it. */
const MAX_PROCESS_BYTES = 1_200_000_000;
const MEMORY_CHECK_MS = 20;

/** For the child to import; in a bundle that is the chunk with this module. */
export const moduleUrl: string = import.meta.url;

/** Serves orders that come from the parent, one after the other, until the channel closes. */
export async function serveQueries(): Promise<void> {
  const end = (): void => void process.kill(process.pid, "SIGKILL");
  const say = (reply: QueryReply, then?: () => void): void => void process.send?.(reply, undefined, undefined, then);
  process.on("disconnect", end);
  const engine = await import("./run-query.ts").catch((error: unknown) => {
    say({ kind: "refused", refusal: "unavailable", message: String(error) }, end);
    throw error;
  });
  setInterval(() => {
    if (process.memoryUsage.rss() < MAX_PROCESS_BYTES) return;
    say({ kind: "refused", refusal: "too_much_memory", message: "The query takes more memory than it may." }, end);
  }, MEMORY_CHECK_MS).unref();
  process.on("message", (order: QueryOrder) => {
    engine.runQuery(order).then(say, (error: unknown) => say(engine.refusalOf(error, order)));
  });
  say({ kind: "ready" });
}
