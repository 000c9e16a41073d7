import { expect, it } from "vitest";

import { openScene } from "./scene.ts";

const SAGAS = 60;

it.each(["before_publish", "after_publish"])(
  "loses no event when a process dies %s, between the commit and the mark; another publishes it under the same id",
  async (place) => {
    await using scene = await openScene({ workerEnvs: [{ DIE_AT: `${place}:12` }, {}], ownEnv: {} });
    await scene.load(SAGAS, 3_000);
    const [doomed] = scene.fleet.workers;
    await doomed?.exited;
    const audit = await scene.audit();

    expect(audit).toMatchObject({ faults: [], executions: SAGAS, statuses: { completed: 54, compensated: 6 } });
    const its = doomed?.published.map(({ eventId }) => eventId) ?? [];
    const others = new Set(
      scene.fleet.workers.slice(1).flatMap(({ published }) => published.map((one) => one.eventId)),
    );
    const repeated = its.filter((eventId) => others.has(eventId));
    if (place === "before_publish") expect(its.length).toBeLessThan(12);
    // What the bus had taken and nobody had marked was sent again.
    else expect(repeated.length).toBeGreaterThan(0);
  },
  60_000,
);
