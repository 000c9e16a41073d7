import { describe, expect, it, vi } from "vitest";

import { createServices } from "../../../shared/create-services.ts";
import { createFunctionShift, HANDED_ON } from "../../../shared/executions/shift.ts";
import type { ExecutionId } from "../../../shared/ids.ts";
import type { JsonObject } from "../../../shared/json.ts";
import type { BusMessage } from "../../../shared/ports/message-bus.ts";
import type { IntentDefinition } from "../../../shared/sagas/intent-definition.ts";
import { createGate, type Gate } from "../../kit/gate.ts";
import { plainIntent } from "../../kit/plain-intent.ts";
import { openRuntime, type TestRuntime, testIds } from "../../kit/runtime.ts";

const FAR_MS = 4_000_000_000_000;

/** An instance of a function over the runtime's store; `told` is what it published. */
function openInstance(
  runtime: TestRuntime,
  intents: readonly IntentDefinition[],
  { runsSteps = true, busIsAway = false, complete = false } = {},
) {
  const told: BusMessage[] = [];
  const publish = (message: BusMessage): Promise<void> => {
    if (busIsAway) return Promise.reject(new Error("away"));
    told.push(message);
    return Promise.resolve();
  };
  const timers: { readonly message: BusMessage; readonly atMs: number; readonly name: string }[] = [];
  const publishAt = (message: BusMessage, atMs: number, name: string): Promise<void> => {
    if (busIsAway) return Promise.reject(new Error("away"));
    timers.push({ message, atMs, name });
    return Promise.resolve();
  };
  const adapters = { ...runtime.services.adapters, bus: { ...runtime.bus, publish, publishAt } };
  const shift = createFunctionShift({ ...adapters, runsSteps });
  const services = createServices(runtime.services.config, adapters, intents, { shift, complete });
  const submit = async (intentType: string): Promise<ExecutionId> => {
    const { execution } = await services.lifecycle.submit({
      tenantId: runtime.tenantId,
      userId: undefined,
      intentType,
      sessionId: runtime.sessionId,
      parameters: {},
      metadata: {},
      solutionId: undefined,
      intentId: undefined,
      idempotencyKey: undefined,
      traceId: testIds.trace(),
    });
    return execution.execution_id;
  };
  /** Hears of an execution within a request of its own, and works on it until nothing is left or its time is up. */
  const hear = async (executionId: ExecutionId, untilMs = FAR_MS): Promise<void> => {
    const visit = shift.open(untilMs);
    await services.recovery.resume({ tenantId: runtime.tenantId, executionId });
    await services.lifecycle.idle();
    visit.close();
  };
  const status = async (executionId: ExecutionId) =>
    (await services.lifecycle.get(runtime.tenantId, executionId)).status;
  const hints = (): readonly { readonly topic: string; readonly data: unknown }[] =>
    told.map(({ topic, data }) => ({
      topic,
      ...(JSON.parse(data) as JsonObject),
      data: (JSON.parse(data) as JsonObject)["data"],
    }));
  return { services, shift, submit, hear, status, hints, timers };
}

/** Three steps, the first of which waits at the gate; `ran` names those that ran. */
function threeSteps(gate: Gate) {
  const ran: string[] = [];
  const run = (name: string) => () => {
    ran.push(name);
    return {};
  };
  const definition = plainIntent("test.three")
    .step("one", { run: () => gate.pass().then(run("one")) })
    .step("two", { run: run("two"), timeout: "60s" })
    .step("three", { run: run("three") })
    .returns(() => ({}));
  return { definition, ran };
}

const hintTo = (topic: string, executionId: ExecutionId) => ({
  topic,
  type: HANDED_ON,
  subject: executionId,
  data: { tenant_id: "acme", execution_id: executionId },
});

describe("the runtime API as a function", () => {
  it("accepts, runs no step, and tells the intent's own function, which does the rest", async () => {
    await using runtime = await openRuntime();
    const gate = createGate();
    const { definition, ran } = threeSteps(gate);
    gate.open();
    const api = openInstance(runtime, [definition], { runsSteps: false });
    const own = openInstance(runtime, [definition]);
    const visit = api.shift.open(FAR_MS);
    const id = await api.submit("test.three");
    await api.services.lifecycle.idle();
    await api.shift.hintsOut();
    visit.close();
    expect(ran).toEqual([]);
    expect(await api.status(id)).toBe("suspended");
    expect(api.hints()).toMatchObject([hintTo("symphainy-intents.test.three", id)]);
    await own.hear(id);
    expect(ran).toEqual(["one", "two", "three"]);
    expect(await own.status(id)).toBe("completed");
  });
});

describe("an intent's function", () => {
  it("ends the step it is in when its last request closes, hands the rest on, and the next one goes on from there (F1)", async () => {
    await using runtime = await openRuntime();
    const gate = createGate();
    const { definition, ran } = threeSteps(gate);
    const [first, second] = [openInstance(runtime, [definition]), openInstance(runtime, [definition])];
    const visit = first.shift.open(FAR_MS);
    const id = await first.submit("test.three");
    await vi.waitFor(() => expect(gate.arrived).toBe(1));
    visit.close();
    gate.open();
    await first.services.lifecycle.idle();
    await first.shift.hintsOut();
    expect(ran).toEqual(["one"]);
    expect(first.hints()).toMatchObject([hintTo("symphainy-intents.test.three", id)]);
    await second.hear(id);
    expect(ran, "no step ran twice").toEqual(["one", "two", "three"]);
    expect(await second.status(id)).toBe("completed");
  });

  it("goes on while any other request is open (F1)", async () => {
    await using runtime = await openRuntime();
    const gate = createGate();
    const { definition, ran } = threeSteps(gate);
    const own = openInstance(runtime, [definition]);
    const [visit, other] = [own.shift.open(FAR_MS), own.shift.open(FAR_MS)];
    const id = await own.submit("test.three");
    await vi.waitFor(() => expect(gate.arrived).toBe(1));
    visit.close();
    gate.open();
    await own.services.lifecycle.idle();
    expect(ran).toEqual(["one", "two", "three"]);
    expect(await own.status(id)).toBe("completed");
    expect(own.shift.visits).toBe(1);
    other.close();
  });

  it("begins no step that may outlast its request (F1)", async () => {
    await using runtime = await openRuntime();
    const gate = createGate();
    const { definition, ran } = threeSteps(gate);
    gate.open();
    const [short, long] = [openInstance(runtime, [definition]), openInstance(runtime, [definition])];
    const id = await long.submit("test.three");
    await long.services.lifecycle.idle();
    const { clock } = runtime.services.adapters;
    await short.hear(id, clock.now() + 59_000);
    expect(ran).toEqual([]);
    await short.hear(id, clock.now() + 61_000);
    expect(ran).toEqual(["one", "two", "three"]);
  });

  it("whose word is lost leaves its executions to the sweep (F2)", async () => {
    await using runtime = await openRuntime();
    const gate = createGate();
    const { definition, ran } = threeSteps(gate);
    gate.open();
    const mute = openInstance(runtime, [definition], { busIsAway: true });
    const id = await mute.submit("test.three");
    await mute.services.lifecycle.idle();
    await mute.shift.hintsOut();
    expect(ran).toEqual([]);
    const sweep = openInstance(runtime, [definition], { complete: true });
    const visit = sweep.shift.open(FAR_MS);
    expect(await sweep.services.recovery.sweep()).toMatchObject({ takenUp: 1 });
    await sweep.services.lifecycle.idle();
    visit.close();
    expect(await sweep.status(id)).toBe("completed");
  });

  it("passes an execution of an intent that it does not have to that one's function, and fails it only where all are known", async () => {
    await using runtime = await openRuntime();
    const gate = createGate();
    const { definition } = threeSteps(gate);
    gate.open();
    const other = plainIntent("test.other")
      .step("only", { run: () => ({}) })
      .returns(() => ({}));
    const [own, foreign] = [openInstance(runtime, [definition]), openInstance(runtime, [other])];
    const id = await own.submit("test.three");
    await own.services.lifecycle.idle();
    await foreign.hear(id);
    await foreign.shift.hintsOut();
    expect(await own.status(id)).toBe("suspended");
    expect(foreign.hints()).toMatchObject([hintTo("symphainy-intents.test.three", id)]);
    const all = openInstance(runtime, [other], { complete: true });
    await all.hear(id);
    expect(await own.status(id)).toBe("failed");
  });

  it("has an execution that waits woken when its time has come, by one timer for each time (F2)", async () => {
    await using runtime = await openRuntime();
    const definition = plainIntent("test.sleeps")
      .sleep("pause", { delay: "2s" })
      .returns(() => ({}));
    const own = openInstance(runtime, [definition]);
    const visit = own.shift.open(FAR_MS);
    const id = await own.submit("test.sleeps");
    await own.services.lifecycle.idle();
    await own.shift.hintsOut();
    visit.close();
    expect(await own.status(id)).toBe("suspended");
    const [timer, ...others] = own.timers;
    if (timer === undefined || others.length > 0) throw new Error(`there are ${own.timers.length} timers`);
    const { steps } = await own.services.lifecycle.get(runtime.tenantId, id);
    expect(new Date(timer.atMs).toISOString()).toBe(steps[0]?.due_at);
    expect(timer.name).toBe(`${id}/${timer.atMs}`);
    expect(JSON.parse(timer.message.data)).toMatchObject({ type: HANDED_ON, subject: id });
    expect(timer.message.topic).toBe("symphainy-intents.test.sleeps");
    const { clock } = runtime.services.adapters;
    await clock.sleep(timer.atMs - clock.now() + 5);
    const other = openInstance(runtime, [definition]);
    await other.hear(id);
    expect(await other.status(id)).toBe("completed");
  });

  it("whose timer cannot be set leaves what waits to the sweep, as what waits for longer than a timer may (F2)", async () => {
    await using runtime = await openRuntime();
    const sleeps = (name: `test.${string}`, length: "1s" | "40d") =>
      plainIntent(name)
        .sleep("pause", { delay: length })
        .returns(() => ({}));
    const [short, long] = [sleeps("test.short", "1s"), sleeps("test.long", "40d")];
    const mute = openInstance(runtime, [short, long], { busIsAway: true });
    const own = openInstance(runtime, [short, long]);
    const visits = [mute.shift.open(FAR_MS), own.shift.open(FAR_MS)];
    const [lost, far] = [await mute.submit("test.short"), await own.submit("test.long")];
    await Promise.all([mute, own].map(({ services }) => services.lifecycle.idle()));
    await Promise.all([mute, own].map(({ shift }) => shift.hintsOut()));
    for (const visit of visits) visit.close();
    expect(own.timers).toEqual([]);
    expect(await mute.status(lost)).toBe("suspended");
    expect(await own.status(far)).toBe("suspended");
  });

  it("takes up again what it may hold without knowing it, with its next request", async () => {
    await using runtime = await openRuntime();
    const gate = createGate();
    const { definition, ran } = threeSteps(gate);
    gate.open();
    const own = openInstance(runtime, [definition]);
    const id = await own.submit("test.three");
    await own.services.lifecycle.idle();
    own.services.recovery.remember({ tenantId: runtime.tenantId, executionId: id });
    const visit = own.shift.open(FAR_MS);
    await own.services.recovery.retake();
    await own.services.lifecycle.idle();
    visit.close();
    expect(ran).toEqual(["one", "two", "three"]);
  });
});
