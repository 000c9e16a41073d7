import { randomUUID } from "node:crypto";

import { afterAll, beforeAll, vi } from "vitest";

import { createFirestoreStore } from "../../infra/adapters/firestore/execution-store.ts";
import type { RedisConnection } from "../../infra/adapters/redis/connection.ts";
import { createSqliteStore } from "../../infra/adapters/sqlite/execution-store.ts";
import { trustedTenantId } from "../../shared/ids.ts";
import type { ExecutionStore } from "../../shared/ports/execution-store.ts";
import { sharedFirestore, withParts } from "../kit/parts.ts";
import { deliveredLate, deliveredTwice } from "../kit/redis-deliveries.ts";
import { type RedisParts, startRedisParts } from "../kit/redis-parts.ts";
import { describeExecutionStore } from "./execution-store.ts";
import { tieredOver } from "./tiered-kit.ts";

// The Firestore emulator is Java, and slow; the longest of these tests makes thousands of calls.
vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

withParts(["redis"], () => {
  const { parts, openWarm } = redisParts();
  const overSqlite = (connect: () => RedisConnection) => () => openWarm(createSqliteStore(":memory:"), connect());

  describeExecutionStore(
    "tiered",
    overSqlite(() => parts().tcp()),
  );
  describeExecutionStore(
    "tiered, Redis over REST",
    overSqlite(() => parts().rest()),
  );
  describeExecutionStore(
    "tiered, each script delivered twice",
    overSqlite(() => deliveredTwice(parts().tcp())),
  );
  describeExecutionStore(
    "tiered, each script delivered again after the next one",
    overSqlite(() => deliveredLate(parts().tcp(), [1])),
  );
  // As after a wipe or a restart of Redis: nothing hot is trusted, and all comes from the cold store.
  describeExecutionStore("tiered, with Redis resting", async () => {
    await parts().redis.wipe();
    const times = { restMs: 3_600_000 };
    const { store } = tieredOver(parts().tcp(), { cold: createSqliteStore(":memory:"), times });
    return { store, close: () => store.close() };
  });
});

withParts(["redis", "firestore"], () => {
  const { parts, openWarm } = redisParts();
  describeExecutionStore("tiered over firestore", async () => {
    const options = { projectId: `test-${randomUUID()}`, emulatorHost: await sharedFirestore() };
    return { ...(await openWarm(createFirestoreStore(options), parts().tcp())), dropsPublished: true };
  });
});

function redisParts() {
  let parts: RedisParts;
  beforeAll(async () => {
    parts = await startRedisParts();
  });
  afterAll(() => parts[Symbol.asyncDispose]());
  return {
    parts: () => parts,
    /** A tiered store whose tenants' logs are known to be empty, so that their tails hold all that follows. */
    openWarm: async (cold: ExecutionStore, connection: RedisConnection) => {
      await parts.redis.wipe();
      const { store } = tieredOver(connection, { cold });
      for (const tenant of ["acme", "rival", "other"]) {
        await store.readLog(trustedTenantId(tenant), { order: "newest" }, { limit: 1 });
      }
      return { store, close: () => store.close() };
    },
  };
}
