import type { Clock } from "../../../shared/clock.ts";
import type { EventId } from "../../../shared/ids.ts";
import { RuntimeError } from "../../../shared/errors.ts";
import { errorFields, type Logger } from "../../../shared/logger.ts";
import type { ExecutionStore } from "../../../shared/ports/execution-store.ts";
import type { Archivist } from "./archivist.ts";
import type { Homes } from "./homes.ts";
import { type ArchiveNotice, mailOf, type Notice, readNotices, refOf } from "./notices.ts";

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
  let coldLookMs = 0;
  let running: Promise<number> | undefined;

  const act = async (notice: Notice): Promise<void> => {
    if (notice.kind === "archive") return archivist.archive(notice);
    const ref = refOf(notice);
    const change = { records: [], log: [], outbox: [], mail: [mailOf(notice)] };
    const home = await homes.of(ref);
    await (home === "fast" ? fast.write(ref.tenantId, change) : write(ref.tenantId, change));
  };

  /** How many it delivered, and whether the cold store was away over it. */
  const deliver = async (store: ExecutionStore): Promise<{ readonly count: number; readonly away: boolean }> => {
    const found = await readNotices(store);
    const done: EventId[] = [];
    let away = false;
    for (const { notice, eventIds } of gather(found)) {
      try {
        await act(notice);
        done.push(...eventIds);
      } catch (error) {
        const { tenant_id, execution_id, kind } = notice;
        logger.warn("a notice between the tiers could not be delivered yet", {
          tenant_id,
          execution_id,
          kind,
          ...errorFields(error),
        });
        away = error instanceof RuntimeError && error.code === "store.unavailable" && !(await answers(cold));
        if (away) break;
      }
    }
    if (done.length > 0) await store.markPublished(done, clock.now());
    return { count: done.length, away };
  };

  const carry = async (): Promise<number> => {
    let total = 0;
    for (;;) {
      const { count, away } = await deliver(fast);
      total += count;
      if (away) return total;
      if (count === 0) break;
    }
    if (clock.now() - coldLookMs < COLD_LOOK_MS) return total;
    coldLookMs = clock.now();
    return total + (await deliver(cold)).count;
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

interface Errand {
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
      notice: before?.notice.kind === "archive" && notice.kind === "archive" ? joined(before.notice, notice) : notice,
      eventIds: [...(before?.eventIds ?? []), eventId],
    });
  }
  return [...errands.values()];
}

function joined(before: ArchiveNotice, later: ArchiveNotice): ArchiveNotice {
  return before.opening === undefined ? later : { ...later, opening: before.opening };
}
