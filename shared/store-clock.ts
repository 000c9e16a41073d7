import type { Clock } from "./clock.ts";

/** Begins to listen to one call to the store. A call that is not answered tells nothing. */
export type Listen = () => Hear;

/**
 * Is told the store's own time that the answer carries, in epoch milliseconds: one `during` the call, as changes have, or one `before`
 * its end, which may be long ago: a read is made as of a time at which nothing has changed since.
 */
export type Hear = (storeMs: number, when?: "during" | "before") => void;

/** For a store whose time nobody asks for. */
export const DEAF: Listen = () => () => undefined;

/** A difference that the clock is left with: liveness has seconds, and a clock that is never set back by trifles goes evenly. */
const TOLERATED_MS = 200;
/** By how much the machine's clock must get ahead of the time that has elapsed to count as a leap. */
const LEAP_MS = 1_000;
/** How far off a time makes wrong what was decided by it. */
const WRONG_MS = 1_000;

/**
 * The time of the store, as far as its answers have told it: what processes compare with each other's times is told by one clock.
 *  K1  Until an answer has told the store's time, it is the machine's; so it stays where the store is on the machine itself.
 *  K2  An answer bounds the time: the store's was told between the sending of the call and its answer. A clock within these bounds is
 *      left alone; any other is set to their middle. An answer that only tells a time before can only set the clock forth.
 *  K3  Between answers it goes on by elapsed time: setting the machine's clock back changes nothing. When that leaps forward, nobody
 *      can tell whether it was set or the machine slept: the leap is believed until the next answer.
 */
export interface StoreClock extends Clock {
  readonly listen: Listen;
}

export interface StoreClockDeps {
  /** The machine's own. */
  readonly own: Clock;
  /** Milliseconds since some moment, which no setting of a clock changes. */
  readonly elapsedMs: () => number;
}

export function createStoreClock({ own, elapsedMs }: StoreClockDeps): StoreClock {
  let told: { readonly storeMs: number; readonly elapsedMs: number; readonly ownMs: number } | undefined;

  const now = (): number => {
    const ownMs = own.now();
    if (told === undefined) return ownMs;
    const sinceMs = elapsedMs() - told.elapsedMs;
    const bySinceMs = ownMs - told.ownMs;
    return Math.floor(told.storeMs + (bySinceMs - sinceMs > LEAP_MS ? bySinceMs : sinceMs));
  };

  return {
    now,
    sleep: (delayMs, signal) => own.sleep(delayMs, signal),
    listen: () => {
      const sentMs = elapsedMs();
      return (storeMs, when = "during") => {
        const answeredMs = elapsedMs();
        const nowMs = now();
        const isEarly = nowMs < storeMs - TOLERATED_MS;
        if (when === "before" && !isEarly) return;
        const tookMs = when === "before" ? 0 : answeredMs - sentMs;
        const isRight = !isEarly && nowMs <= storeMs + tookMs + TOLERATED_MS;
        told = { storeMs: isRight ? nowMs : storeMs + tookMs / 2, elapsedMs: answeredMs, ownMs: own.now() };
      };
    },
  };
}

/** One by a wrong time, one by what a slow answer told roughly, and one by what a quick one told. */
const TRIES = 3;

/** Does what is decided by the time, and again when that has turned out to be wrong: the answer has set the clock, or was long in coming. */
export async function atTheRightTime<Result>(
  clock: Pick<Clock, "now">,
  decide: (nowMs: number) => Promise<Result>,
): Promise<Result> {
  for (let tries = 1; ; tries += 1) {
    const nowMs = clock.now();
    const result = await decide(nowMs);
    if (tries === TRIES || Math.abs(clock.now() - nowMs) <= WRONG_MS) return result;
  }
}
