import type { RedisConnection } from "../../infra/adapters/redis/connection.ts";
import { createRedisStore } from "../../infra/adapters/redis/execution-store.ts";
import { createTcpConnection } from "../../infra/adapters/redis/tcp-connection.ts";
import { stopwatch, systemClock } from "../../infra/adapters/system/system.ts";
import { createTieredStore, type TieredStoreDeps } from "../../infra/adapters/tiered/execution-store.ts";
import type { ExecutionId, SessionId, TenantId } from "../../shared/ids.ts";
import type { JsonObject } from "../../shared/json.ts";
import { createLogger } from "../../shared/logger.ts";
import type { ExecutionStore, LogRow } from "../../shared/ports/execution-store.ts";
import { CHAIN_START, type ChainHead, seal } from "../../shared/state/log-entry.ts";
import { testIds } from "../kit/runtime.ts";
import { NOW } from "./execution-store/scenario.ts";

export type TieredTimes = NonNullable<TieredStoreDeps["times"]>;

export interface TieredOptions {
  readonly cold: ExecutionStore;
  readonly times?: TieredTimes;
}

/** A tiered store over a real Redis, and every line that it logged. */
export function tieredOver(redis: RedisConnection, { cold, times = {} }: TieredOptions) {
  const logged: JsonObject[] = [];
  const store = createTieredStore({
    cold,
    fast: createRedisStore(redis, { senderName: testIds.worker() }),
    redis,
    clock: systemClock,
    stopwatch,
    logger: createLogger({
      clock: systemClock,
      level: "debug",
      write: (line) => void logged.push(JSON.parse(line) as JsonObject),
    }),
    ids: testIds,
    times: { restMs: 0, ...times },
  });
  return { store, logged };
}

/** As `tieredOver`, with a connection of its own; `die` cuts it and leaves the store's calls hanging. */
export function openTiered({ redisUrl, ...options }: TieredOptions & { readonly redisUrl: string }) {
  const redis = createTcpConnection(redisUrl);
  return { ...tieredOver(redis, options), die: () => redis.close() };
}

/** Entries of one chain, as the runtime seals them, `gapMs` apart. */
export function sealedRows(
  owner: { readonly tenantId: TenantId; readonly sessionId: SessionId; readonly executionId?: ExecutionId },
  count: number,
  { after = CHAIN_START, atMs = NOW, gapMs = 1 }: { after?: ChainHead; atMs?: number; gapMs?: number } = {},
): readonly LogRow[] {
  const chained = { ...owner, sagaId: testIds.saga(), traceId: testIds.trace() };
  const rows: LogRow[] = [];
  let head = after;
  for (let n = 0; n < count; n += 1) {
    const draft = { event_type: n % 3 === 0 ? "step_completed" : "step_started", payload: { n } } as const;
    const sealed = seal(head, chained, draft, testIds, atMs + Math.floor(n * gapMs));
    head = sealed.head;
    rows.push(sealed.row);
  }
  return rows;
}
