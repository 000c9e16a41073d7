import { expect, it } from "vitest";

import { openScene } from "./scene.ts";

it("audits what is left of sagas whose workers are killed: nothing is lost, nothing is there twice, every event came", async () => {
  await using scene = await openScene({ workerEnvs: [{}, {}, {}], ownEnv: {} });
  const calm = new AbortController();
  const killing = scene.fleet.killEvery(700, calm.signal);
  await scene.load(300, 5_000);
  calm.abort();
  const kills = await killing;
  const audit = await scene.audit();
  expect(audit).toMatchObject({ faults: [], executions: 300 });
  expect(audit.statuses).toEqual({ completed: 270, compensated: 30 });
  expect(kills).toBeGreaterThan(3);
}, 150_000);
