import { readFile } from "node:fs/promises";

import { describe, expect, it } from "vitest";
import * as z from "zod";

import type { JsonObject, JsonValue } from "../../../shared/json.ts";
import { intent } from "../../../shared/sagas/intent.ts";
import { EVENTS_TOPIC } from "../../../shared/state/cloud-event.ts";
import { plainIntent } from "../../kit/plain-intent.ts";
import { openRuntime, type TestRuntime } from "../../kit/runtime.ts";

const LARGE = { text: "é".repeat(100_000) };
const SMALL = { text: "é".repeat(1_000) };

type Told = JsonObject & { readonly type: string; readonly dataref?: string };

const envelope = z.object({ message: z.object({ data: z.string() }) });

/** What is told from now on, parsed. */
function listen(on: TestRuntime): Told[] {
  const told: Told[] = [];
  on.bus.subscribe(EVENTS_TOPIC, "test", async (request) => {
    const { message } = envelope.parse(await request.json());
    told.push(JSON.parse(Buffer.from(message.data, "base64").toString()) as Told);
    return new Response();
  });
  return told;
}

const bytesAt = async (uri: string | undefined): Promise<string> => readFile(new URL(uri ?? ""), "utf8");

describe("an event", () => {
  it.each([
    [
      "emitted by a step",
      (data: JsonObject) =>
        plainIntent("test.odd").step("tell", {
          run: (ctx) => {
            ctx.emit("odd_told", data);
            return {};
          },
        }),
    ],
    [
      "of the plan",
      (data: JsonObject) => plainIntent("test.odd").emit("tell", { event: () => ({ type: "odd_told", data }) }),
    ],
  ])("%s whose data are no JSON fails its node, and nothing is told", async (_of, telling) => {
    await using on = await openRuntime({ intents: [telling({ n: 1n } as never).returns(() => ({}))] });
    const told = listen(on);
    expect(await on.run("test.odd")).toMatchObject({ status: "failed", error: { step_name: "tell" } });
    await on.services.relay.drain();
    expect(told.map(({ type }) => type)).toEqual(["execution_failed"]);
  });

  it.each([
    ["is empty", ""],
    ["has 1026 bytes; 1024 go with a message", "é".repeat(513)],
    ["has half of a character", "\ud800"],
  ])("whose type %s fails its node at once, for no bus would carry it", async (fault, type) => {
    let runs = 0;
    const step = plainIntent("test.step")
      .step("tell", {
        run: (ctx) => {
          runs += 1;
          ctx.emit(type, {});
          return {};
        },
      })
      .returns(() => ({}));
    const node = plainIntent("test.node")
      .emit("tell", { event: () => ({ type, data: {} }) })
      .returns(() => ({}));
    await using on = await openRuntime({ intents: [step, node] });
    for (const { type: intentType } of [step, node]) {
      const error = { code: "event.bad_type", status: 422, step_name: "tell" };
      expect(await on.run(intentType)).toMatchObject({ status: "failed", error });
    }
    expect((await on.run("test.step")).error?.message).toContain(fault);
    expect(runs).toBe(2);
  });

  it("says what was emitted, whatever becomes of the object", async () => {
    const changing = plainIntent("test.changing")
      .step("tell", {
        run: (ctx) => {
          const data = { n: 1 };
          ctx.emit("told", data);
          data.n = 2;
          return {};
        },
      })
      .returns(() => ({}));
    await using on = await openRuntime({ intents: [changing] });
    const told = listen(on);
    await on.run("test.changing");
    await on.services.relay.drain();
    expect(told[0]).toMatchObject({ type: "told", data: { n: 1 } });
  });
});

describe("an event with more data than go through a commit", () => {
  const telling = plainIntent("test.telling")
    .step("tell", {
      run: (ctx) => {
        ctx.emit("large_told", LARGE);
        ctx.emit("small_told", SMALL);
        return {};
      },
    })
    .emit("announce", { event: () => ({ type: "large_announced", data: LARGE }) })
    .returns(() => ({}));

  it("is told with `dataref`, which leads to them, in place of data; a small one has its data", async () => {
    await using on = await openRuntime({ intents: [telling] });
    const told = listen(on);
    await on.run("test.telling");
    await on.services.relay.drain();
    const [large, small, announced, ended] = told;
    expect(told.map(({ type }) => type)).toEqual([
      "large_told",
      "small_told",
      "large_announced",
      "execution_completed",
    ]);
    for (const event of [large, announced]) {
      expect(event).toMatchObject({ datacontenttype: "application/json" });
      expect(event).not.toHaveProperty("data");
      expect(JSON.parse(await bytesAt(event?.dataref))).toEqual(LARGE);
    }
    for (const event of [small, ended]) expect(event).not.toHaveProperty("dataref");
    expect(small).toMatchObject({ data: SMALL });
  });

  it("rests in log and state by reference, and the caller sees it whole", async () => {
    await using on = await openRuntime({ intents: [telling] });
    const ended = await on.run("test.telling");
    expect(JSON.stringify(ended).length).toBeLessThan(10_000);
    const log = await on.services.log.read(
      on.tenantId,
      { executionId: ended.execution_id, order: "chronological" },
      { limit: 100 },
    );
    expect(JSON.stringify(log.items).length).toBeLessThan(20_000);
    const events = ended.steps.flatMap((step) => step.events ?? []);
    const whole = events.map(({ data }) => on.services.claimCheck.redeem(on.tenantId, data));
    expect(await Promise.all(whole)).toEqual([LARGE, SMALL, LARGE]);
    expect(await on.services.lifecycle.replay(on.tenantId, ended.execution_id)).toEqual(ended);
  });

  it("of a subject lies sealed where `dataref` leads", async () => {
    const name = "Quillhaven".repeat(20_000);
    const header = { version: 1, description: "Tells.", sealable: true, input: z.object({}), output: z.object({}) };
    const sealed = intent("test.sealed", header)
      .step("tell", {
        run: (ctx) => {
          ctx.emit("told", { name });
          return {};
        },
      })
      .returns(() => ({}));
    await using on = await openRuntime({ intents: [sealed] });
    const told = listen(on);
    const ended = await on.run("test.sealed", {}, { subjectId: "subject-1" });
    await on.services.relay.drain();
    expect(told[0]).not.toHaveProperty("data");
    const bytes = await bytesAt(told[0]?.dataref);
    expect(bytes.length).toBeGreaterThan(name.length);
    expect(bytes).not.toContain("Quillhaven");
    const data = ended.steps[0]?.events?.[0]?.data as JsonValue;
    expect(await on.services.claimCheck.redeem(on.tenantId, data)).toEqual({ name });
  });
});
