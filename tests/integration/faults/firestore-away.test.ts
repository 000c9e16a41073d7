import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";

import { expect, it } from "vitest";

import { startFirestoreEmulator } from "../../../infra/dev/parts/firestore-emulator.ts";
import { sharedFirestore, withParts } from "../../kit/parts.ts";
import { startTcpProxy } from "../../kit/tcp-proxy.ts";
import { misbehave } from "./bad-network.ts";
import { openScene } from "./scene.ts";

const SAGAS = 80;
const WHOLE = { faults: [], executions: SAGAS, statuses: { completed: 72, compensated: 8 } };
/** Longer than a call may take, and than a silent worker counts as alive. */
const PAUSED_MS = 10_000;

withParts(["firestore"], () => {
  it("loses nothing that was accepted when Firestore stops answering for ten seconds under load", async ({
    annotate,
  }) => {
    await using emulator = await startFirestoreEmulator();
    const env = {
      STORE: "firestore",
      GOOGLE_CLOUD_PROJECT: `test-${randomUUID()}`,
      FIRESTORE_EMULATOR_HOST: `${emulator.host}:${emulator.port}`,
    };
    await using scene = await openScene({ workerEnvs: [env, env], ownEnv: env });

    const loading = scene.load(SAGAS, 8_000);
    await sleep(3_000);
    emulator.pause();
    await sleep(PAUSED_MS);
    emulator.resume();
    await loading;
    const audit = await scene.audit();

    expect(audit).toMatchObject(WHOLE);
    const logged = scene.fleet.workers.flatMap(({ log }) => log);
    expect(
      logged.some((line) => line.includes("store.unavailable")),
      "the outage was felt",
    ).toBe(true);
    await annotate(`${audit.resumed} executions taken up again, ${scene.fleet.fenced} fenced commits`);
  }, 150_000);

  it("loses nothing and does nothing twice when the network to Firestore cuts, delays, and swallows acknowledgements", async ({
    annotate,
  }) => {
    const address = await sharedFirestore();
    const [host = "", port = ""] = address.split(":");
    await using proxy = await startTcpProxy({ host, port: Number(port) });
    const ownEnv = {
      STORE: "firestore",
      GOOGLE_CLOUD_PROJECT: `test-${randomUUID()}`,
      FIRESTORE_EMULATOR_HOST: address,
    };
    const behindProxy = { ...ownEnv, FIRESTORE_EMULATOR_HOST: `${proxy.host}:${proxy.port}` };
    await using scene = await openScene({ workerEnvs: [behindProxy, behindProxy], ownEnv });

    await Promise.all([scene.load(SAGAS, 7_000), misbehave(proxy)]);
    const audit = await scene.audit();

    expect(audit).toMatchObject(WHOLE);
    // Each of the eight breaks, but for those that came before anybody had reconnected.
    expect(proxy.connectionsEver).toBeGreaterThan(6);
    await annotate(`${audit.resumed} executions taken up again, ${scene.fleet.fenced} fenced commits`);
  }, 150_000);
});
