import type { Clock } from "../../shared/clock.ts";

interface Sleeper {
  readonly dueMs: number;
  readonly owner: string;
  readonly wake: () => void;
}

/** A clock that stands still until it leaps to the next moment at which anything is due: days of waiting take no time. */
export interface LeapingClock {
  now(): number;
  /** The clock of one worker. */
  of(owner: string): Clock;
  /** Remembers a moment that nobody sleeps for, such as a durable timer. */
  remember(atMs: number): void;
  /** Leaps to the next moment, by at most `mostMs`, and wakes whoever is due. Returns whether there was such a moment. */
  leap(mostMs?: number): boolean;
  /** Nobody of a worker that died is ever woken. */
  bury(owner: string): void;
  /** How many sleep for longer than this from now. */
  sleepers(longerThanMs: number): number;
}

export function createLeapingClock(startMs: number): LeapingClock {
  let nowMs = startMs;
  const sleepers = new Set<Sleeper>();
  const alarms = new Set<number>();

  const sleep = (owner: string, delayMs: number, signal?: AbortSignal): Promise<void> => {
    if (delayMs <= 0 || signal?.aborted === true) return Promise.resolve();
    const { promise, resolve } = Promise.withResolvers<void>();
    const wake = (): void => {
      sleepers.delete(sleeper);
      signal?.removeEventListener("abort", wake);
      resolve();
    };
    const sleeper: Sleeper = { dueMs: nowMs + delayMs, owner, wake };
    sleepers.add(sleeper);
    signal?.addEventListener("abort", wake);
    return promise;
  };

  return {
    now: () => nowMs,
    of: (owner) => ({ now: () => nowMs, sleep: (delayMs, signal) => sleep(owner, delayMs, signal) }),
    remember: (atMs) => void (atMs > nowMs && alarms.add(atMs)),
    leap: (mostMs = Number.POSITIVE_INFINITY) => {
      const next = Math.min(...[...sleepers].map(({ dueMs }) => dueMs), ...alarms, nowMs + mostMs);
      if (!Number.isFinite(next)) return false;
      nowMs = Math.max(next, nowMs);
      for (const alarm of alarms) if (alarm <= nowMs) alarms.delete(alarm);
      for (const sleeper of [...sleepers].toSorted((a, b) => a.dueMs - b.dueMs)) {
        if (sleeper.dueMs <= nowMs) sleeper.wake();
      }
      return true;
    },
    bury: (owner) => {
      for (const sleeper of sleepers) if (sleeper.owner === owner) sleepers.delete(sleeper);
    },
    sleepers: (longerThanMs) => [...sleepers].filter(({ dueMs }) => dueMs > nowMs + longerThanMs).length,
  };
}
