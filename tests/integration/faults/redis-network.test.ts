import { strict as assert } from "node:assert";
import { setTimeout as sleep } from "node:timers/promises";

import { expect, it } from "vitest";

import { startUpstashBridge } from "../../../infra/dev/parts/upstash-bridge.ts";
import { startMortalRedis } from "../../kit/mortal-redis.ts";
import { withParts } from "../../kit/parts.ts";
import { startTcpProxy } from "../../kit/tcp-proxy.ts";
import { misbehave } from "./bad-network.ts";
import { openScene } from "./scene.ts";

const SAGAS = 300;
/** Past the three seconds after which a silent worker counts as dead, and the sweep that finds it. */
const FROZEN_MS = 4_600;

withParts(["redis"], () => {
  it("loses nothing and does nothing twice over a network that cuts, delays, and swallows acknowledgements", async ({
    annotate,
  }) => {
    await using redis = await startMortalRedis();
    await using proxy = await startTcpProxy(redis);
    const ownEnv = { STORE: "redis", REDIS_URL: redis.url };
    const behindProxy = { ...ownEnv, REDIS_URL: `redis://${proxy.host}:${proxy.port}` };
    await using scene = await openScene({ workerEnvs: [behindProxy, behindProxy], ownEnv });

    await Promise.all([scene.load(SAGAS, 7_000), misbehave(proxy)]);
    const audit = await scene.audit();

    expect(audit).toMatchObject({ faults: [], executions: SAGAS, statuses: { completed: 270, compensated: 30 } });
    expect(audit.resumed, "work was taken up again").toBeGreaterThan(0);
    await annotate(`${audit.resumed} executions taken up again, ${scene.fleet.fenced} fenced commits`);
  }, 150_000);

  it("does so over REST, whose client sends again what was not answered", async ({ annotate }) => {
    await using redis = await startMortalRedis();
    await using bridge = await startUpstashBridge({ redisPort: redis.port, token: "secret" });
    await using proxy = await startTcpProxy(bridge);
    const ownEnv = { STORE: "redis", REDIS_URL: redis.url };
    const behindProxy = {
      STORE: "upstash",
      UPSTASH_REDIS_REST_URL: `http://${proxy.host}:${proxy.port}`,
      UPSTASH_REDIS_REST_TOKEN: "secret",
    };
    await using scene = await openScene({ workerEnvs: [behindProxy, behindProxy], ownEnv });

    await Promise.all([scene.load(SAGAS, 7_000), misbehave(proxy)]);
    const audit = await scene.audit();

    expect(audit).toMatchObject({ faults: [], executions: SAGAS, statuses: { completed: 270, compensated: 30 } });
    await annotate(`${audit.resumed} executions taken up again, ${scene.fleet.fenced} fenced commits`);
  }, 150_000);

  it("fences a worker that was cut off, and another that was frozen, while others took up their work", async ({
    annotate,
  }) => {
    await using redis = await startMortalRedis();
    await using proxy = await startTcpProxy(redis);
    const ownEnv = { STORE: "redis", REDIS_URL: redis.url };
    const behindProxy = { ...ownEnv, REDIS_URL: `redis://${proxy.host}:${proxy.port}` };
    await using scene = await openScene({ workerEnvs: [behindProxy, ownEnv, ownEnv], ownEnv });
    const [, frozen] = scene.fleet.workers;
    assert(frozen !== undefined);

    const loading = scene.load(SAGAS - 10, 9_000);
    await sleep(1_000);
    proxy.cut();
    await scene.freezeInTheMiddle(frozen, FROZEN_MS);
    proxy.mend();
    await loading;
    const audit = await scene.audit();

    expect(audit).toMatchObject({ faults: [], executions: SAGAS, statuses: { completed: 270, compensated: 30 } });
    expect(frozen.fenced, "what the frozen worker wrote late was refused").toBeGreaterThan(0);
    await annotate(`${audit.resumed} executions taken up again, ${scene.fleet.fenced} fenced commits`);
  }, 150_000);
});
