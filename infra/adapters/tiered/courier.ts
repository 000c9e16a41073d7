import type { Clock } from "../../../shared/clock.ts";
import type { EventId } from "../../../shared/ids.ts";
import { RuntimeError } from "../../../shared/errors.ts";
import { errorFields, type Logger } from "../../../shared/logger.ts";
import { type ExecutionStore, NO_CHANGE } from "../../../shared/ports/execution-store.ts";
import type { Archivist } from "./archivist.ts";
import type { Homes } from "./homes.ts";
import { type ArchiveNotice, mailOf, type Notice, readNotices, refOf } from "./notices.ts";

/** How many notices are read at a time, besides those that rest. */
const BATCH = 200;
/** How long what could not be delivered rests, so that it costs little and holds up nothing behind it. */
const REST_MS = 30_000;
/** How often the cold store's outbox is looked through for notices that another process left. */
const COLD_LOOK_MS = 30_000;

/**
 * Delivers what one tier has for the other.
 *  C1  A notice is marked only after it was acted upon: one that dies repeats it, and both acts may be repeated.
 *  C2  What cannot be delivered stays, and holds up nothing behind it; but where the cold store is away, the rest of a round waits
 *      with it, for each would wait as long as the first.
 */
export interface Courier {
  /** Delivers all that waits; returns how many notices. */
  carry(): Promise<number>;
  /** Says that the cold store has a notice now. */
  expectCold(): void;
}

export interface CourierDeps {
  readonly fast: ExecutionStore;
  readonly cold: ExecutionStore;
  readonly write: ExecutionStore["write"];
  readonly archivist: Archivist;
  readonly homes: Homes;
  readonly clock: Clock;
  readonly logger: Logger;
}

export function createCourier({ fast, cold, write, archivist, homes, clock, logger }: CourierDeps): Courier {
  /** Until when what could not be delivered is left alone, by its errand's key. */
  const resting = new Map<string, number>();
  let coldLookMs = 0;
  let running: Promise<number> | undefined;

  const act = async (notice: Notice): Promise<void> => {
    if (notice.kind === "archive") return archivist.archive(notice);
    const ref = refOf(notice);
    const change = { ...NO_CHANGE, mail: [mailOf(notice)] };
    const home = await homes.of(ref);
    await (home === "fast" ? fast.write(ref.tenantId, change) : write(ref.tenantId, change));
  };

  /** Delivers the oldest notices, and passes over those that rest: of these there were so many at the last look. */
  const deliver = async (store: ExecutionStore, passedOver: number): Promise<Delivery> => {
    const limit = BATCH + passedOver;
    const found = await readNotices(store, limit);
    const done: EventId[] = [];
    let away = false;
    let rest = 0;
    for (const { key, notice, eventIds } of gather(found)) {
      if (resting.has(key)) {
        rest += eventIds.length;
        continue;
      }
      try {
        await act(notice);
        done.push(...eventIds);
      } catch (error) {
        rest += eventIds.length;
        const { tenant_id, execution_id, kind } = notice;
        logger.warn("a notice between the tiers could not be delivered yet", {
          tenant_id,
          execution_id,
          kind,
          ...errorFields(error),
        });
        away = error instanceof RuntimeError && error.code === "store.unavailable" && !(await answers(cold));
        if (away) break;
        // What passes by itself is tried again by the next pass.
        const passes = error instanceof RuntimeError && error.retryable;
        resting.set(key, clock.now() + (passes ? 0 : REST_MS));
      }
    }
    if (done.length > 0) await store.markPublished(done, clock.now());
    return { count: done.length, away, rest, more: found.length >= limit };
  };

  const carry = async (): Promise<number> => {
    let total = 0;
    for (const [key, untilMs] of resting) if (untilMs <= clock.now()) resting.delete(key);
    const deliverAll = async (store: ExecutionStore): Promise<boolean> => {
      for (let passedOver = 0; ;) {
        const { count, away, rest, more } = await deliver(store, passedOver);
        total += count;
        passedOver = rest;
        if (away || (count === 0 && !more)) return !away;
      }
    };
    if (!(await deliverAll(fast)) || clock.now() - coldLookMs < COLD_LOOK_MS) return total;
    coldLookMs = clock.now();
    await deliverAll(cold);
    return total;
  };

  return {
    carry: () => {
      running ??= carry().finally(() => {
        running = undefined;
      });
      return running;
    },
    expectCold: () => {
      coldLookMs = 0;
    },
  };
}

function answers(store: ExecutionStore): Promise<boolean> {
  return store.ping().then(
    () => true,
    () => false,
  );
}

interface Delivery {
  readonly count: number;
  /** Whether the cold store was away over it. */
  readonly away: boolean;
  /** How many notices could not be delivered, now or before. */
  readonly rest: number;
  /** Whether there may be others behind those that were read. */
  readonly more: boolean;
}

interface Errand {
  readonly key: string;
  readonly notice: Notice;
  readonly eventIds: EventId[];
}

/** One errand for all the notices of an execution's changes: as the last of them says, and as it began. */
function gather(found: readonly { readonly eventId: EventId; readonly notice: Notice }[]): readonly Errand[] {
  const errands = new Map<string, Errand>();
  for (const { eventId, notice } of found) {
    const key = notice.kind === "archive" ? notice.execution_id : eventId;
    const before = errands.get(key);
    errands.set(key, {
      key,
      notice: before?.notice.kind === "archive" && notice.kind === "archive" ? joined(before.notice, notice) : notice,
      eventIds: [...(before?.eventIds ?? []), eventId],
    });
  }
  return [...errands.values()];
}

function joined(before: ArchiveNotice, later: ArchiveNotice): ArchiveNotice {
  return before.opening === undefined ? later : { ...later, opening: before.opening };
}
