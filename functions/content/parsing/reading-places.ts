/**
 * Places for reading files that may take much memory and time.
 *  P1  No more are read at once than there are places, and of one tenant only one: whatever it sends, it leaves a place to others.
 *  P2  Tenants that wait are served in turns, each in the order in which its files came.
 *  P3  Who gives up waiting leaves nothing behind, and takes no place.
 */
export interface ReadingPlaces {
  /** Resolves with a place, to be disposed of. Rejects with the signal's reason. */
  enter(tenantId: string, signal?: AbortSignal): Promise<Disposable>;
}

export function createReadingPlaces(places: number): ReadingPlaces {
  const reading = new Set<string>();
  const lines = new Map<string, (() => void)[]>();
  /** Tenants that wait and read nothing, whose turn is next first. */
  const turns: string[] = [];

  const place = (tenantId: string): Disposable => ({
    [Symbol.dispose]: () => {
      // A place is left once.
      if (!reading.delete(tenantId)) return;
      if (lines.has(tenantId)) turns.push(tenantId);
      fill();
    },
  });
  const fill = (): void => {
    while (reading.size < places) {
      const tenantId = turns.shift();
      if (tenantId === undefined) return;
      reading.add(tenantId);
      const begin = lines.get(tenantId)?.[0];
      if (begin !== undefined) leaveLine(tenantId, begin);
      begin?.();
    }
  };
  const leaveLine = (tenantId: string, begin: () => void): void => {
    const others = (lines.get(tenantId) ?? []).filter((each) => each !== begin);
    if (others.length > 0) {
      lines.set(tenantId, others);
      return;
    }
    lines.delete(tenantId);
    const turn = turns.indexOf(tenantId);
    if (turn !== -1) turns.splice(turn, 1);
  };

  return {
    enter: async (tenantId, signal) => {
      signal?.throwIfAborted();
      const { promise, resolve, reject } = Promise.withResolvers<void>();
      const begin = (): void => resolve();
      const giveUp = (): void => {
        leaveLine(tenantId, begin);
        reject(signal?.reason);
      };
      const line = lines.get(tenantId);
      if (line === undefined) {
        lines.set(tenantId, [begin]);
        if (!reading.has(tenantId)) turns.push(tenantId);
      } else line.push(begin);
      signal?.addEventListener("abort", giveUp, { once: true });
      fill();
      try {
        await promise;
        return place(tenantId);
      } finally {
        signal?.removeEventListener("abort", giveUp);
      }
    },
  };
}
