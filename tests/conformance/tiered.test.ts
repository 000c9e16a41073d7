import { randomUUID } from "node:crypto";

import { vi } from "vitest";

import { createFirestoreStore } from "../../infra/adapters/firestore/execution-store.ts";
import { createSqliteStore } from "../../infra/adapters/sqlite/execution-store.ts";
import { trustedTenantId } from "../../shared/ids.ts";
import type { ExecutionStore } from "../../shared/ports/execution-store.ts";
import { sharedFirestore, withParts } from "../kit/parts.ts";
import { describeExecutionStore } from "./execution-store.ts";
import { openTiered } from "./tiered-kit.ts";
import { tieredLab } from "./tiered-lab.ts";

// The Firestore emulator is Java, and slow; the longest of these tests makes thousands of calls.
vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

/** A tiered store whose tenants' logs are known to be empty, so that their tails hold all that follows. */
async function openWarm(cold: ExecutionStore, redisUrl: string) {
  const { store } = openTiered({ cold, redisUrl });
  for (const tenant of ["acme", "rival", "other"]) {
    await store.readLog(trustedTenantId(tenant), { order: "newest" }, { limit: 1 });
  }
  return { store, close: () => store.close() };
}

withParts(["redis"], () => {
  const lab = tieredLab();
  describeExecutionStore("tiered over sqlite", async () => {
    await lab.admin.flushall();
    return openWarm(createSqliteStore(":memory:"), lab.url());
  });
  // As after a wipe or a restart of Redis: nothing hot is trusted, and all comes from the cold store.
  describeExecutionStore("tiered, with Redis resting", async () => {
    await lab.admin.flushall();
    const times = { restMs: 3_600_000 };
    const { store } = openTiered({ cold: createSqliteStore(":memory:"), redisUrl: lab.url(), times });
    return { store, close: () => store.close() };
  });
});

withParts(["redis", "firestore"], () => {
  const lab = tieredLab();
  describeExecutionStore("tiered over firestore", async () => {
    await lab.admin.flushall();
    const options = { projectId: `test-${randomUUID()}`, emulatorHost: await sharedFirestore() };
    return openWarm(createFirestoreStore(options), lab.url());
  });
});
