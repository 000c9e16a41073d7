import { setTimeout as sleep } from "node:timers/promises";

import { expect, it } from "vitest";

import { RuntimeError } from "../../../shared/errors.ts";
import { asId } from "../../../shared/ids.ts";
import { allNodes } from "../fixtures/all-nodes.ts";
import { openScene, type Scene } from "./scene.ts";

const SAGAS = 120;
const LOAD_MS = 5_000;

it("keeps what it promises of sagas of every kind of node, with children and theirs, whose workers are killed while some are turned back or stopped", async ({
  annotate,
}) => {
  await using scene = await openScene({ workerEnvs: [{}, {}, {}], ownEnv: {}, intentOf: () => allNodes });
  const calm = new AbortController();
  const killing = scene.fleet.killEvery(900, calm.signal);
  const loading = scene.load(SAGAS, LOAD_MS);
  const cancelling = cancelSome(scene, calm.signal);
  await loading;
  calm.abort();
  const [kills, cancelled] = await Promise.all([killing, cancelling]);
  const audit = await scene.audit();

  expect(audit.faults).toEqual([]);
  expect(audit.executions).toBeGreaterThan(SAGAS * 1.5);
  expect(kills).toBeGreaterThan(2);
  expect(audit.statuses["cancelled"]).toBeGreaterThan(2);
  expect(audit.statuses["compensated"]).toBeGreaterThan(2);
  await annotate(
    `${audit.executions} executions ${JSON.stringify(audit.statuses)}, ${kills} kills, ${cancelled} cancellations, ${audit.resumed} taken up again`,
  );
}, 150_000);

/** Turns every seventh saga back a moment after it was accepted, and stops every seventh where it is. */
async function cancelSome({ accepted, runtime }: Scene, calm: AbortSignal): Promise<number> {
  const seen = new Set<string>();
  let asked = 0;
  while (!calm.aborted) {
    await sleep(50);
    for (const id of accepted.values()) {
      if (seen.has(id)) continue;
      seen.add(id);
      if (seen.size % 7 > 1) continue;
      asked += 1;
      const cancelling = runtime.services.control.cancel(runtime.tenantId, asId.execution(id), seen.size % 7 === 0);
      await cancelling.catch((error: unknown) => {
        // It was faster.
        if (!(error instanceof RuntimeError) || error.code !== "execution.over") throw error;
      });
    }
  }
  return asked;
}
