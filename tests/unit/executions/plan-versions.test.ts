import { describe, expect, it, vi } from "vitest";
import * as z from "zod";

import { createGate } from "../../kit/gate.ts";
import { openLab, outline, stepOf } from "../../kit/lab.ts";
import { plainIntent } from "../../kit/plain-intent.ts";
import { testIds } from "../../kit/runtime.ts";

const schema = z.string();

const version1 = plainIntent("test.grows", { version: 1 })
  .step("one", { run: () => ({ by: 1 }) })
  .await("go", { schema })
  .step("two", { run: () => ({ by: 1 }) })
  .returns(({ outputs }) => ({ one: outputs.one.by, two: outputs.two.by }));

/** Leaves what version 1 does first as it is, and adds a step behind it. */
const version2 = plainIntent("test.grows", { version: 2 })
  .step("one", { run: () => ({ by: 2 }) })
  .await("go", { schema })
  .step("two", { run: () => ({ by: 2 }) })
  .step("three", { run: () => ({ by: 2 }) })
  .returns(({ outputs }) => ({ one: outputs.one.by, two: outputs.two.by, three: outputs.three.by }));

/** Changes what version 1 has begun. */
const version3 = plainIntent("test.grows", { version: 3 })
  .step("one", { timeout: "1s", run: () => ({ by: 3 }) })
  .await("go", { schema })
  .returns(({ outputs }) => ({ one: outputs.one.by }));

describe("versions of a plan", () => {
  it("an execution goes on under the version that it began with, while the build has it", async () => {
    await using on = await openLab({ intents: [version1] });
    const { execution_id } = await on.play("test.grows", "suspended");
    await on.first.services.lifecycle.stop(0);
    const newer = await on.hire([version1, version2, version3]);
    await newer.services.control.signal(on.tenantId, execution_id, { name: "go", payload: "on" });
    const ended = await on.reach(execution_id, "completed");
    expect(ended).toMatchObject({ intent_version: 1, output: { one: 1, two: 1 } });
  });

  it("it adopts a newer version that leaves all that it has begun as it was, and says so in its log", async () => {
    await using on = await openLab({ intents: [version1] });
    const { execution_id } = await on.play("test.grows", "suspended");
    await on.first.services.lifecycle.stop(0);
    const newer = await on.hire([version2]);
    await newer.services.control.signal(on.tenantId, execution_id, { name: "go", payload: "on" });
    const ended = await on.reach(execution_id, "completed");
    expect(ended).toMatchObject({ intent_version: 2, output: { one: 1, two: 2, three: 2 } });
    const resumed = (await on.log(execution_id)).find(({ event_type }) => event_type === "execution_resumed");
    expect(resumed?.payload).toMatchObject({ adopted_version: 2 });
  });

  it("it stays pinned when the newer version changes what it has begun, until a build that has its own takes it up", async () => {
    await using on = await openLab({ intents: [version1] });
    const { execution_id } = await on.play("test.grows", "suspended");
    await on.first.services.lifecycle.stop(0);
    const newer = await on.hire([version3]);
    newer.services.recovery.wake({ tenantId: on.tenantId, executionId: execution_id });
    await vi.waitFor(() =>
      expect(newer.logged).toContainEqual(expect.objectContaining({ execution_id, intent_version: 1 })),
    );
    expect(await on.state(execution_id)).toMatchObject({ status: "suspended", intent_version: 1 });
    await newer.services.lifecycle.stop(0);
    const older = await on.hire([version1, version3]);
    await older.services.recovery.sweep();
    await older.services.control.signal(on.tenantId, execution_id, { name: "go", payload: "on" });
    const ended = await on.reach(execution_id, "completed");
    expect(outline(ended)).toEqual(["one: completed", "go: completed", "two: completed"]);
  });

  it("E5: a build that cannot run a pinned execution lets go of it, so that one that can takes it up", async () => {
    await using on = await openLab({ intents: [version1] });
    const { execution_id } = await on.play("test.grows", "suspended");
    await on.first.services.lifecycle.stop(0);
    const newer = await on.hire([version3]);
    newer.services.recovery.wake({ tenantId: on.tenantId, executionId: execution_id });
    await vi.waitFor(() =>
      expect(newer.logged).toContainEqual(expect.objectContaining({ execution_id, intent_version: 1 })),
    );
    const older = { workerId: testIds.worker(), nowMs: on.clock.now(), deadAfterMs: 3_000 };
    const claim = await on.store.claim({ tenantId: on.tenantId, executionId: execution_id, ...older });
    expect(claim.outcome).toBe("claimed");
  });

  it("however often a build that cannot run it looks, no look counts as a worker that died over the step under way", async () => {
    const gate = createGate();
    const run = async () => {
      await gate.pass();
      return {};
    };
    const old = plainIntent("test.halts", { version: 1, timeout: "30d" })
      .step("work", { run })
      .returns(() => ({}));
    const changed = plainIntent("test.halts", { version: 2, timeout: "30d" })
      .step("work", { timeout: "1s", run })
      .returns(() => ({}));
    await using on = await openLab({ intents: [old] });
    const id = await on.submit("test.halts");
    await vi.waitFor(() => expect(gate.arrived).toBe(1));
    await on.first.services.lifecycle.stop(0);
    const newer = await on.hire([changed]);
    const looks = () => newer.logged.filter((line) => line["execution_id"] === id).length;
    for (let look = 1; look <= 15; look += 1) {
      await on.clock.advance(60_000);
      await newer.services.recovery.sweep();
      await vi.waitFor(() => expect(looks()).toBeGreaterThanOrEqual(look));
    }
    await newer.services.lifecycle.stop(0);
    gate.open();
    const older = await on.hire([old]);
    await on.clock.advance(60_000);
    await older.services.recovery.sweep();
    expect(stepOf(await on.reach(id, "completed"), "work")).toMatchObject({ attempt: 2 });
  });

  it("new executions begin under the newest", async () => {
    await using on = await openLab({ intents: [version2, version3, version1] });
    expect(await on.play("test.grows", "suspended")).toMatchObject({ intent_version: 3 });
  });
});
