import * as z from "zod";

import type { Duration } from "../../shared/duration.ts";
import { jsonObject, type JsonObject, jsonValue } from "../../shared/json.ts";
import { intent, type IntentBuilder, type IntentOptions } from "../../shared/sagas/intent.ts";
import type { IntentDefinition } from "../../shared/sagas/intent-definition.ts";
import { RetryableError, TerminalError } from "../../shared/sagas/retry-policy.ts";
import type { StepContext, UndoContext } from "../../shared/sagas/step-context.ts";
import type { Scenario } from "./scenario.ts";

export type Plan = Pick<Scenario, "intents" | "effects">;
type Builder = IntentBuilder<JsonObject, JsonObject, unknown>;
export type Context = StepContext<unknown, unknown>;

const anything = z.object({}).catchall(jsonValue);

/** Begins a plan that takes and returns any object. */
export function plan(name: string, more: Partial<IntentOptions<JsonObject, JsonObject>> = {}): Builder {
  return intent<JsonObject, JsonObject>(`model.${name}`, {
    version: 1,
    description: "for the model checker",
    input: anything,
    output: jsonObject,
    ...more,
  });
}

/** How a step goes wrong by itself. */
export interface Trouble {
  /** Fails for good, before or after its effect. */
  readonly fails?: "before" | "after";
  /** Fails at its first attempt, after its effect. */
  readonly failsOnce?: boolean;
  /** Its undo fails at the first attempt, or always. */
  readonly undoFails?: "once" | "always";
  readonly timeout?: Duration;
  /** Tells of an event. */
  readonly emits?: boolean;
}

async function run(ctx: Context, { fails, failsOnce, emits }: Trouble): Promise<JsonObject> {
  if (fails === "before") throw new TerminalError("model.failed", "It cannot be done.");
  await ctx.effects.apply({});
  if (fails === "after") throw new TerminalError("model.failed", "It cannot be done.");
  if (failsOnce === true && ctx.attempt === 1) throw new RetryableError("model.busy", "Once more.");
  if (emits === true) ctx.emit("done", {});
  return {};
}

/** A step whose effect is made through the ledger. */
export function effectStep(trouble: Trouble = {}) {
  return {
    timeout: trouble.timeout ?? "60s",
    // Enough for all that may go wrong in one history.
    retry: { maxAttempts: 6 },
    run: (ctx: Context): Promise<JsonObject> => run(ctx, trouble),
    undo: async (ctx: UndoContext<unknown, unknown, unknown>): Promise<void> => {
      if (trouble.undoFails === "always") throw new TerminalError("model.stuck", "It cannot be undone.");
      if (trouble.undoFails === "once" && ctx.attempt === 1) throw new RetryableError("model.busy", "Once more.");
      await ctx.effects.undo();
    },
  };
}

/** Ends a plan, whatever its steps return. */
export function returning(builder: unknown): IntentDefinition {
  return (builder as Builder).returns(() => ({}));
}

/** A plan of steps `s1` … `sn`, each with an effect and an undo. */
export function steps(
  count: number,
  troubles: Readonly<Record<string, Trouble>> = {},
  checkpoint: "each" | "ends" = "each",
): Plan {
  const names = Array.from({ length: count }, (_, index) => `s${index + 1}`);
  return {
    intents: () => {
      let builder: unknown = plan("steps", { checkpoint });
      for (const name of names) builder = (builder as Builder).step(name, effectStep(troubles[name]));
      return [returning(builder)];
    },
    effects: { "model.steps": names },
  };
}

/** Two works side by side, the second with trouble, and a step after them. */
export function sideBySide(trouble: Trouble = {}, after: Trouble = {}): Plan {
  return {
    intents: () => [
      returning(
        plan("parallel")
          .parallel("p", { branches: { x: effectStep(), y: effectStep(trouble) } })
          .step("s", effectStep(after)),
      ),
    ],
    effects: { "model.parallel": ["p/x", "p/y", "s"] },
  };
}

/** The same work for each of two items, and a step after them. */
export function forEach(trouble: Trouble = {}, after: Trouble = {}): Plan {
  return {
    intents: () => [
      returning(
        plan("map")
          .map("m", { over: () => ["x", "y"], concurrency: 2, ...effectStep(trouble) })
          .step("s", effectStep(after)),
      ),
    ],
    effects: { "model.map": ["m/0", "m/1", "s"] },
  };
}

/** A step, an hour of sleep, and another step. */
export function sleeping(after: Trouble = {}): Plan {
  return {
    intents: () => [
      returning(plan("sleeping").step("s1", effectStep()).sleep("nap", { delay: "1h" }).step("s2", effectStep(after))),
    ],
    effects: { "model.sleeping": ["s1", "s2"] },
  };
}

/** A step, a wait of at most an hour for the signal `go`, and another step. */
export function waiting(onTimeout: "compensate" | "continue", after: Trouble = {}): Plan & Pick<Scenario, "signal"> {
  const go = { schema: jsonValue, timeout: "1h" } as const;
  return {
    intents: () => {
      const begun = plan("waiting").step("s1", effectStep());
      const waited =
        onTimeout === "continue" ? begun.await("go", { ...go, onTimeout }) : begun.await("go", { ...go, onTimeout });
      return [returning((waited as unknown as Builder).step("s2", effectStep(after)))];
    },
    effects: { "model.waiting": ["s1", "s2"] },
    signal: { name: "go", payload: { yes: true } },
  };
}

/** A child between two steps. */
export function calling(after: Trouble = {}, inChild: Trouble = {}): Plan {
  return {
    intents: () => {
      const child = returning(plan("child").step("c", effectStep(inChild)));
      const parent = plan("parent")
        .step("s1", effectStep())
        .call("call", { intent: child, input: () => ({}) });
      return [returning((parent as unknown as Builder).step("s2", effectStep(after))), child];
    },
    effects: { "model.parent": ["s1", "s2"], "model.child": ["c"] },
  };
}

/** A child that has nothing to do: it ends when it is accepted. */
export function callingNothing(after: Trouble = {}): Plan {
  return {
    intents: () => {
      const child = returning(plan("child").step("c", { ...effectStep(), when: () => false }));
      const parent = plan("parent").call("call", { intent: child, input: () => ({}) });
      return [returning((parent as unknown as Builder).step("s", effectStep(after))), child];
    },
    effects: { "model.parent": ["s"], "model.child": [] },
  };
}

/** A step that can be undone, a pivot, and a step that cannot. */
export function pastPivot(pivot: Trouble, after: Trouble): Plan {
  return {
    intents: () => [
      returning(
        plan("pivot")
          .step("s1", effectStep())
          .pivot("p", effectStep(pivot))
          .step("s2", { ...effectStep(after), undo: undefined as never }),
      ),
    ],
    effects: { "model.pivot": ["s1", "p", "s2"] },
  };
}

/** Nothing but an event. */
export function onlyTelling(): Plan {
  return {
    intents: () => [returning(plan("telling").emit("told", { event: () => ({ type: "told", data: {} }) }))],
    effects: { "model.telling": [] },
  };
}
