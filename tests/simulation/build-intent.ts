import * as z from "zod";

import type { JsonObject, JsonValue } from "../../shared/json.ts";
import { jsonObject } from "../../shared/json.ts";
import { intent } from "../../shared/sagas/intent.ts";
import type { IntentDefinition } from "../../shared/sagas/intent-definition.ts";
import { RetryableError, TerminalError } from "../../shared/sagas/retry-policy.ts";
import type { StepContext, UndoContext } from "../../shared/sagas/step-context.ts";
import type { NodeSpec, PlanSpec, WorkSpec } from "./plan-spec.ts";

/** What the code of a step touches. */
export interface StepWorld {
  /** Waits, on the worker that runs the step. */
  pause(ms: number): Promise<void>;
  /** How often the undo of a key was tried, by whomever: what is broken gets repaired in the end. */
  readonly undoTries: Map<string, number>;
}

const LARGE = "x".repeat(130 * 1024);
const RETRY = { maxAttempts: 6, initialDelay: "50ms", maxDelay: "2s" };
const GIVES_UP_SOON = { timeout: "8s", retry: { ...RETRY, maxAttempts: 2 } };

/** The builder with its types forgotten: these plans are made of data. */
type Loose = {
  readonly [kind in "step" | "pivot" | "parallel" | "map" | "await" | "sleep" | "call" | "emit"]: (
    name: string,
    options: object,
  ) => Loose;
} & { returns(result: (view: { readonly outputs: JsonObject }) => JsonObject): IntentDefinition };

function begin(type: `${string}.${string}`, checkpoint: "each" | "ends"): Loose {
  const input = z.object({});
  const options = { version: 1, description: "simulated", input, output: jsonObject, checkpoint };
  return intent<JsonObject, JsonObject>(type, options) as unknown as Loose;
}

/** The intent `sim.plan_<index>` of a spec, and those that it calls. */
export function buildIntents(spec: PlanSpec, index: number, world: StepWorld): readonly IntentDefinition[] {
  const children: IntentDefinition[] = [];
  let plan = begin(planType(index), spec.ends ? "ends" : "each");
  let pastPivot = false;
  for (const [position, node] of spec.nodes.entries()) {
    plan = add(plan, { node, name: `n${position}`, pastPivot }, world, ({ child, grandchild }) => {
      const type = `sim.plan_${index}_child_${position}` as const;
      const inner = grandchild.length === 0 ? undefined : linear(`${type}_child`, grandchild, world);
      const outer = linear(type, child, world, inner);
      children.push(outer, ...(inner === undefined ? [] : [inner]));
      return outer;
    });
    pastPivot ||= node.kind === "pivot";
  }
  return [plan.returns(({ outputs }) => outputs), ...children];
}

/** Steps in a row; after the first of them another intent is called, if there is one. */
function linear(
  type: `${string}.${string}`,
  works: readonly WorkSpec[],
  world: StepWorld,
  called?: IntentDefinition,
): IntentDefinition {
  let plan = begin(type, "each");
  for (const [at, work] of works.entries()) {
    plan = plan.step(`n${at}`, workOf(work, world));
    if (at === 0 && called !== undefined) plan = plan.call("call", { intent: called, input: () => ({}) });
  }
  return plan.returns(({ outputs }) => outputs);
}

export function planType(index: number): `${string}.${string}` {
  return `sim.plan_${index}`;
}

interface Placed {
  readonly node: NodeSpec;
  readonly name: string;
  /** Nothing is undone any more. */
  readonly pastPivot: boolean;
}

function add(
  plan: Loose,
  { node, name, pastPivot }: Placed,
  world: StepWorld,
  childOf: (spec: NodeSpec & { readonly kind: "call" }) => IntentDefinition,
): Loose {
  const when = node.skipped ? { when: () => false } : {};
  const work = (spec: WorkSpec): object => workOf(pastPivot ? withoutUndo(spec) : spec, world);
  switch (node.kind) {
    case "step":
      return plan.step(name, { ...work(node.work), ...when });
    case "pivot":
      return plan.pivot(name, { ...workOf(withoutUndo(node.work), world), ...when });
    case "parallel": {
      const branches = Object.fromEntries(node.works.map((spec, at) => [`b${at}`, work(spec)]));
      return plan.parallel(name, { branches, ...failure(node), ...when });
    }
    case "map": {
      // One work for all items: what is done is the item's own.
      const undo = (ctx: Undo): unknown => undoOf(node.works[memberOf(ctx)] ?? node.works[0], world)(ctx);
      const run = (ctx: Context, item: number): unknown => runOf(node.works[item] as WorkSpec, world)(ctx);
      const undoable = !pastPivot && node.works.some((spec) => spec.undo !== undefined);
      const { concurrency } = node;
      return plan.map(name, {
        over: () => node.works.map((_, item) => item),
        concurrency,
        run,
        ...limits(node.works),
        ...(undoable ? { undo } : {}),
        ...failure(node),
        ...when,
      });
    }
    case "sleep":
      return plan.sleep(name, { delay: `${node.ms}ms`, ...when });
    case "await": {
      const timeout = node.timeoutMs === undefined ? {} : { timeout: `${node.timeoutMs}ms` };
      const onTimeout = node.compensates ? "compensate" : "continue";
      return plan.await(name, { schema: z.string(), ...timeout, onTimeout, ...when });
    }
    case "call":
      return plan.call(name, { intent: childOf(node), input: () => ({}), ...when });
    case "emit":
      return plan.emit(name, { event: () => ({ type: "told", data: { name } }), ...when });
  }
}

type Context = StepContext<JsonObject, JsonObject>;
type Undo = UndoContext<JsonObject, JsonObject, JsonValue>;

function workOf(spec: WorkSpec, world: StepWorld): object {
  return {
    run: runOf(spec, world),
    ...(spec.undo === undefined ? {} : { undo: undoOf(spec, world) }),
    ...limits([spec]),
    semantics: spec.once ? "at-most-once" : "at-least-once",
  };
}

function runOf({ fate, ms, large, emits }: WorkSpec, world: StepWorld) {
  return async (ctx: Context): Promise<JsonObject> => {
    if (emits) ctx.emit("worked", { key: ctx.key });
    await world.pause(Math.ceil(ms / 2));
    await ctx.effects.apply({ attempt: ctx.attempt });
    await world.pause(Math.ceil(ms / 2));
    if (fate.kind === "hangs") await world.pause(1e9);
    if (fate.kind === "fails") throw new TerminalError("test.fails", "It fails.");
    if (fate.kind === "flaky" && ctx.attempt <= fate.failures) throw new RetryableError("test.flaky", "Not yet.");
    return large ? { large: LARGE } : {};
  };
}

function undoOf(spec: WorkSpec | undefined, { undoTries }: StepWorld) {
  return async (ctx: Undo): Promise<void> => {
    const tries = undoTries.get(ctx.key) ?? 0;
    undoTries.set(ctx.key, tries + 1);
    if (tries < (spec?.undo ?? 0)) throw new RetryableError("test.undo_fails", "Not yet.");
    await ctx.effects.undo();
  };
}

/** What hangs is waited for less long. */
function limits(works: readonly WorkSpec[]): object {
  return works.some(({ fate }) => fate.kind === "hangs") ? GIVES_UP_SOON : { retry: RETRY };
}

function memberOf({ key }: Undo): number {
  return Number(key.slice(key.lastIndexOf("/") + 1));
}

function withoutUndo({ undo: _, ...rest }: WorkSpec): WorkSpec {
  return rest;
}

function failure({ collect }: { readonly collect: boolean }): object {
  return { onFailure: collect ? "collect" : "fail_fast" };
}
