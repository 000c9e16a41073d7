import { RuntimeError } from "../../../shared/errors.ts";
import type { Clock } from "../../../shared/clock.ts";
import type { ExecutionId, SessionId, TenantId } from "../../../shared/ids.ts";
import { errorFields, type Logger } from "../../../shared/logger.ts";
import type { LogRow } from "../../../shared/ports/execution-store.ts";
import { BEGIN, FILL_COPY, FINISH, READ_COPY } from "./copy-scripts.ts";
import { type HotRedis, type HotScript, runScript, tenantKeys } from "./hot-redis.ts";
import { placeOf } from "./places.ts";
import { textDigest } from "./tail-cursor.ts";

/** What a commit may change in the hot tier, announced before the cold store is asked. */
export interface Touch {
  /** Keys of copies. */
  readonly copies: readonly string[];
  readonly log: readonly LogRow[];
  /** Whatever this execution will write to the log until it is told, in place of `log`. */
  readonly span?: SpanStart;
}

/** Where the entries of a span begin, as far as that is known. */
export interface SpanStart {
  readonly executionId: ExecutionId;
  readonly sessionId: SessionId | undefined;
  readonly sequence: number | undefined;
  readonly fromMs: number | undefined;
}

/** What a commit did to one announced copy; fields are flat pairs. */
export type CopyChange =
  | { readonly mode: "keep" | "drop" }
  | { readonly mode: "put" | "patch"; readonly fields: readonly string[] };

export interface Announcement {
  readonly tenantId: TenantId;
  readonly token: string;
  readonly touch: Touch;
  readonly counts: readonly string[];
}

export type CopyReading =
  | { readonly from: "hot"; readonly fields: ReadonlyMap<string, string> }
  /** `fill` when this reader may fill the copy with what the cold store answers. */
  | { readonly from: "cold"; readonly fill: ((fields: readonly string[]) => Promise<void>) | undefined };

export interface HotTimes {
  /** Once an announcement is so old, its commit has landed or never will: longer than any call of the cold store may take. */
  readonly inDoubtMs: number;
  /** How long after a wipe or a restart of Redis nothing is trusted, because announcements may have been forgotten. */
  readonly restMs: number;
  /** How old an announcement may be for readers of a tenant's log to count it as not committed yet. */
  readonly youngMs: number;
  /** For how long an execution's commits may share an announcement; far less than `inDoubtMs`. */
  readonly spanMs: number;
  /** How many log entries a tenant's tail keeps. */
  readonly tailEntries: number;
}

/** Copies of the cold store's state in Redis, and the announcements that say when not to trust them (ADR 0014). */
export interface HotTier {
  /** Announces; with `more`, adds to what was announced. */
  begin(tenantId: TenantId, touch: Touch, more?: Announcement): Promise<Announcement>;
  finish(
    announcement: Announcement,
    changes: readonly CopyChange[],
    landed: boolean,
    prolong?: Prolonging,
  ): Promise<void>;
  read(tenantId: TenantId, key: string): Promise<CopyReading>;
  /** Runs a script on the tenant's own keys. Throws `store.unavailable`. */
  run(tenantId: TenantId, script: HotScript, args: readonly string[], keys?: readonly string[]): Promise<string[]>;
  /** What `read` gives, or undefined while the hot tier cannot be reached: then the cold store, which is the truth, is asked. */
  attempt<Result>(read: () => Promise<Result>): Promise<Result | undefined>;
  ping(): Promise<void>;
  close(): Promise<void>;
  readonly nonce: () => string;
  readonly times: HotTimes;
}

export interface HotTierDeps {
  readonly redis: HotRedis;
  readonly nonce: () => string;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly times: HotTimes;
}

/** For how long reads do not try again what could not be reached. */
const SPARE_MS = 500;

export interface Prolonging {
  readonly key: string;
  readonly usableUntilMs: number;
}

export function createHotTier({ redis, nonce, clock, logger, times }: HotTierDeps): HotTier {
  let awaySinceMs: number | undefined;
  let triedMs = 0;

  const run: HotTier["run"] = async (tenantId, script, args, keys = []) => {
    try {
      const answer = await runScript(redis, script, [...tenantKeys(tenantId).common, ...keys], args);
      if (awaySinceMs !== undefined) logger.info("the hot tier is back", { away_ms: clock.now() - awaySinceMs });
      awaySinceMs = undefined;
      return answer;
    } catch (cause) {
      const error = hotAway(cause);
      triedMs = clock.now();
      if (awaySinceMs === undefined) {
        awaySinceMs = triedMs;
        logger.error("the hot tier is away: reads are slow, writes are refused", errorFields(error));
      }
      throw error;
    }
  };

  return {
    run,
    nonce,
    times,
    attempt: async (read) => {
      if (awaySinceMs !== undefined && clock.now() - triedMs < SPARE_MS) return undefined;
      try {
        return await read();
      } catch (error) {
        if (error instanceof RuntimeError && error.code === "store.unavailable") return undefined;
        throw error;
      }
    },
    ping: () => redis.ping(),
    close: () => redis.close(),

    begin: async (tenantId, touch, more) => {
      const token = more?.token ?? nonce();
      const announced = touch.span === undefined ? announcementOf(touch.log) : spanAnnouncement(touch.span);
      const counts = await run(tenantId, BEGIN, [token, announced], touch.copies);
      return { tenantId, token, touch, counts };
    },

    finish: async ({ tenantId, token, touch, counts }, changes, landed, prolong) => {
      const copies = touch.copies.flatMap((_, index) => {
        const change = changes[index] ?? { mode: "drop" };
        const fields = "fields" in change ? change.fields : [];
        return [change.mode, counts[index] ?? "", String(fields.length / 2), ...fields];
      });
      const keys = [...touch.copies];
      if (prolong !== undefined) {
        keys.push(prolong.key);
        copies.push("prolong", "", "1", "d:u", String(prolong.usableUntilMs));
      }
      const rows = landed ? touch.log.flatMap((row) => [placeOf(row), row.text]) : [];
      const args = [token, String(times.tailEntries), String(keys.length), ...copies, ...rows];
      await run(tenantId, FINISH, args, keys);
    },

    read: async (tenantId, key) => {
      const lease = nonce();
      const [from, ...rest] = await run(
        tenantId,
        READ_COPY,
        [lease, String(times.restMs), String(times.inDoubtMs)],
        [key],
      );
      if (from === "hot") {
        const fields = new Map<string, string>();
        for (let i = 0; i + 1 < rest.length; i += 2) fields.set(rest[i] ?? "", rest[i + 1] ?? "");
        return { from: "hot", fields };
      }
      if (rest[0] !== lease) return { from: "cold", fill: undefined };
      return {
        from: "cold",
        fill: async (fields) => void (await run(tenantId, FILL_COPY, [lease, ...fields], [key])),
      };
    },
  };
}

/** "execution|rows", the rows with a digest of their texts: whoever finds it overdue looks for them in the cold log. */
function announcementOf(log: readonly LogRow[]): string {
  if (log.length === 0) return "";
  const rows = log.map((row) => [placeOf(row), textDigest(row.text)].join("="));
  return `${encodeURIComponent(log[0]?.executionId ?? "")}|${rows.join(",")}`;
}

/** "execution|@sequence@session@ms": from where on, and from when on, the execution's entries may be missing; 0 and '' for unknown. */
function spanAnnouncement({ executionId, sessionId, sequence = 0, fromMs = 0 }: SpanStart): string {
  return `${encodeURIComponent(executionId)}|@${sequence}@${encodeURIComponent(sessionId ?? "")}@${fromMs}`;
}

export function hotAway(cause: unknown): RuntimeError {
  if (cause instanceof RuntimeError && cause.code === "store.unavailable") return cause;
  return new RuntimeError("store.unavailable", "The hot tier of the store cannot be reached; try again.", {
    status: 503,
    retryable: true,
    cause,
  });
}
