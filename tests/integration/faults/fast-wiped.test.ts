import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";

import { expect, it } from "vitest";

import { createAdapters } from "../../../infra/create-adapters.ts";
import { loadConfig } from "../../../shared/config.ts";
import { asId, trustedTenantId } from "../../../shared/ids.ts";
import { auditAll } from "../../kit/audit.ts";
import { startMortalRedis } from "../../kit/mortal-redis.ts";
import { sharedFirestore, withParts } from "../../kit/parts.ts";
import { untilQuiet } from "../../kit/quiet.ts";
import { temporaryFolder } from "../../kit/temporary-folder.ts";
import { fastSteps } from "../fixtures/fast-steps.ts";
import { fiveSteps } from "../fixtures/five-steps.ts";
import { openScene } from "./scene.ts";

const SAGAS = 160;
/** An acceptance may be acknowledged after the wipe that it came before. */
const ACKNOWLEDGED_LATE_MS = 1_000;

withParts(["redis", "firestore"], () => {
  it("a wipe of Redis under load loses of what is fast what was not archived yet, none of what was, and nothing that is strict", async ({
    annotate,
  }) => {
    await using redis = await startMortalRedis();
    const env = {
      STORE: "tiered",
      REDIS_URL: redis.url,
      GOOGLE_CLOUD_PROJECT: `test-${randomUUID()}`,
      FIRESTORE_EMULATOR_HOST: await sharedFirestore(),
    };
    const intentOf = (index: number) => (index % 2 === 0 ? fastSteps : fiveSteps);
    await using scene = await openScene({ workerEnvs: [env, env], ownEnv: env, intentOf });
    const { store, tenantId } = scene.runtime;

    const loading = scene.load(SAGAS - 10, 9_000);
    await sleep(6_000);
    const archived = await archivedBy(env);
    const { acknowledged } = await scene.burst();
    await redis.wipe();
    const wipedMs = performance.now();
    await Promise.all([loading, acknowledged]);
    await untilQuiet(store, tenantId, 60_000);

    const survivors = new Map<string, string>();
    const lost: { readonly id: string; readonly fast: boolean; readonly beforeMs: number }[] = [];
    for (const [key, id] of scene.accepted) {
      if ((await store.readExecution(tenantId, asId.execution(id))) !== undefined) {
        survivors.set(key, id);
        continue;
      }
      const fast = intentOf(Number(key.replace("key-", ""))) === fastSteps;
      lost.push({ id, fast, beforeMs: wipedMs - (scene.acceptedAtMs.get(id) ?? 0) });
    }
    const audit = await auditAll({ store, tenantId, intents: [fiveSteps, fastSteps], accepted: survivors });

    expect(lost.filter(({ fast }) => !fast)).toEqual([]);
    expect(lost.length, "the wipe came in the middle of the work").toBeGreaterThan(0);
    expect(lost.filter(({ id }) => archived.has(id))).toEqual([]);
    expect(lost.filter(({ beforeMs }) => beforeMs < -ACKNOWLEDGED_LATE_MS)).toEqual([]);
    expect(audit.faults).toEqual([]);
    const longest = Math.round(Math.max(...lost.map(({ beforeMs }) => beforeMs)));
    await annotate(`${lost.length} of ${SAGAS / 2} fast ones lost, all accepted within ${longest} ms before the wipe`);
  }, 150_000);
});

/** The executions of which Firestore has at least a beginning; the fast ones among them are archived. */
async function archivedBy(env: Readonly<Record<string, string>>): Promise<ReadonlySet<string>> {
  await using folder = await temporaryFolder();
  const { store, close } = await createAdapters(loadConfig({ ...env, STORE: "firestore", DATA_DIR: folder.path }));
  const { items } = await store.listExecutions(trustedTenantId("acme"), {}, { limit: SAGAS });
  await close();
  return new Set(items.map((head) => String(head["execution_id"])));
}
