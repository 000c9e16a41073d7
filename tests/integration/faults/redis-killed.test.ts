import { setTimeout as sleep } from "node:timers/promises";

import { expect, it } from "vitest";

import { startMortalRedis } from "../../kit/mortal-redis.ts";
import { withParts } from "../../kit/parts.ts";
import { openScene } from "./scene.ts";

const SAGAS = 300;
const KILLS = 3;

withParts(["redis"], () => {
  it("loses nothing that was accepted when Redis is killed under load and comes back with its append-only file", async ({
    annotate,
  }) => {
    await using redis = await startMortalRedis();
    const env = { STORE: "redis", REDIS_URL: redis.url };
    await using scene = await openScene({ workerEnvs: [env, env], ownEnv: env });

    const loading = scene.load(SAGAS - 10 * KILLS, 9_000);
    const bursts: Promise<unknown>[] = [];
    for (let kills = 0; kills < KILLS; kills += 1) {
      await sleep(1_500);
      const { acknowledged } = await scene.burst();
      bursts.push(acknowledged);
      await redis.kill();
      await sleep(700);
      await redis.restart();
    }
    await Promise.all([loading, ...bursts]);
    const audit = await scene.audit();

    expect(audit).toMatchObject({ faults: [], executions: SAGAS, statuses: { completed: 270, compensated: 30 } });
    expect(audit.resumed, "work was taken up again").toBeGreaterThan(0);
    await annotate(
      `${KILLS} kills, ${audit.resumed} executions taken up again, ${scene.fleet.published.length} events`,
    );
  }, 150_000);
});
