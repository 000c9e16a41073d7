import type { Clock } from "../../../shared/clock.ts";
import { RuntimeError } from "../../../shared/errors.ts";
import type { TenantId } from "../../../shared/ids.ts";
import type { ExecutionStore, RecordWrite } from "../../../shared/ports/execution-store.ts";
import { executionFields, executionOf, patchFields, recordFields, recordOf, writtenRecord } from "./copies.ts";
import { tenantKeys } from "./hot-redis.ts";
import type { CopyChange, HotTier, Touch } from "./hot-tier.ts";

/**
 * The cold store decides; Redis holds copies of what it decided.
 *  T1  Every change is announced in Redis before the cold store is asked, and told there before it is answered: a writer that dies
 *      in between leaves its announcement.
 *  T2  A copy is served only while no change of it is announced; otherwise the cold store answers.
 *  T3  A copy is written by the one announced writer who was alone, or by the one reader whose cold read no announcement followed.
 *  T4  Announcements and copies carry the incarnation of the hot data: after a wipe, restart or fail-over all of them are void, and
 *      nothing is trusted until every commit that was announced before has landed or failed.
 *  T5  Claims and commits read the cold store alone.
 */
export type StrictTier = Pick<
  ExecutionStore,
  "accept" | "claim" | "commit" | "write" | "readExecution" | "readRecord"
> & {
  readonly prolong: NonNullable<ExecutionStore["prolong"]>;
  /** The copy of an execution; undefined when only the cold store can tell. */
  readonly readCopy: ExecutionStore["readExecution"];
};

export interface StrictTierDeps {
  readonly cold: ExecutionStore;
  readonly hot: HotTier;
  readonly clock: Clock;
}

/** What became of the copies that a commit announced, in their order. */
interface Told {
  readonly landed: boolean;
  readonly copies: readonly CopyChange[];
  readonly prolong?: { readonly key: string; readonly usableUntilMs: number } | undefined;
}

const KEEP: CopyChange = { mode: "keep" };
const DROP: CopyChange = { mode: "drop" };

export function createStrictTier({ cold, hot, clock }: StrictTierDeps): StrictTier {
  const mirrored = async <Outcome>(
    tenantId: TenantId,
    touch: Touch,
    decide: () => Promise<Outcome>,
    told: (outcome: Outcome) => Told,
  ): Promise<Outcome> => {
    if (touch.copies.length === 0 && touch.log.length === 0) return decide();
    const announcement = await hot.begin(tenantId, touch);
    const announcedMs = clock.now();
    // When the cold store does not answer, the announcement stays: nobody knows what it decided.
    const outcome = await decide();
    const { landed, copies, prolong } = told(outcome);
    try {
      await hot.finish(announcement, copies, landed, prolong);
    } catch {
      // It is committed. Its copies are void by the announcement; readers of the log must count it as overdue before it is answered.
      if (landed && touch.log.length > 0) {
        await clock.sleep(Math.max(0, hot.times.youngMs + 1 - (clock.now() - announcedMs)));
      }
    }
    return outcome;
  };

  const recordKeys = (tenantId: TenantId, writes: readonly RecordWrite[]): string[] =>
    writes.map((write) => tenantKeys(tenantId).record(write.kind, write.id));

  /** For a change of one execution and some records. */
  const toldOf = (
    outcome: string,
    records: readonly RecordWrite[],
    execution: readonly CopyChange[],
    isLanded: boolean,
  ): Told => {
    if (isLanded) return { landed: true, copies: [...execution, ...records.map(writtenRecord)] };
    // A conflict says that a writer had seen something old: if it was a copy, it goes.
    const left = outcome === "conflict" ? DROP : KEEP;
    return { landed: false, copies: [...execution.map(() => KEEP), ...records.map(() => left)] };
  };

  const readCopy: StrictTier["readCopy"] = async (tenantId, executionId) => {
    const reading = await hot.attempt(() => hot.read(tenantId, tenantKeys(tenantId).execution(executionId)));
    return reading?.from === "hot" ? executionOf(reading.fields) : undefined;
  };

  return {
    accept: (acceptance) => {
      const { tenantId, executionId, change, requires } = acceptance;
      const keys = tenantKeys(tenantId);
      const records = recordKeys(tenantId, change.records);
      const touch = { copies: [keys.execution(executionId), ...records], log: change.log };
      const required = keys.record(requires.kind, requires.id);
      return mirrored(
        tenantId,
        touch,
        () => cold.accept(acceptance),
        ({ outcome }) => {
          const { intent, state } = acceptance;
          const fields = executionFields({ epoch: 1, intent, head: state.head, steps: state.steps });
          const accepted = outcome === "accepted";
          const prolonged = accepted && !records.includes(required);
          return {
            ...toldOf(outcome, change.records, [{ mode: "put", fields }], accepted),
            prolong: prolonged ? { key: required, usableUntilMs: requires.prolongToMs } : undefined,
          };
        },
      );
    },

    claim: (request) => {
      const touch = { copies: [tenantKeys(request.tenantId).execution(request.executionId)], log: [] };
      return mirrored(
        request.tenantId,
        touch,
        () => cold.claim(request),
        (claimed) => ({
          landed: false,
          copies:
            claimed.outcome === "claimed" ? [{ mode: "put", fields: executionFields(claimed.execution) }] : [KEEP],
        }),
      );
    },

    commit: (commit) => {
      const { tenantId, executionId, change } = commit;
      const copies = [tenantKeys(tenantId).execution(executionId), ...recordKeys(tenantId, change.records)];
      return mirrored(
        tenantId,
        { copies, log: change.log },
        () => cold.commit(commit),
        ({ outcome }) =>
          toldOf(
            outcome,
            change.records,
            [{ mode: "patch", fields: patchFields(commit.state) }],
            outcome === "committed",
          ),
      );
    },

    write: (tenantId, change) =>
      mirrored(
        tenantId,
        { copies: recordKeys(tenantId, change.records), log: change.log },
        () => cold.write(tenantId, change),
        ({ outcome }) => toldOf(outcome, change.records, [], outcome === "written"),
      ),

    prolong: async (tenantId, requirement) => {
      if (cold.prolong === undefined) throw new RuntimeError("store.cannot_prolong", "The cold store cannot prolong.");
      const isUsable = await cold.prolong(tenantId, requirement);
      if (isUsable) {
        const key = tenantKeys(tenantId).record(requirement.kind, requirement.id);
        const nothing = { tenantId, token: hot.nonce(), touch: { copies: [], log: [] }, counts: [] };
        // The copy only lags behind without it, and ends by itself.
        await hot.attempt(() => hot.finish(nothing, [], false, { key, usableUntilMs: requirement.prolongToMs }));
      }
      return isUsable;
    },

    readCopy,

    readExecution: async (tenantId, executionId) => {
      const key = tenantKeys(tenantId).execution(executionId);
      const reading = await hot.attempt(() => hot.read(tenantId, key));
      if (reading?.from === "hot") return executionOf(reading.fields);
      const found = await cold.readExecution(tenantId, executionId);
      const fill = reading?.fill;
      if (found !== undefined && fill !== undefined) await hot.attempt(() => fill(executionFields(found)));
      return found;
    },

    readRecord: async (tenantId, kind, id) => {
      const reading = await hot.attempt(() => hot.read(tenantId, tenantKeys(tenantId).record(kind, id)));
      if (reading?.from === "hot") return recordOf(id, reading.fields);
      const found = await cold.readRecord(tenantId, kind, id);
      const fill = reading?.fill;
      if (found !== undefined && fill !== undefined) await hot.attempt(() => fill(recordFields(found)));
      return found;
    },
  };
}
