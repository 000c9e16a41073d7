import type { Commit } from "../../../shared/ports/execution-store.ts";
import { escaped, NONE } from "./keys.ts";

/** How many executions are remembered at the most: those that are given up are never heard of again. */
const MAX_REMEMBERED = 10_000;

/** How an execution stands after a commit, or a claim, of this process, for as long as nobody else does anything to it. */
export interface Standing {
  /** Field m to the letter: see scripts/commit.lua.ts. */
  readonly meta: string;
  readonly epoch: number;
  readonly owner: string;
  readonly status: string;
  readonly created: string;
  readonly entries: number;
}

/**
 * What this process knows of the executions that it holds, so that Redis need only compare. A guess and no promise: what is forgotten,
 * or not so any more, only takes the long way of the commit.
 */
export interface Standings {
  /**
   * What is known under an epoch, which is not known any more: until the commit is answered nobody knows. Workers of one process may
   * share a store, and one of them may have lost the execution to another.
   */
  take(key: string, epoch: number): Standing | undefined;
  keep(key: string, standing: Standing): void;
}

export function createStandings(): Standings {
  const known = new Map<string, Standing>();
  return {
    take: (key, epoch) => {
      const standing = known.get(key);
      if (standing?.epoch !== epoch) return undefined;
      known.delete(key);
      return standing;
    },
    keep: (key, standing) => {
      if (known.size >= MAX_REMEMBERED) known.delete(known.keys().next().value ?? "");
      known.set(key, standing);
    },
  };
}

/** How a new execution stands, of the commit with this number. */
export function opened(
  owner: string,
  {
    status,
    created,
    entries,
    terminal,
  }: Pick<Standing, "status" | "created" | "entries"> & { readonly terminal: boolean },
  [sender, number]: readonly [string, number],
): Standing {
  const meta = `1 ${terminal ? 1 : 0} ${owner} ${status} ${created} 0 ${entries} ${sender} ${number} -`;
  return { meta, epoch: 1, owner, status, created, entries };
}

/** How an execution stands after a commit that met with nothing that its writer did not know. */
export function committed(
  { owner, created, entries }: Standing,
  { executionId, epoch, state, change }: Commit,
  [sender, number]: readonly [string, number],
): Standing {
  const status = escaped(state.status);
  const length = entries + change.log.filter(({ stream }) => stream === executionId).length;
  const [over, holder, held] = state.terminal ? [1, NONE, 0] : [0, owner, 1];
  const meta = `${epoch} ${over} ${holder} ${status} ${created} 0 ${length} ${sender} ${number} committed ${held} 0`;
  return { meta, epoch, owner, status, created, entries: length };
}

/** What field m says of an execution that was just claimed; undefined when mail waits for it. */
export function claimed(meta: string): Standing | undefined {
  const [epoch, , owner = "", status = "", created = "", unread, entries] = meta.split(" ");
  return unread === "0" ? { meta, epoch: Number(epoch), owner, status, created, entries: Number(entries) } : undefined;
}
