import { describe, expect, it } from "vitest";

import { outboxRelay } from "../../../functions/platform/outbox-relay.ts";
import { recoverySweep } from "../../../functions/platform/recovery-sweep.ts";
import type { BusMessage } from "../../../shared/ports/message-bus.ts";
import { createOutboxRelay } from "../../../shared/state/outbox-relay.ts";
import { plainIntent } from "../../kit/plain-intent.ts";
import { openRuntime, testIds } from "../../kit/runtime.ts";
import { createManualClock } from "../manual-clock.ts";

const napping = plainIntent("test.napping")
  .sleep("nap", { delay: "1h" })
  .returns(() => ({}));

describe("what jobs tell of themselves", () => {
  it("the sweep: how many executions have been due for over five minutes and are not taken up", async () => {
    const clock = createManualClock();
    await using runtime = await openRuntime({ intents: [napping], clock });
    const { services } = runtime;
    const { execution } = await runtime.submit("test.napping");
    await services.lifecycle.idle();
    // A sweep that does not get through: every claim fails.
    const blocked = { ...services, recovery: { ...services.recovery, sweep: () => Promise.resolve(nothingTaken) } };

    await clock.advance(64 * 60_000);
    expect(await recoverySweep.run(blocked)).toMatchObject({ taken_up: 0, stuck: 0 });
    await clock.advance(2 * 60_000);
    expect(await recoverySweep.run(blocked)).toMatchObject({ taken_up: 0, stuck: 1 });
    expect(await recoverySweep.run(services)).toMatchObject({ taken_up: 1, stuck: 0 });
    expect(await services.lifecycle.wait(runtime.tenantId, execution.execution_id, 1_000)).toMatchObject({
      status: "completed",
    });
  });

  it("the relay: how many messages the bus does not take", async () => {
    await using runtime = await openRuntime();
    const { services, store, tenantId } = runtime;
    const refused = {
      eventId: testIds.event(),
      tenantId,
      orderingKey: "one",
      topic: "events",
      attributes: {},
      data: "{}",
    };
    const taken = { ...refused, eventId: testIds.event(), orderingKey: "other" };
    await store.write(tenantId, { records: [], log: [], outbox: [refused, taken], mail: [] });
    const publish = async ({ id }: BusMessage): Promise<void> => {
      await Promise.resolve();
      if (id === refused.eventId) throw new Error("no");
    };
    const relay = createOutboxRelay({ ...services.adapters, bus: { ...runtime.bus, publish } });

    expect(await outboxRelay.run({ ...services, relay })).toEqual({ published: 1, carried: 0, waiting: 1 });
    expect(await outboxRelay.run(services)).toEqual({ published: 1, carried: 0, waiting: 0 });
    expect(await outboxRelay.run(services)).toEqual({ published: 0, carried: 0, waiting: 0 });
  });
});

const nothingTaken = { takenUp: 0, expectsMore: false };
