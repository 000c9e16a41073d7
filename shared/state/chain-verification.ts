import { asId, type ExecutionId } from "../ids.ts";
import { CHAIN_START, hashOf, type LogEntry, readEntry } from "./log-entry.ts";

export interface ChainFault {
  readonly sequence: number;
  readonly fault: "changed" | "missing" | "relinked";
}

/** A chain of a log, and its first fault. */
export interface FaultyChain extends ChainFault {
  /** An execution's id, or a session's for what it logged outside of any execution. */
  readonly stream: string;
}

/** What was found in a stretch of a log. */
export interface LogVerification {
  readonly entries: number;
  readonly chains: number;
  /** The first fault of each faulty chain, up to 100 of them. */
  readonly faults: readonly FaultyChain[];
}

export const MAX_FAULTS = 100;
const ENDS: ReadonlySet<LogEntry["event_type"]> = new Set([
  "execution_completed",
  "execution_failed",
  "execution_compensated",
  "execution_cancelled",
]);

interface Link {
  readonly sequence: number;
  readonly hash: string;
}

/** The first fault of a chain given as the texts of its entries from the first on; undefined when it is whole. */
export function verifyChain(texts: readonly string[]): ChainFault | undefined {
  let before: Link = CHAIN_START;
  for (const text of texts) {
    const entry = readEntry(text);
    const fault = faultOf(text, entry, before);
    if (fault !== undefined || entry === undefined) return fault;
    before = entry;
  }
  return undefined;
}

/**
 * Verifies the chains of a stretch of a log, entry by entry in the order of time, holding one link for each chain that goes on.
 * `fromTheStart` when the stretch begins with the log: then a chain begins with its first entry; else with the first that is seen.
 */
export class ChainVerifier {
  readonly #fromTheStart: boolean;
  readonly #open = new Map<string, Link>();
  readonly #faulty = new Map<string, FaultyChain>();
  #entries = 0;
  #chains = 0;

  constructor({ fromTheStart }: { readonly fromTheStart: boolean }) {
    this.#fromTheStart = fromTheStart;
  }

  take(text: string): void {
    this.#entries += 1;
    const entry = readEntry(text);
    const stream = entry?.execution_id ?? entry?.session_id ?? "unknown";
    if (this.#faulty.has(stream)) return;
    const before = this.#open.get(stream) ?? this.#begin(entry);
    const fault = faultOf(text, entry, before);
    if (fault !== undefined) {
      this.#open.delete(stream);
      if (this.#faulty.size < MAX_FAULTS) this.#faulty.set(stream, { stream, ...fault });
      return;
    }
    if (entry === undefined) return;
    if (endsChain(entry)) this.#open.delete(stream);
    else this.#open.set(stream, { sequence: entry.sequence, hash: entry.hash });
  }

  /** The executions whose chains were seen whole so far, and not to their ends: only their states know whether more belongs to them. */
  get unended(): readonly ExecutionId[] {
    return [...this.#open.keys()].filter((stream) => stream.startsWith("execution_")).map(asId.execution);
  }

  get result(): LogVerification {
    return { entries: this.#entries, chains: this.#chains, faults: [...this.#faulty.values()] };
  }

  #begin(entry: LogEntry | undefined): Link {
    this.#chains += 1;
    if (entry === undefined || this.#fromTheStart) return CHAIN_START;
    return { sequence: entry.sequence - 1, hash: entry.previous_hash };
  }
}

/** Whether nothing follows an entry in its chain: a failure that goes on to compensate, or waits for a person, is not the end. */
export function endsChain({ event_type, payload }: LogEntry): boolean {
  return ENDS.has(event_type) && payload["dead"] !== true && payload["compensating"] !== true;
}

/** Why a text is not the entry after `before`. */
function faultOf(text: string, entry: LogEntry | undefined, before: Link): ChainFault | undefined {
  const sequence = before.sequence + 1;
  if (entry === undefined) return { sequence, fault: "changed" };
  if (entry.sequence !== sequence) return { sequence, fault: "missing" };
  if (hashOf(text) !== entry.hash) return { sequence, fault: "changed" };
  return entry.previous_hash === before.hash ? undefined : { sequence, fault: "relinked" };
}
