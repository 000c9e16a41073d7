import { strict as assert } from "node:assert";
import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";

import { describe, it } from "vitest";

import { startMortalRedis } from "../../kit/mortal-redis.ts";
import { sharedFirestore, withParts } from "../../kit/parts.ts";
import { openScene } from "./scene.ts";

const OFF_MS = 30_000;
const LEAP_MS = 90_000;
/** How many sagas each worker has, of five steps. */
const SAGAS = 4;
const STEP_MS = 500;
/** Not all of a saga, and long enough for every worker to look for abandoned work. */
const WHILE_MS = 800;

const STORES = [
  { name: "Redis", more: () => Promise.resolve({ STORE: "redis" }) },
  {
    name: "Firestore, with Redis before it",
    more: async () => ({
      STORE: "tiered",
      GOOGLE_CLOUD_PROJECT: `test-${randomUUID()}`,
      FIRESTORE_EMULATOR_HOST: await sharedFirestore(),
    }),
  },
];

withParts(["redis", "firestore"], () => {
  describe.concurrent("workers whose machines' clocks differ by a minute, over one store", () => {
    it.for(STORES)(
      "leave the live ones' work alone, also when the clocks are set meanwhile, and take up a dead one's: $name",
      // A machine that stands still for three seconds makes a worker look dead, and rightly so: then it is tried once more.
      { timeout: 60_000, retry: 1 },
      async ({ more }, { expect, annotate }) => {
        await using redis = await startMortalRedis();
        const env = { REDIS_URL: redis.url, ...(await more()) };
        await using scene = await openScene({
          workerEnvs: [
            { ...env, CLOCK_OFF_MS: String(OFF_MS) },
            { ...env, CLOCK_OFF_MS: String(-OFF_MS) },
          ],
          ownEnv: env,
        });
        const [ahead, behind] = scene.fleet.workers;
        assert(ahead !== undefined && behind !== undefined);

        await Promise.all([ahead, behind].map((worker) => scene.give(worker, SAGAS, STEP_MS)));
        await sleep(WHILE_MS);
        ahead.setClock(-LEAP_MS);
        behind.setClock(LEAP_MS);
        await sleep(WHILE_MS);
        ahead.signal("SIGKILL");
        const killedMs = performance.now();
        const audit = await scene.audit();
        const endedMs = performance.now() - killedMs;

        expect(audit).toMatchObject({ faults: [], executions: 2 * SAGAS, statuses: { completed: 2 * SAGAS } });
        expect(audit.resumed, "what the dead one had, once each, and nothing of the living one").toBe(SAGAS);
        expect(scene.fleet.fenced, "nobody's commit came too late").toBe(0);
        expect(endedMs, "the dead one's clock has not held up the rest").toBeLessThan(OFF_MS);
        await annotate(`all had ended ${Math.round(endedMs)} ms after the kill`);
      },
    );
  });
});
