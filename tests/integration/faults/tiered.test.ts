import { strict as assert } from "node:assert";
import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";

import { expect, it } from "vitest";

import { type MortalRedis, startMortalRedis } from "../../kit/mortal-redis.ts";
import { sharedFirestore, withParts } from "../../kit/parts.ts";
import { startTcpProxy } from "../../kit/tcp-proxy.ts";
import { misbehave } from "./bad-network.ts";
import { openScene } from "./scene.ts";

const SAGAS = 80;
/** Past the three seconds after which a silent worker counts as dead, and the sweep that finds it. */
const FROZEN_MS = 7_000;
const WHOLE = { faults: [], executions: SAGAS, statuses: { completed: 72, compensated: 8 } };

async function tieredOver(redis: MortalRedis) {
  return {
    STORE: "tiered",
    REDIS_URL: redis.url,
    GOOGLE_CLOUD_PROJECT: `test-${randomUUID()}`,
    FIRESTORE_EMULATOR_HOST: await sharedFirestore(),
  };
}

withParts(["redis", "firestore"], () => {
  it("strict intents lose nothing when Redis is wiped again and again under load", async ({ annotate }) => {
    await using redis = await startMortalRedis();
    const env = await tieredOver(redis);
    await using scene = await openScene({ workerEnvs: [env, env], ownEnv: env });

    const loading = scene.load(SAGAS, 8_000);
    let wipes = 0;
    const wiping = (async () => {
      for (; wipes < 10; wipes += 1) {
        await sleep(700);
        await redis.wipe();
      }
    })();
    await Promise.all([loading, wiping]);
    const audit = await scene.audit();

    expect(audit).toMatchObject(WHOLE);
    await annotate(`${wipes} wipes, ${audit.resumed} executions taken up again`);
  }, 150_000);

  it("strict intents lose nothing when Redis is killed under load, wiped, and comes back", async ({ annotate }) => {
    await using redis = await startMortalRedis();
    const env = await tieredOver(redis);
    await using scene = await openScene({ workerEnvs: [env, env], ownEnv: env });

    const loading = scene.load(SAGAS, 8_000);
    await sleep(2_000);
    await redis.kill();
    await sleep(3_000);
    await redis.restart();
    await redis.wipe();
    await loading;
    const audit = await scene.audit();

    expect(audit).toMatchObject(WHOLE);
    await annotate(`${audit.resumed} executions taken up again, ${scene.fleet.fenced} fenced commits`);
  }, 150_000);

  it("fences a worker that was frozen past its lease, whose work another has taken up", async ({ annotate }) => {
    await using redis = await startMortalRedis();
    const env = await tieredOver(redis);
    await using scene = await openScene({ workerEnvs: [env, env], ownEnv: env });
    const [frozen] = scene.fleet.workers;
    assert(frozen !== undefined);

    await Promise.all([scene.load(SAGAS - 10, 7_000), scene.freezeInTheMiddle(frozen, FROZEN_MS)]);
    const audit = await scene.audit();

    expect(audit).toMatchObject(WHOLE);
    expect(frozen.fenced, "what the frozen worker wrote late was refused").toBeGreaterThan(0);
    await annotate(`${audit.resumed} executions taken up again, ${scene.fleet.fenced} fenced commits`);
  }, 150_000);

  it("strict intents lose nothing when the networks to Redis and Firestore misbehave at the same time", async ({
    annotate,
  }) => {
    await using redis = await startMortalRedis();
    const ownEnv = await tieredOver(redis);
    const [host = "", port = ""] = ownEnv.FIRESTORE_EMULATOR_HOST.split(":");
    await using toRedis = await startTcpProxy(redis);
    await using toFirestore = await startTcpProxy({ host, port: Number(port) });
    const behindProxies = {
      ...ownEnv,
      REDIS_URL: `redis://${toRedis.host}:${toRedis.port}`,
      FIRESTORE_EMULATOR_HOST: `${toFirestore.host}:${toFirestore.port}`,
    };
    await using scene = await openScene({ workerEnvs: [behindProxies, behindProxies], ownEnv });

    const troubles = [misbehave(toRedis), sleep(450).then(() => misbehave(toFirestore))];
    await Promise.all([scene.load(SAGAS, 8_000), ...troubles]);
    const audit = await scene.audit();

    expect(audit).toMatchObject(WHOLE);
    await annotate(`${audit.resumed} executions taken up again, ${scene.fleet.fenced} fenced commits`);
  }, 150_000);
});
