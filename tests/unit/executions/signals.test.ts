import { describe, expect, it, vi } from "vitest";
import * as z from "zod";

import type { ExecutionId } from "../../../shared/ids.ts";
import type { JsonValue } from "../../../shared/json.ts";
import { createGate } from "../../kit/gate.ts";
import { plainIntent } from "../../kit/plain-intent.ts";
import { newSession, testIds } from "../../kit/runtime.ts";
import { openLab, type Lab, outline } from "../../kit/lab.ts";

const approval = z.object({ by: z.string(), amount: z.number().default(1) });

const waits = plainIntent("test.waits")
  .await("approval", { schema: approval, timeout: "48h" })
  .step("after", { run: ({ outputs }) => outputs.approval })
  .returns(({ outputs }) => outputs.after);

const signal = (on: Lab, executionId: ExecutionId, payload: JsonValue, name = "approval", signalId?: string) =>
  on.first.services.control.signal(on.tenantId, executionId, { name, payload, signalId });

describe("signals", () => {
  it("reach the await of their name, as its schema made them, and become its output", async () => {
    await using on = await openLab({ intents: [waits] });
    const { execution_id } = await on.play("test.waits", "suspended");
    await signal(on, execution_id, { by: "ann" });
    expect(await on.reach(execution_id, "completed")).toMatchObject({ output: { by: "ann", amount: 1 } });
  });

  it("S10: one that was sent before the wait begins is not lost, and costs no waiting", async () => {
    const gate = createGate();
    const definition = plainIntent("test.early")
      .step("busy", {
        run: async () => {
          await gate.pass();
          return {};
        },
      })
      .await("approval", { schema: approval, timeout: "48h" })
      .returns(({ outputs }) => outputs.approval);
    await using on = await openLab({ intents: [definition] });
    const id = await on.submit("test.early");
    await vi.waitFor(() => expect(gate.arrived).toBe(1));
    await signal(on, id, { by: "ann" });
    gate.open();
    expect(await on.reach(id, "completed")).toMatchObject({ output: { by: "ann" } });
    const types = (await on.log(id)).map(({ event_type }) => event_type);
    expect(types).toContain("signal_received");
    expect(on.counting.claims).toEqual([]);
  });

  it("the same signal id is the same signal, however often it is sent", async () => {
    const gate = createGate();
    const definition = plainIntent("test.twice")
      .step("busy", {
        run: async () => {
          await gate.pass();
          return {};
        },
      })
      .await("approval", { schema: approval, timeout: "48h" })
      .sleep("later", { delay: "1h" })
      .returns(({ outputs }) => outputs.approval);
    await using on = await openLab({ intents: [definition] });
    const id = await on.submit("test.twice");
    await vi.waitFor(() => expect(gate.arrived).toBe(1));
    await signal(on, id, { by: "ann" }, "approval", "s1");
    await signal(on, id, { by: "ann" }, "approval", "s1");
    gate.open();
    await vi.waitFor(async () => expect(outline(await on.state(id))).toContain("later: started"));
    expect((await on.state(id)).signals).toEqual([]);
    const received = (await on.log(id)).filter(({ event_type }) => event_type === "signal_received");
    expect(received).toHaveLength(1);
  });

  it("L1: a signal id is taken once, also when it is sent again after it was read, and after its await has taken it", async () => {
    const definition = plainIntent("test.again")
      .await("early", { schema: z.string() })
      .await("approval", { schema: approval })
      .await("late", { schema: z.string() })
      .returns(({ outputs }) => outputs.approval);
    await using on = await openLab({ intents: [definition] });
    const { execution_id } = await on.play("test.again", "suspended");
    const received = async () =>
      (await on.log(execution_id)).flatMap(({ event_type, payload }) =>
        event_type === "signal_received" ? [payload["signal_id"]] : [],
      );
    const read = () => vi.waitFor(async () => expect(await on.store.readMail(on.tenantId, execution_id)).toEqual([]));
    const approve = () => signal(on, execution_id, { by: "ann" }, "approval", "s1");
    await approve();
    await read();
    await approve();
    await read();
    expect((await on.state(execution_id)).signals).toHaveLength(1);
    await signal(on, execution_id, "go", "early", "s1");
    await vi.waitFor(async () => expect(outline(await on.state(execution_id))).toContain("late: started"));
    await approve();
    await read();
    expect((await on.state(execution_id)).signals).toEqual([]);
    await signal(on, execution_id, "end", "late");
    expect(await on.reach(execution_id, "completed")).toMatchObject({ output: { by: "ann" } });
    expect((await received()).slice(0, 2)).toEqual(["signal/approval/s1", "signal/early/s1"]);
    expect(await received()).toHaveLength(3);
  });

  it("signals of two names may share an id: both arrive", async () => {
    const gate = createGate();
    const definition = plainIntent("test.both")
      .step("busy", {
        run: async () => {
          await gate.pass();
          return {};
        },
      })
      .await("one", { schema: z.string(), timeout: "48h" })
      .await("two", { schema: z.string(), timeout: "48h" })
      .returns(({ outputs: { one, two } }) => ({ one, two }));
    await using on = await openLab({ intents: [definition] });
    const id = await on.submit("test.both");
    await signal(on, id, "a", "one", "same");
    await signal(on, id, "b", "two", "same");
    gate.open();
    expect(await on.reach(id, "completed")).toMatchObject({ output: { one: "a", two: "b" } });
  });

  it.each(["cancel", "retry"])("no id that a caller may choose, such as %j, keeps other mail out", async (signalId) => {
    const gate = createGate();
    const definition = plainIntent("test.ids")
      .step("busy", {
        run: async () => {
          await gate.pass();
          return {};
        },
      })
      .await("approval", { schema: z.string(), timeout: "48h" })
      .sleep("later", { delay: "1h" })
      .returns(() => ({}));
    await using on = await openLab({ intents: [definition] });
    const id = await on.submit("test.ids");
    await signal(on, id, "yes", "approval", signalId);
    await on.first.services.control.cancel(on.tenantId, id, true);
    gate.open();
    await on.reach(id, "cancelled");
  });

  it("several for one await: the first counts, the others change nothing", async () => {
    const gate = createGate();
    const definition = plainIntent("test.several")
      .step("busy", {
        run: async () => {
          await gate.pass();
          return {};
        },
      })
      .await("approval", { schema: approval, timeout: "48h" })
      .returns(({ outputs }) => outputs.approval);
    await using on = await openLab({ intents: [definition] });
    const id = await on.submit("test.several");
    for (const by of ["first", "second", "third"]) await signal(on, id, { by });
    gate.open();
    expect(await on.reach(id, "completed")).toMatchObject({ output: { by: "first" } });
  });

  describe("ahead of their await", () => {
    const early = plainIntent("test.ahead")
      .await("first", { schema: z.string() })
      .await("second", { schema: z.string() })
      .await("third", { schema: z.string() })
      .await("fourth", { schema: z.string() })
      .returns(({ outputs }) => ({ chars: outputs.second.length + outputs.third.length + outputs.fourth.length }));
    const large = "x".repeat(128 * 1024 - 2);
    const full = { code: "mailbox.full", status: 429, retryable: true };
    const read = (on: Lab, id: ExecutionId) =>
      vi.waitFor(async () => expect(await on.store.readMail(on.tenantId, id)).toEqual([]));

    it("S11: are refused while 200 are unread, not lost: a cancel still arrives", async () => {
      const gate = createGate();
      const busy = plainIntent("test.full")
        .step("busy", { run: () => gate.pass().then(() => ({})) })
        .await("approval", { schema: z.string() })
        .returns(({ outputs }) => ({ by: outputs.approval }));
      await using on = await openLab({ intents: [busy] });
      const id = await on.submit("test.full");
      await vi.waitFor(() => expect(gate.arrived).toBe(1));
      const sent = await Promise.allSettled(Array.from({ length: 203 }, (_, n) => signal(on, id, `s${n}`)));
      expect(sent.flatMap((each) => (each.status === "rejected" ? [each.reason as unknown] : []))).toEqual(
        Array(3).fill(expect.objectContaining(full)),
      );
      await on.first.services.control.cancel(on.tenantId, id, true);
      expect(await on.store.readMail(on.tenantId, id)).toHaveLength(201);
      gate.open();
      await on.reach(id, "cancelled");
    });

    it("are refused when their payload is no message any more, or when those that were read fill the head", async () => {
      await using on = await openLab({ intents: [early] });
      const { execution_id: id } = await on.play("test.ahead", "suspended");
      const tooLarge = { code: "signal.too_large", status: 413, details: { max_bytes: 128 * 1024 } };
      await expect(signal(on, id, `${large}y`, "second")).rejects.toMatchObject(tooLarge);
      for (const name of ["second", "third"]) {
        await signal(on, id, large, name);
        await read(on, id);
      }
      await expect(signal(on, id, "one more", "fourth")).rejects.toMatchObject(full);
      // What is awaited now always has room, and makes room.
      await signal(on, id, "go", "first");
      await vi.waitFor(async () => expect(outline(await on.state(id))).toContain("fourth: started"));
      await signal(on, id, "end", "fourth");
      expect(await on.reach(id, "completed")).toMatchObject({ output: { chars: 2 * large.length + 3 } });
    });

    it("are refused where another came before and is read, for they would change nothing; the same one is not", async () => {
      await using on = await openLab({ intents: [early] });
      const { execution_id: id } = await on.play("test.ahead", "suspended");
      const preceded = { code: "signal.preceded", status: 409 };
      await signal(on, id, "a", "second", "s1");
      await read(on, id);
      await expect(signal(on, id, "b", "second")).rejects.toMatchObject(preceded);
      await signal(on, id, "a", "second", "s1");
      await signal(on, id, "go", "first");
      await vi.waitFor(async () => expect(outline(await on.state(id))).toContain("third: started"));
      await expect(signal(on, id, "c", "second")).rejects.toMatchObject(preceded);
      await signal(on, id, "a", "second", "s1");
      expect(await on.store.readMail(on.tenantId, id)).toEqual([]);
    });
  });

  it.each([[null], [{}], [{ by: 7 }], ["ann"], [[]]])(
    "a payload of the wrong shape, %j, is refused",
    async (payload) => {
      await using on = await openLab({ intents: [waits] });
      const { execution_id } = await on.play("test.waits", "suspended");
      await expect(signal(on, execution_id, payload)).rejects.toMatchObject({ code: "signal.invalid", status: 422 });
      expect(await on.store.readMail(on.tenantId, execution_id)).toEqual([]);
      expect(await on.due()).toEqual([]);
    },
  );

  it("a fault in the payload says where it is", async () => {
    await using on = await openLab({ intents: [waits] });
    const { execution_id } = await on.play("test.waits", "suspended");
    await expect(signal(on, execution_id, { by: 7 })).rejects.toMatchObject({
      faults: [{ path: "payload.by", message: expect.any(String) }],
    });
  });

  it.each(["aproval", "after", "", "__proto__"])(
    "a name that the plan does not await, %j, is unknown",
    async (name) => {
      await using on = await openLab({ intents: [waits] });
      const { execution_id } = await on.play("test.waits", "suspended");
      await expect(signal(on, execution_id, { by: "ann" }, name)).rejects.toMatchObject({
        code: "signal.unknown",
        status: 404,
      });
    },
  );

  it("after the end there is nothing to signal to", async () => {
    await using on = await openLab({ intents: [waits] });
    const { execution_id } = await on.play("test.waits", "suspended");
    await signal(on, execution_id, { by: "ann" });
    await on.reach(execution_id, "completed");
    await expect(signal(on, execution_id, { by: "ann" })).rejects.toMatchObject({
      code: "execution.over",
      status: 409,
    });
  });

  it("an execution that does not exist, or is another tenant's, is not found", async () => {
    await using on = await openLab({ intents: [waits] });
    const { execution_id } = await on.play("test.waits", "suspended");
    await expect(signal(on, testIds.execution(), { by: "ann" })).rejects.toMatchObject({ code: "execution.not_found" });
    const foreign = on.first.services.control.signal("other" as never, execution_id, {
      name: "approval",
      payload: { by: "eve" },
    });
    await expect(foreign).rejects.toMatchObject({ code: "execution.not_found", status: 404 });
    expect(await on.store.readMail(on.tenantId, execution_id)).toEqual([]);
  });

  it("S10: one that is sent while the worker is letting go wakes the execution anyway", async () => {
    let send: ((executionId: ExecutionId) => Promise<unknown>) | undefined;
    const over = (inner: Lab["store"]) => ({
      commit: async (commit: Parameters<typeof inner.commit>[0]) => {
        const now = send;
        send = undefined;
        await now?.(commit.executionId);
        return inner.commit(commit);
      },
    });
    await using on = await openLab({ intents: [waits], over });
    send = (executionId) => signal(on, executionId, { by: "ann" });
    const id = await on.submit("test.waits");
    await on.reach(id, "completed");
    expect(send).toBeUndefined();
  });

  it("the session of the execution need not live any more", async () => {
    await using on = await openLab({ intents: [waits] });
    const sessionId = await newSession(on.first.services, on.tenantId);
    const { execution } = await on.first.submit("test.waits", {}, { sessionId });
    await on.reach(execution.execution_id, "suspended");
    await on.first.services.sessions.close(on.tenantId, sessionId, testIds.trace());
    await signal(on, execution.execution_id, { by: "ann" });
    await on.reach(execution.execution_id, "completed");
  });
});
