import type { Clock } from "../../../shared/clock.ts";
import type { EventId, TenantId, WorkerId } from "../../../shared/ids.ts";
import type { Change, ExecutionRef, ExecutionStore, Mail } from "../../../shared/ports/execution-store.ts";
import type { Archivist } from "./archivist.ts";
import type { FastTier } from "./fast-tier.ts";
import { type Homes, isArchived, withoutMark } from "./homes.ts";
import type { HotTier } from "./hot-tier.ts";
import { type MessageOf, mailNotice, NOTICES } from "./notices.ts";
import type { StrictTier } from "./strict-tier.ts";

/** How often a process looks for messages of fast executions that are not its own: the process that they are of may have died. */
const FAST_LOOK_MS = 2_000;
/** A relay marks what it was given before it asks again, so these are many. */
const MAX_GIVEN_OUT = 10_000;

export interface TwoHomesDeps {
  readonly cold: ExecutionStore;
  readonly fast: ExecutionStore;
  readonly hot: HotTier;
  readonly strict: StrictTier;
  readonly fastTier: FastTier;
  readonly archivist: Archivist;
  readonly homes: Homes;
  readonly clock: Clock;
  readonly messageOf: MessageOf;
  /** Called when the cold store was given a notice. */
  readonly onColdNotice: () => void;
}

type PerExecution = Pick<ExecutionStore, "accept" | "claim" | "commit" | "write" | "readExecution" | "readMail">;
type AcrossTenants = Pick<
  ExecutionStore,
  "due" | "abandoned" | "unpublished" | "markPublished" | "beat" | "retire" | "purge"
>;

/**
 * Sends each call to the tier that the execution lives in, and asks both where a call is about all of them.
 *  W1  Mail to an execution of the other tier goes as a notice of the very commit that sends it.
 *  W2  What the cold store lists of an archived execution is passed on only when the fast tier no longer has it.
 *  W3  While the fast tier is away, calls about all executions answer for the strict ones: nothing of the fast ones can be done.
 */
export function createTwoHomes(deps: TwoHomesDeps): PerExecution & AcrossTenants {
  const { cold, fast, hot, strict, fastTier, archivist, homes, clock, messageOf } = deps;
  /** Messages of the fast tier that were given out last and are not marked yet: another process may mark them. */
  const ofFastTier = new Set<EventId>();
  const remember = (eventId: EventId): void => {
    ofFastTier.delete(eventId);
    ofFastTier.add(eventId);
    const [oldest] = ofFastTier;
    if (ofFastTier.size > MAX_GIVEN_OUT && oldest !== undefined) ofFastTier.delete(oldest);
  };
  /** Workers of this process that hold fast executions, or did: only their beats cost Redis anything. */
  const atFast = new Set<WorkerId>();

  let fastLookMs = 0;
  /** Whether this process gave the fast tier messages that it has not looked for since. */
  let fastHasMessages = false;

  const messagesOfFastTier = async (limit: number, except: readonly string[]) => {
    if (!fastHasMessages && clock.now() - fastLookMs < FAST_LOOK_MS) return [];
    fastHasMessages = false;
    fastLookMs = clock.now();
    const found = await hot.attempt(() => fast.unpublished(limit, except));
    // Where there are some there may be more; where it cannot be said, it is asked again.
    if (found?.length !== 0) fastHasMessages = true;
    return found ?? [];
  };

  const split = async (tenantId: TenantId, mail: readonly Mail[]) => {
    const addressed = await Promise.all(
      mail.map(async (each) => ({ each, home: await homes.of({ tenantId, executionId: each.executionId }) })),
    );
    const to = (home: string) => addressed.filter((letter) => letter.home === home).map(({ each }) => each);
    return { strict: to("strict"), fast: to("fast") };
  };
  /** The change with its mail to the other tier as notices. */
  const readdressed = (tenantId: TenantId, change: Change, near: readonly Mail[], far: readonly Mail[]): Change => {
    const notices = far.map((mail) => messageOf(tenantId, mailNotice(tenantId, mail)));
    return { ...change, mail: near, outbox: [...change.outbox, ...notices] };
  };

  /** Those that the cold store may have claimed: not those that the fast tier still has, nor those of which it cannot say. */
  const ofColdStore = async (refs: readonly ExecutionRef[]): Promise<readonly ExecutionRef[]> => {
    const found = await Promise.all(
      refs.map(async (ref) => {
        if (homes.known(ref.executionId) === "strict") return [ref];
        const copy =
          (await strict.readCopy(ref.tenantId, ref.executionId)) ??
          (await cold.readExecution(ref.tenantId, ref.executionId));
        if (copy === undefined || !isArchived(copy)) return [ref];
        const still = await hot.attempt(async () => ({ has: await fast.readExecution(ref.tenantId, ref.executionId) }));
        if (still === undefined) return [];
        if (still.has === undefined) return [ref];
        await archivist.putOff(ref);
        return [];
      }),
    );
    return found.flat();
  };

  const strictly = (execution: ExecutionRef): void => homes.learn(execution.executionId, "strict");

  return {
    accept: async (acceptance) => {
      const { tenantId, executionId, change } = acceptance;
      const mail = await split(
        tenantId,
        change.mail.filter((each) => each.executionId !== executionId),
      );
      const own = change.mail.filter((each) => each.executionId === executionId);
      if (acceptance.durability === "fast" && change.records.length === 0) {
        atFast.add(acceptance.workerId);
        const answer = await fastTier.accept({
          ...acceptance,
          change: readdressed(tenantId, change, [...own, ...mail.fast], mail.strict),
        });
        fastHasMessages ||= change.outbox.length > 0;
        return answer;
      }
      if (mail.fast.length > 0) deps.onColdNotice();
      const outcome = await strict.accept({
        ...acceptance,
        change: readdressed(tenantId, change, [...own, ...mail.strict], mail.fast),
      });
      if (outcome.outcome === "accepted") strictly(acceptance);
      return outcome;
    },

    claim: async (request) => {
      if (homes.known(request.executionId) !== "strict") {
        const claimed = await fast.claim(request);
        if (claimed.outcome === "claimed") {
          atFast.add(request.workerId);
          homes.learn(request.executionId, "fast");
        }
        if (claimed.outcome !== "absent") return claimed;
        homes.forget(request.executionId);
      }
      const claimed = await strict.claim(request);
      if (claimed.outcome !== "claimed") return claimed;
      strictly(request);
      return { ...claimed, execution: withoutMark(claimed.execution) };
    },

    commit: async (commit) => {
      const { tenantId, change } = commit;
      const home = await homes.of(commit);
      const mail = await split(tenantId, change.mail);
      if (home === "fast") {
        const answer = await fastTier.commit({
          ...commit,
          change: readdressed(tenantId, change, mail.fast, mail.strict),
        });
        fastHasMessages ||= change.outbox.length > 0;
        return answer;
      }
      if (mail.fast.length > 0) deps.onColdNotice();
      return strict.commit({ ...commit, change: readdressed(tenantId, change, mail.strict, mail.fast) });
    },

    write: async (tenantId, change) => {
      const mail = await split(tenantId, change.mail);
      const isMailAlone = change.records.length + change.log.length + change.outbox.length + mail.strict.length === 0;
      if (isMailAlone && mail.fast.length > 0) return fast.write(tenantId, change);
      if (mail.fast.length > 0) deps.onColdNotice();
      return strict.write(tenantId, readdressed(tenantId, change, mail.strict, mail.fast));
    },

    readExecution: async (tenantId, executionId) => {
      const known = homes.known(executionId);
      if (known === "strict") return strict.readExecution(tenantId, executionId);
      const copy = known === undefined ? await strict.readCopy(tenantId, executionId) : undefined;
      if (copy !== undefined && !isArchived(copy)) {
        homes.learn(executionId, "strict");
        return copy;
      }
      const home = await homes.of({ tenantId, executionId });
      const found = home === "fast" ? await fast.readExecution(tenantId, executionId) : undefined;
      if (found !== undefined) return found;
      if (home === "fast") homes.forget(executionId);
      const stored = await strict.readExecution(tenantId, executionId);
      return stored === undefined ? undefined : withoutMark(stored);
    },

    readMail: async (tenantId, executionId) => {
      const home = await homes.of({ tenantId, executionId });
      return home === "fast" ? fast.readMail(tenantId, executionId) : cold.readMail(tenantId, executionId);
    },

    due: async (query) => {
      const [coldDue, fastDue = []] = await Promise.all([cold.due(query), hot.attempt(() => fast.due(query))]);
      return inTurns(await ofColdStore(coldDue), fastDue).slice(0, query.limit);
    },

    abandoned: async (query) => {
      const [lost, fastLost = []] = await Promise.all([
        cold.abandoned(query),
        hot.attempt(() => fast.abandoned(query)),
      ]);
      return inTurns(await ofColdStore(lost), fastLost).slice(0, query.limit);
    },

    unpublished: async (limit, except = []) => {
      const others = [...except, NOTICES];
      const [ofCold, ofFast] = await Promise.all([cold.unpublished(limit, others), messagesOfFastTier(limit, others)]);
      for (const { eventId } of ofFast) remember(eventId);
      return inTurns(ofCold, ofFast).slice(0, limit);
    },

    markPublished: async (eventIds, atMs) => {
      const ofFast = eventIds.filter((eventId) => ofFastTier.has(eventId));
      const others = eventIds.filter((eventId) => !ofFastTier.has(eventId));
      if (ofFast.length > 0) await fast.markPublished(ofFast, atMs);
      for (const eventId of ofFast) ofFastTier.delete(eventId);
      if (others.length > 0) await cold.markPublished(others, atMs);
    },

    beat: async (workerId, nowMs) => {
      const both = atFast.has(workerId);
      await Promise.all([cold.beat(workerId, nowMs), both && hot.attempt(() => fast.beat(workerId, nowMs))]);
    },
    retire: async (workerId) => {
      const both = atFast.has(workerId);
      await Promise.all([cold.retire(workerId), both && hot.attempt(() => fast.retire(workerId))]);
    },
    purge: async (query) => {
      const [count, fastCount = 0] = await Promise.all([cold.purge(query), hot.attempt(() => fast.purge(query))]);
      return count + fastCount;
    },
  };
}

/** Items of both lists, each in its own order, in turns, so that neither waits for the other's end. */
function inTurns<Item>(one: readonly Item[], other: readonly Item[]): Item[] {
  const all: Item[] = [];
  for (let n = 0; n < Math.max(one.length, other.length); n += 1)
    all.push(...one.slice(n, n + 1), ...other.slice(n, n + 1));
  return all;
}
