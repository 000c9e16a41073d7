import { join } from "node:path";

import type { RedisChoice, StoreChoice, UpstashChoice } from "../../shared/config-choices.ts";
import type { ExecutionStore } from "../../shared/ports/execution-store.ts";
import type { RateBuckets } from "../../shared/ports/rate-buckets.ts";
import type { Adapters } from "../../shared/services.ts";
import type { StoreClock } from "../../shared/store-clock.ts";
import type { RedisConnection } from "../adapters/redis/connection.ts";
import { stopwatch } from "../adapters/system/system.ts";
import { inDataDir } from "./in-data-dir.ts";
import { lateFirestore } from "./late-firestore.ts";
import { onFirstUse } from "./on-first-use.ts";
import type { Opened } from "./opened.ts";

type StoreDeps = Pick<Adapters, "ids" | "logger"> & { readonly clock: StoreClock; readonly dataDir: string };

export async function openStore(choice: StoreChoice, deps: StoreDeps): Promise<Opened<ExecutionStore>> {
  const { dataDir, ids, clock, logger } = deps;
  const opened = (adapter: ExecutionStore) => ({ adapter, close: () => adapter.close() });
  switch (choice.kind) {
    case "sqlite": {
      const { createSqliteStore } = await import("../adapters/sqlite/execution-store.ts");
      return opened(inDataDir(dataDir, () => createSqliteStore(join(dataDir, "runtime.db"))));
    }
    case "redis":
    case "upstash": {
      const { createRedisStore } = await import("../adapters/redis/execution-store.ts");
      return opened(createRedisStore(await openRedis(choice), { senderName: ids.worker(), listen: clock.listen }));
    }
    case "firestore":
      return opened(lateFirestore(choice, clock.listen));
    case "tiered": {
      const { createTieredStore } = await import("../adapters/tiered/execution-store.ts");
      const { createRedisStore } = await import("../adapters/redis/execution-store.ts");
      const redis = await openRedis(choice.hot);
      const cold = lateFirestore(choice.cold, clock.listen);
      const fast = createRedisStore(redis, { senderName: ids.worker() });
      return opened(createTieredStore({ cold, fast, redis, clock, stopwatch, logger, ids }));
    }
  }
}

const RATE_METHODS: Readonly<Record<keyof RateBuckets, true>> = { take: true, close: true };

/** Beside the store, in Redis where there is one; opened when a limit is asked for the first time, which may be never. */
export function openRateBuckets(choice: StoreChoice, dataDir: string): RateBuckets {
  return onFirstUse(RATE_METHODS, async () => {
    switch (choice.kind) {
      case "sqlite": {
        const { createSqliteRateBuckets } = await import("../adapters/sqlite/rate-buckets.ts");
        return inDataDir(dataDir, () => createSqliteRateBuckets(join(dataDir, "rates.db")));
      }
      case "redis":
      case "upstash":
      case "tiered": {
        const { createRedisRateBuckets } = await import("../adapters/redis/rate-buckets.ts");
        return createRedisRateBuckets(await openRedis(choice.kind === "tiered" ? choice.hot : choice));
      }
      case "firestore": {
        const { createFirestoreRateBuckets } = await import("../adapters/firestore/rate-buckets.ts");
        return createFirestoreRateBuckets(choice);
      }
    }
  });
}

async function openRedis(choice: RedisChoice | UpstashChoice): Promise<RedisConnection> {
  if (choice.kind === "redis") {
    const { createTcpConnection } = await import("../adapters/redis/tcp-connection.ts");
    return createTcpConnection(choice.url);
  }
  const { createRestConnection } = await import("../adapters/redis/rest-connection.ts");
  return createRestConnection(choice);
}
