import { setTimeout as sleep } from "node:timers/promises";

import * as z from "zod";

import { jsonObject, type JsonObject, type JsonValue, jsonValue } from "../../shared/json.ts";
import { intent, type IntentBuilder } from "../../shared/sagas/intent.ts";
import type { IntentDefinition } from "../../shared/sagas/intent-definition.ts";

export const SLOW_STEP_MS = 200;

function begin(name: string, checkpoint: "each" | "ends" = "each"): IntentBuilder<JsonObject, JsonObject, unknown> {
  const input = z.object({}).catchall(jsonValue);
  const options = { version: 1, description: "for the bench", input, output: jsonObject, checkpoint };
  return intent<JsonObject, JsonObject>(`bench.${name}`, options);
}

const work = { run: (): JsonObject => ({}) };

/** Three steps that each take their time. */
export const slowSteps: IntentDefinition = begin("slow_steps")
  .step("one", { run: () => sleep(SLOW_STEP_MS, {}) })
  .step("two", { run: () => sleep(SLOW_STEP_MS, {}) })
  .step("three", { run: () => sleep(SLOW_STEP_MS, {}) })
  .returns(() => ({}));

export const sleeper: IntentDefinition = begin("sleeper")
  .sleep("nap", { delay: "2s" })
  .returns(() => ({}));

export const waiter: IntentDefinition = begin("waiter")
  .await("go", { schema: z.string() })
  .returns(() => ({}));

/** When each step of `thousandSteps` was run, in milliseconds. */
export const stepTimes: number[] = [];

export const thousandSteps: IntentDefinition = Array.from({ length: 1_000 }, (_, index) => `s${index}`)
  .reduce(
    (plan: IntentBuilder<JsonObject, JsonObject, unknown>, name) =>
      plan.step(name, {
        run: () => {
          stepTimes.push(performance.now());
          return {};
        },
      }) as IntentBuilder<JsonObject, JsonObject, unknown>,
    begin("thousand_steps"),
  )
  .returns(() => ({}));

const three = begin("three")
  .step("one", work)
  .step("two", work)
  .step("three", work)
  .returns(() => ({}));

/** Plans of three pieces of work each, by what they are made of. */
export const kinds: Readonly<Record<string, IntentDefinition>> = {
  "3 steps": three,
  "3 steps, checkpoint ends": begin("three_ends", "ends")
    .step("one", work)
    .step("two", work)
    .step("three", work)
    .returns(() => ({})),
  "parallel of 3": begin("parallel")
    .parallel("all", { branches: { one: work, two: work, three: work } })
    .returns(() => ({})),
  "map over 3": begin("map")
    .map("each", { over: (): readonly JsonValue[] => [1, 2, 3], run: () => ({}) })
    .returns(() => ({})),
  "3 steps and a sleep": begin("sleep")
    .step("one", work)
    .step("two", work)
    .sleep("nap", { delay: "20ms" })
    .step("three", work)
    .returns(() => ({})),
  "call of a child of 3 steps, both": begin("call")
    .call("child", { intent: three, input: () => ({}) })
    .returns(() => ({})),
};
