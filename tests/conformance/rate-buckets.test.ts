import { randomUUID } from "node:crypto";
import { join } from "node:path";

import { afterAll, beforeAll, vi } from "vitest";

import { createFirestoreRateBuckets } from "../../infra/adapters/firestore/rate-buckets.ts";
import { createRedisRateBuckets } from "../../infra/adapters/redis/rate-buckets.ts";
import { createSqliteRateBuckets } from "../../infra/adapters/sqlite/rate-buckets.ts";
import { sharedFirestore, withParts } from "../kit/parts.ts";
import { type RedisParts, startRedisParts } from "../kit/redis-parts.ts";
import { temporaryFolder } from "../kit/temporary-folder.ts";
import { describeRateBuckets } from "./rate-buckets.ts";

// The Firestore emulator is slow where writers contend.
vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
beforeAll(async () => {
  folder = await temporaryFolder();
});
afterAll(() => folder[Symbol.asyncDispose]());
describeRateBuckets("sqlite", () => Promise.resolve(createSqliteRateBuckets(join(folder.path, "deep", "rates.db"))));

withParts(["redis"], () => {
  const namespace = randomUUID();
  let parts: RedisParts;
  beforeAll(async () => {
    parts = await startRedisParts();
  });
  afterAll(() => parts[Symbol.asyncDispose]());
  describeRateBuckets("redis over TCP", () => Promise.resolve(createRedisRateBuckets(parts.tcp(), { namespace })));
  describeRateBuckets("redis over REST", () => Promise.resolve(createRedisRateBuckets(parts.rest(), { namespace })));
});

withParts(["firestore"], () => {
  const projectId = `test-${randomUUID()}`;
  describeRateBuckets("firestore", async () =>
    createFirestoreRateBuckets({ projectId, emulatorHost: await sharedFirestore() }),
  );
});
