/** What files that are held whole may take together: a function has 512 MB, of which it needs half for itself and what is read as a stream. */
const CAPACITY_BYTES = 288 * 1024 * 1024;

/**
 * Places for reading files that are held whole, by the memory that reading them may take.
 *  P1  What is read at once takes no more than there is, and of one tenant no more than half of it, but for one file that takes more:
 *      whatever a tenant sends, it leaves a place to others.
 *  P2  Tenants that wait are served in turns, each in the order in which its files came; nobody overtakes a large file for ever.
 *  P3  Who gives up waiting leaves nothing behind, and takes no place.
 */
export interface ReadingPlaces {
  /** Resolves with a place for so many bytes, to be disposed of. Rejects with the signal's reason. */
  enter(tenantId: string, bytes: number, signal?: AbortSignal): Promise<Disposable>;
}

interface Waiting {
  readonly bytes: number;
  readonly begin: () => void;
}

export function createReadingPlaces(capacityBytes: number): ReadingPlaces {
  /** What each tenant's readings take. */
  const taken = new Map<string, number>();
  /** Who waits, by tenants: whose turn is next first. */
  const lines = new Map<string, readonly Waiting[]>();
  let takenBytes = 0;

  const take = (tenantId: string, bytes: number): void => {
    takenBytes += bytes;
    const left = (taken.get(tenantId) ?? 0) + bytes;
    if (left > 0) taken.set(tenantId, left);
    else taken.delete(tenantId);
  };
  const mayBegin = (tenantId: string, bytes: number): boolean => {
    const own = taken.get(tenantId);
    return own === undefined || own + bytes <= capacityBytes / 2;
  };
  const fill = (): void => {
    for (;;) {
      const next = [...lines].find(([tenantId, [first]]) => first !== undefined && mayBegin(tenantId, first.bytes));
      const [tenantId = "", [first, ...others] = []] = next ?? [];
      if (first === undefined || takenBytes + first.bytes > capacityBytes) return;
      // The next turn of this tenant is after those of all that wait.
      lines.delete(tenantId);
      if (others.length > 0) lines.set(tenantId, others);
      take(tenantId, first.bytes);
      first.begin();
    }
  };
  const leaveLine = (tenantId: string, waiting: Waiting): void => {
    const others = (lines.get(tenantId) ?? []).filter((each) => each !== waiting);
    if (others.length > 0) lines.set(tenantId, others);
    else lines.delete(tenantId);
    fill();
  };
  const placeOf = (tenantId: string, bytes: number): Disposable => {
    let left = false;
    return {
      [Symbol.dispose]: () => {
        if (left) return;
        left = true;
        take(tenantId, -bytes);
        const line = lines.get(tenantId);
        lines.delete(tenantId);
        if (line !== undefined) lines.set(tenantId, line);
        fill();
      },
    };
  };

  return {
    enter: async (tenantId, wanted, signal) => {
      signal?.throwIfAborted();
      const bytes = Math.min(wanted, capacityBytes);
      const { promise, resolve, reject } = Promise.withResolvers<void>();
      const waiting: Waiting = { bytes, begin: resolve };
      const giveUp = (): void => {
        leaveLine(tenantId, waiting);
        reject(signal?.reason);
      };
      lines.set(tenantId, [...(lines.get(tenantId) ?? []), waiting]);
      signal?.addEventListener("abort", giveUp, { once: true });
      fill();
      try {
        await promise;
        return placeOf(tenantId, bytes);
      } finally {
        signal?.removeEventListener("abort", giveUp);
      }
    },
  };
}

/** The places of a process, whatever the format. */
export const readingPlaces: ReadingPlaces = createReadingPlaces(CAPACITY_BYTES);
