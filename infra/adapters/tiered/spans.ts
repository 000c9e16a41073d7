import type { Clock } from "../../../shared/clock.ts";
import type { SessionId } from "../../../shared/ids.ts";
import type { ExecutionRef, LogRow } from "../../../shared/ports/execution-store.ts";
import { tenantKeys } from "./hot-redis.ts";
import type { Announcement, CopyChange, HotTier, Prolonging } from "./hot-tier.ts";

/** A change of one execution, and of the records and log entries that go with it. */
export interface SpanChange<Outcome> extends SpanTouch {
  readonly decide: () => Promise<Outcome>;
  readonly told: (outcome: Outcome) => SpanTold;
}

interface SpanTouch {
  readonly ref: ExecutionRef;
  readonly sessionId: SessionId | undefined;
  /** Keys of copies of records. */
  readonly records: readonly string[];
  /** Entries of the execution. */
  readonly log: readonly LogRow[];
}

export interface SpanTold {
  readonly landed: boolean;
  readonly execution: CopyChange;
  /** In the order of the change's records. */
  readonly records: readonly CopyChange[];
  readonly prolong?: Prolonging | undefined;
  /** Whether the execution is nobody's now, so that nothing follows at once. */
  readonly ends: boolean;
}

/**
 * One announcement for the changes that follow one another while an execution is held: most sagas begin and end within it, and cost
 * two commands whatever their number of commits.
 *  N1  Every change is decided while its execution, its records and its log are announced: until the span is told they are read from
 *      the cold store, which is the truth.
 *  N2  A span takes no change on that comes later than `spanMs` after its beginning: no commit is so late that its announcement
 *      could have been given up as overdue.
 *  N3  It is told before the answer to a change that lets go of the execution or ends it, and else once `spanMs` are over.
 *  N4  What a change came to that the cold store did not answer is not known: its span is never told, and its announcement stays.
 */
export interface Spans {
  run<Outcome>(change: SpanChange<Outcome>): Promise<Outcome>;
  /** Whether this process has announced the copy itself, so that looking for it in Redis would be in vain. */
  covers(key: string): boolean;
  /** Tells all that is open and idle. */
  close(): Promise<void>;
}

interface Span {
  readonly beganMs: number;
  readonly quiet: AbortController;
  /** Whether a change of it is under way. */
  busy: boolean;
  announcement: Announcement | undefined;
  /** What has become of each announced copy, by its key. */
  readonly copies: Map<string, { readonly count: string; change: CopyChange }>;
  readonly landed: LogRow[];
  prolong: Prolonging | undefined;
}

const KEEP: CopyChange = { mode: "keep" };

export function createSpans(hot: HotTier, clock: Clock): Spans {
  const { spanMs } = hot.times;
  const open = new Map<string, Span>();
  const covered = new Map<string, number>();
  const telling = new Set<Promise<void>>();

  const cover = (span: Span, keys: readonly string[], counts: readonly string[]): void => {
    for (const [n, key] of keys.entries()) {
      span.copies.set(key, { count: counts[n] ?? "", change: KEEP });
      covered.set(key, (covered.get(key) ?? 0) + 1);
    }
  };

  const drop = (key: string, span: Span): void => {
    if (open.get(key) === span) open.delete(key);
    span.quiet.abort("told");
    for (const copy of span.copies.keys()) {
      const left = (covered.get(copy) ?? 1) - 1;
      if (left === 0) covered.delete(copy);
      else covered.set(copy, left);
    }
  };

  const tell = async (key: string, span: Span): Promise<void> => {
    drop(key, span);
    const { announcement, copies, landed, prolong } = span;
    if (announcement === undefined) return;
    const all = { ...announcement, touch: { copies: [...copies.keys()], log: landed } };
    const counts = [...copies.values()].map(({ count }) => count);
    const changes = [...copies.values()].map(({ change }) => change);
    // What Redis is not told stays announced: readers go on asking the cold store.
    const done = hot.finish({ ...all, counts }, changes, landed.length > 0, prolong).catch(() => undefined);
    telling.add(done);
    await done.finally(() => telling.delete(done));
  };

  const tellLater = (key: string, span: Span): void => {
    void clock.sleep(spanMs, span.quiet.signal).then(
      () => (span.busy || span.quiet.signal.aborted ? undefined : tell(key, span)),
      () => undefined,
    );
  };

  /** The span that a change may join: announced with all that it touches. */
  const joined = async (key: string, { ref, sessionId, records, log }: SpanTouch): Promise<Span> => {
    const { tenantId, executionId } = ref;
    const before = open.get(key);
    if (before !== undefined && !before.busy && clock.now() - before.beganMs < spanMs) {
      before.busy = true;
      const more = records.filter((each) => !before.copies.has(each));
      if (more.length === 0) return before;
      try {
        const { counts } = await hot.begin(tenantId, { copies: more, log: [] }, before.announcement);
        cover(before, more, counts);
        return before;
      } catch (error) {
        await tell(key, before);
        throw error;
      }
    }
    if (before !== undefined && !before.busy) await tell(key, before);
    const beganMs = clock.now();
    const fresh = { copies: new Map(), landed: [], announcement: undefined, prolong: undefined };
    const span: Span = { ...fresh, beganMs, quiet: new AbortController(), busy: true };
    // One beside another that is busy is alone, and lasts for one change.
    if (!open.has(key)) open.set(key, span);
    const copies = [tenantKeys(tenantId).execution(executionId), ...records];
    const [first] = log;
    const of = {
      executionId,
      sessionId: sessionId ?? first?.sessionId,
      sequence: first?.sequence,
      fromMs: first?.timestampMs,
    };
    try {
      span.announcement = await hot.begin(tenantId, { copies, log: [], span: of });
    } catch (error) {
      drop(key, span);
      throw error;
    }
    cover(span, copies, span.announcement.counts);
    if (open.get(key) === span) tellLater(key, span);
    return span;
  };

  const note = (span: Span, keys: readonly string[], changes: readonly CopyChange[]): void => {
    for (const [n, key] of keys.entries()) {
      const copy = span.copies.get(key);
      if (copy !== undefined) copy.change = after(copy.change, changes[n] ?? { mode: "drop" });
    }
  };

  return {
    run: async (change) => {
      const { tenantId, executionId } = change.ref;
      const key = tenantKeys(tenantId).execution(executionId);
      const span = await joined(key, change);
      const outcome = await change.decide().catch((error: unknown) => {
        drop(key, span);
        throw error;
      });
      const { landed, execution, records, prolong, ends } = change.told(outcome);
      note(span, [key, ...change.records], [execution, ...records]);
      if (landed) span.landed.push(...change.log);
      span.prolong = prolong ?? span.prolong;
      span.busy = false;
      const isOver = ends || open.get(key) !== span || clock.now() - span.beganMs >= spanMs;
      if (isOver) await tell(key, span);
      return outcome;
    },

    covers: (key) => covered.has(key),

    close: async () => {
      const idle = [...open].filter(([, { busy }]) => !busy);
      await Promise.all(idle.map(([key, span]) => tell(key, span)));
      await Promise.all(telling);
    },
  };
}

/** What two changes of one copy come to, one after the other. */
function after(one: CopyChange, other: CopyChange): CopyChange {
  if (other.mode === "keep") return one;
  if (other.mode !== "patch" || one.mode === "keep") return other;
  return "fields" in one ? { mode: one.mode, fields: [...one.fields, ...other.fields] } : one;
}
