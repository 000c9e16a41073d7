import type { Clock } from "../../../shared/clock.ts";
import { RuntimeError } from "../../../shared/errors.ts";
import type { TenantId } from "../../../shared/ids.ts";
import type { ExecutionStore, RecordWrite } from "../../../shared/ports/execution-store.ts";
import { executionFields, executionOf, patchFields, recordFields, recordOf, writtenRecord } from "./copies.ts";
import { tenantKeys } from "./hot-redis.ts";
import type { CopyChange, CopyReading, HotTier, Touch } from "./hot-tier.ts";
import type { Spans } from "./spans.ts";

/**
 * The cold store decides; Redis holds copies of what it decided.
 *  T1  Every change is announced in Redis before the cold store is asked, and stays so until it is told there: a writer that dies
 *      in between leaves its announcement. The changes of an execution share one (spans.ts).
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
  readonly spans: Spans;
  readonly clock: Clock;
}

/** What became of the copies that a write announced, in their order. */
interface Told {
  readonly landed: boolean;
  readonly copies: readonly CopyChange[];
}

const KEEP: CopyChange = { mode: "keep" };
const DROP: CopyChange = { mode: "drop" };

export function createStrictTier({ cold, hot, spans, clock }: StrictTierDeps): StrictTier {
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
    const { landed, copies } = told(outcome);
    try {
      await hot.finish(announcement, copies, landed);
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

  /** What became of records; where a conflict says that a writer had seen something old, a copy of that goes. */
  const recordsTold = (outcome: string, records: readonly RecordWrite[], isLanded: boolean): readonly CopyChange[] =>
    records.map((write) => (isLanded ? writtenRecord(write) : outcome === "conflict" ? DROP : KEEP));

  /** What Redis has; undefined where only the cold store can tell. */
  const look = (tenantId: TenantId, key: string): Promise<CopyReading | undefined> =>
    spans.covers(key) ? Promise.resolve(undefined) : hot.attempt(() => hot.read(tenantId, key));

  const readCopy: StrictTier["readCopy"] = async (tenantId, executionId) => {
    const reading = await look(tenantId, tenantKeys(tenantId).execution(executionId));
    return reading?.from === "hot" ? executionOf(reading.fields) : undefined;
  };

  return {
    accept: (acceptance) => {
      const { tenantId, sessionId, change, requires, intent, state } = acceptance;
      const records = recordKeys(tenantId, change.records);
      const required = tenantKeys(tenantId).record(requires.kind, requires.id);
      // What is required may be prolonged.
      const touched = records.includes(required) ? records : [...records, required];
      return spans.run({
        ref: acceptance,
        sessionId,
        records: touched,
        log: change.log,
        decide: () => cold.accept(acceptance),
        told: ({ outcome }) => {
          const landed = outcome === "accepted";
          const fields = executionFields({ epoch: 1, intent, head: state.head, steps: state.steps });
          const told = recordsTold(outcome, change.records, landed);
          const prolonged = landed && !records.includes(required);
          return {
            landed,
            execution: landed ? { mode: "put", fields } : KEEP,
            records: touched.map((_, n) => told[n] ?? KEEP),
            prolong: prolonged ? { key: required, usableUntilMs: requires.prolongToMs } : undefined,
            ends: !landed || state.terminal,
          };
        },
      });
    },

    claim: (request) =>
      spans.run({
        ref: request,
        sessionId: undefined,
        records: [],
        log: [],
        decide: () => cold.claim(request),
        told: (claimed) => {
          if (claimed.outcome !== "claimed") return { landed: false, execution: KEEP, records: [], ends: true };
          return {
            landed: false,
            execution: { mode: "put", fields: executionFields(claimed.execution) },
            records: [],
            ends: false,
          };
        },
      }),

    commit: (commit) => {
      const { tenantId, change, state } = commit;
      return spans.run({
        ref: commit,
        sessionId: undefined,
        records: recordKeys(tenantId, change.records),
        log: change.log,
        decide: () => cold.commit(commit),
        told: (answer) => {
          const landed = answer.outcome === "committed";
          return {
            landed,
            execution: landed ? { mode: "patch", fields: patchFields(state) } : KEEP,
            records: recordsTold(answer.outcome, change.records, landed),
            ends: landed ? !answer.held : answer.outcome === "fenced",
          };
        },
      });
    },

    write: (tenantId, change) =>
      mirrored(
        tenantId,
        { copies: recordKeys(tenantId, change.records), log: change.log },
        () => cold.write(tenantId, change),
        ({ outcome }) => {
          const landed = outcome === "written";
          return { landed, copies: recordsTold(outcome, change.records, landed) };
        },
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
      const reading = await look(tenantId, key);
      if (reading?.from === "hot") return executionOf(reading.fields);
      const found = await cold.readExecution(tenantId, executionId);
      const fill = reading?.fill;
      if (found !== undefined && fill !== undefined) await hot.attempt(() => fill(executionFields(found)));
      return found;
    },

    readRecord: async (tenantId, kind, id) => {
      const reading = await look(tenantId, tenantKeys(tenantId).record(kind, id));
      if (reading?.from === "hot") return recordOf(id, reading.fields);
      const found = await cold.readRecord(tenantId, kind, id);
      const fill = reading?.fill;
      if (found !== undefined && fill !== undefined) await hot.attempt(() => fill(recordFields(found)));
      return found;
    },
  };
}
