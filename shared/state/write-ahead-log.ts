import { RuntimeError } from "../errors.ts";
import type { ExecutionId, TenantId } from "../ids.ts";
import type { ExecutionStore, LogFilter, StoredExecution } from "../ports/execution-store.ts";
import type { Page, PageRequest } from "../ports/paging.ts";
import { ChainVerifier, type LogVerification } from "./chain-verification.ts";
import { chainHeadSchema, type ChainFault, type LogEntry, logEntrySchema, verifyChain } from "./log-entry.ts";

const REPLAY_PAGE = 500;

/** The read side of the write-ahead log; entries are written only by the commits that they tell of. */
export interface WriteAheadLog {
  read(tenantId: TenantId, filter: LogFilter, page: PageRequest): Promise<Page<LogEntry>>;
  /** All entries that match, chronologically, fetched page by page. */
  replay(tenantId: TenantId, filter: Omit<LogFilter, "order">): AsyncIterable<LogEntry>;
  /** The first fault in the hash chain of an execution, or undefined. Throws `execution.not_found` when it has no entry. */
  verify(tenantId: TenantId, executionId: ExecutionId): Promise<ChainFault | undefined>;
  /** Verifies every chain of a session, of a stretch of time, or of the tenant; a stretch that begins later than the log takes the first entry of each chain on trust. */
  verifyAll(tenantId: TenantId, range: LogRange): Promise<LogVerification>;
}

export type LogRange = Pick<LogFilter, "sessionId" | "fromMs" | "toMs">;

export function createWriteAheadLog(store: ExecutionStore): WriteAheadLog {
  async function* texts(tenantId: TenantId, filter: Omit<LogFilter, "order">): AsyncIterable<string> {
    let cursor: string | undefined;
    do {
      const page: Page<string> = await store.readLog(
        tenantId,
        { ...filter, order: "chronological" },
        { limit: REPLAY_PAGE, cursor },
      );
      yield* page.items;
      cursor = page.nextCursor;
    } while (cursor !== undefined);
  }

  return {
    read: async (tenantId, filter, page) => {
      const found = await store.readLog(tenantId, filter, page);
      return { ...found, items: found.items.map(parseEntry) };
    },
    replay: async function* (tenantId, filter) {
      for await (const text of texts(tenantId, filter)) yield parseEntry(text);
    },
    verify: async (tenantId, executionId) => {
      const chain = await Array.fromAsync(texts(tenantId, { executionId }));
      if (chain.length === 0)
        throw new RuntimeError("execution.not_found", `There is no execution ${executionId}.`, { status: 404 });
      return verifyChain(chain) ?? cutOff(chain, await store.readExecution(tenantId, executionId));
    },
    verifyAll: async (tenantId, range) => {
      const verifier = new ChainVerifier({ fromTheStart: range.fromMs === undefined });
      for await (const text of texts(tenantId, range)) verifier.take(text);
      return verifier.result;
    },
  };
}

/** A chain cannot tell that its end is gone; the execution's state knows where it ended. */
function cutOff(chain: readonly string[], execution: StoredExecution | undefined): ChainFault | undefined {
  const head = chainHeadSchema.safeParse(execution?.head["chain"]);
  if (!head.success) return { sequence: chain.length, fault: "relinked" };
  if (head.data.sequence > chain.length) return { sequence: chain.length + 1, fault: "missing" };
  const last = parseEntry(chain.at(-1) ?? "");
  return head.data.hash === last.hash ? undefined : { sequence: chain.length, fault: "relinked" };
}

function parseEntry(text: string): LogEntry {
  return logEntrySchema.parse(JSON.parse(text));
}
