import { notFound } from "../errors.ts";
import { asId, type ExecutionId, type TenantId } from "../ids.ts";
import type { ExecutionStore, LogFilter, StoredExecution } from "../ports/execution-store.ts";
import { everyPage, type Page, type PageRequest } from "../ports/paging.ts";
import {
  type ChainFault,
  ChainVerifier,
  type FaultyChain,
  type LogVerification,
  MAX_FAULTS,
  verifyChain,
} from "./chain-verification.ts";
import { chainHeadSchema, type LogEntry, logEntrySchema, readEntry } from "./log-entry.ts";

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
    const ordered = { ...filter, order: "chronological" } as const;
    const pages = everyPage((cursor) => store.readLog(tenantId, ordered, { limit: REPLAY_PAGE, cursor }));
    for await (const items of pages) yield* items;
  }

  const verify: WriteAheadLog["verify"] = async (tenantId, executionId) => {
    const execution = await store.readExecution(tenantId, executionId);
    const chain = await Array.fromAsync(texts(tenantId, { executionId }));
    if (chain.length > 0) return verifyChain(chain) ?? cutOff(chain, execution);
    // One that was dropped in between is gone with its state.
    if (execution !== undefined && (await store.readExecution(tenantId, executionId)) !== undefined)
      return { sequence: 1, fault: "missing" };
    throw notFound("execution", executionId);
  };

  /**
   * What is wrong with a chain that a stretch shows a fault in: maybe nothing, for entries are read in the order of time, and one
   * that was committed late comes after its time was read past. Of what cannot be found by its name the fault stays.
   */
  const confirmed = async (tenantId: TenantId, suspected: FaultyChain): Promise<readonly FaultyChain[]> => {
    const { stream } = suspected;
    const isExecution = stream.startsWith("execution_");
    const owner = isExecution ? { executionId: asId.execution(stream) } : { sessionId: asId.session(stream) };
    const found = await Array.fromAsync(texts(tenantId, owner));
    const chain = isExecution ? found : found.filter((text) => readEntry(text)?.execution_id === undefined);
    const fault = chain.length === 0 ? suspected : verifyChain(chain);
    return fault === undefined ? [] : [{ ...fault, stream }];
  };

  return {
    read: async (tenantId, filter, page) => {
      const found = await store.readLog(tenantId, filter, page);
      return { ...found, items: found.items.map(parseEntry) };
    },
    replay: async function* (tenantId, filter) {
      for await (const text of texts(tenantId, filter)) yield parseEntry(text);
    },
    verify,
    verifyAll: async (tenantId, range) => {
      const verifier = new ChainVerifier({ fromTheStart: range.fromMs === undefined });
      for await (const text of texts(tenantId, range)) verifier.take(text);
      const { faults: suspected, ...counted } = verifier.result;
      const faults: FaultyChain[] = [];
      for (const fault of suspected) faults.push(...(await confirmed(tenantId, fault)));
      // A stretch that ends early shows no ends. Elsewhere what is left of a chain must be all that its execution's state knows of.
      for (const executionId of range.toMs === undefined ? verifier.unended : []) {
        if (faults.length >= MAX_FAULTS) break;
        const fault = await verify(tenantId, executionId);
        if (fault !== undefined) faults.push({ stream: executionId, ...fault });
      }
      return { ...counted, faults };
    },
  };
}

/** The execution's state was read first: what was committed since makes the chain longer than it knows, never shorter. */
function cutOff(chain: readonly string[], execution: StoredExecution | undefined): ChainFault | undefined {
  const head = chainHeadSchema.safeParse(execution?.head["chain"]);
  if (!head.success) return { sequence: chain.length, fault: "relinked" };
  const { sequence, hash } = head.data;
  if (sequence > chain.length) return { sequence: chain.length + 1, fault: "missing" };
  return parseEntry(chain[sequence - 1] ?? "").hash === hash ? undefined : { sequence, fault: "relinked" };
}

function parseEntry(text: string): LogEntry {
  return logEntrySchema.parse(JSON.parse(text));
}
