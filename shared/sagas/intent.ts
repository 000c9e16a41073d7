import type * as z from "zod";

import { type Duration, durationMs } from "../duration.ts";
import { RuntimeError } from "../errors.ts";
import type { JsonObject, JsonValue } from "../json.ts";
import type { Role } from "../roles.ts";
import type { Durability } from "../ports/execution-store.ts";
import type { IntentDefinition, IntentSurface } from "./intent-definition.ts";
import type { Checkpoint, FailurePolicy, PlanNode, PlanView, Work } from "./plan.ts";
import type { JourneyMap } from "./journey.ts";
import { type RetryOptions, retryPolicy } from "./retry-policy.ts";
import type { EmittedEvent, StepContext, UndoContext } from "./step-context.ts";
import { checkPlan } from "./check-plan.ts";
import { describePlan } from "./describe-plan.ts";
import { outlineOf } from "./diff-plans.ts";
import { type FunctionResources, functionResources } from "./function-resources.ts";
import { type WasmOptions, wasmWork } from "./wasm-step.ts";

export interface IntentOptions<Input extends JsonObject, Output extends JsonObject, Schema = unknown> {
  readonly version: number;
  readonly description: string;
  /** The least role that may submit it; default `submitter`. */
  readonly role?: Role;
  readonly input: Schema & z.ZodType<Input> & { readonly shape: Readonly<Record<string, unknown>> };
  readonly output: z.ZodType<Output>;
  /** The data of each event that its steps emit, by the event's type: what subscribers can rely on, told in /asyncapi.json. */
  readonly events?: Readonly<Record<string, z.ZodType>>;
  /** The input member that names the artifact which a pending intent of this type is about, and the type that the artifact must have. */
  readonly target?: { readonly input: keyof Input & string; readonly artifactType: string };
  /** The request timeout of the intent's function; default 60m, Cloud Run's longest. */
  readonly functionTimeout?: Duration;
  /** What its function is deployed with; default 512 MB, 1 CPU, 40 requests at a time, up to 20 instances and none kept. */
  readonly resources?: Partial<FunctionResources>;
  /** How long the execution may take, waiting included; default 400d, the log's retention. */
  readonly timeout?: Duration;
  /** `ends` for a plan of idempotent steps: 2 commits, whatever its length. */
  readonly checkpoint?: Checkpoint;
  /**
   * `fast`: in a store of several tiers Redis alone accepts and commits it, in one round trip, and it is archived behind; what was
   * not archived yet is lost when Redis is. It changes no records (artifacts, state) and undoes nothing. Default `strict`:
   * what is accepted survives.
   */
  readonly durability?: Durability;
  /**
   * Whether an execution of it may name a subject, default no. Its plan has steps only; and what its steps keep outside their
   * results, events and artifacts, they must not take from the subject's data.
   */
  readonly sealable?: boolean;
  /**
   * The milestones that its nodes reach. What the nodes have done then stays when a later one fails: only that one is undone, and a
   * retry goes on from it, in the same trace. `GET /journey/{trace_id}` tells how far it is.
   */
  readonly journey?: JourneyMap;
  /**
   * At most `limit` executions whose inputs have the same key are under way at a time, from 1 to 100; one more is refused with
   * `policy.concurrency` (429). An intent that has it cannot be called as a child.
   */
  readonly concurrency?: { readonly key: (input: Input) => string; readonly limit: number };
}

type Condition<Input, Outputs> = { readonly when?: (view: PlanView<Input, Outputs>) => boolean };

export interface WorkOptions<Input, Outputs, Output> {
  readonly run: (ctx: StepContext<Input, Outputs>) => Promise<Output> | Output;
  /** Undoes the step's effect, or buries its key: it also runs for a step that was begun and never finished. */
  readonly undo?: (ctx: UndoContext<Input, Outputs, Output>) => unknown;
  /** How long one attempt may take; default 60s. */
  readonly timeout?: Duration;
  readonly retry?: RetryOptions;
  readonly semantics?: "at-least-once" | "at-most-once";
}

export interface ItemOptions<Input, Outputs, Item, Output> extends Omit<WorkOptions<Input, Outputs, Output>, "run"> {
  readonly over: (view: PlanView<Input, Outputs>) => readonly Item[];
  readonly run: (ctx: StepContext<Input, Outputs>, item: Item) => Promise<Output> | Output;
  /** How many items are at work at a time; default 5. */
  readonly concurrency?: number;
}

/** How one member of a group went, where the group collects failures. */
export type Collected<Output> =
  | { readonly ok: true; readonly output: Output }
  | { readonly ok: false; readonly error: { readonly code: string; readonly message: string } };

type Branches<Input, Outputs> = Readonly<Record<string, WorkOptions<Input, Outputs, JsonObject>>>;
type BranchOutput<Branch> = Branch extends { readonly run: (...args: never) => infer Result } ? Awaited<Result> : never;
type With<Outputs, Name extends string, Output> = Outputs & { readonly [key in Name]: Output };
/** A node with a condition may have been skipped. */
type Maybe<Options, Output> = Options extends { readonly when: unknown } ? Output | null : Output;

/** Builds an intent node by node; each sees the typed outputs of the nodes before it. */
export interface IntentBuilder<
  Input extends JsonObject,
  Output extends JsonObject,
  Outputs,
  Surface extends IntentSurface = IntentSurface,
> {
  step<const Name extends string, StepOutput extends JsonObject, Options extends Condition<Input, Outputs>>(
    name: Name,
    options: WorkOptions<Input, Outputs, StepOutput> & Options,
  ): IntentBuilder<Input, Output, With<Outputs, Name, Maybe<Options, StepOutput>>, Surface>;
  /** A step after whose completion the saga only goes forward: nothing is undone any more, so nothing after it has an undo. */
  pivot<const Name extends string, StepOutput extends JsonObject>(
    name: Name,
    options: WorkOptions<Input, Outputs, StepOutput>,
  ): IntentBuilder<Input, Output, With<Outputs, Name, StepOutput>, Surface>;
  /** A step that a guest does: one of the tenant's modules, sealed. It runs at least once, and is recorded like any step. */
  wasm<const Name extends string, StepOutput extends JsonObject, Options extends Condition<Input, Outputs>>(
    name: Name,
    options: WasmOptions<Input, Outputs, StepOutput> & Options,
  ): IntentBuilder<Input, Output, With<Outputs, Name, Maybe<Options, StepOutput>>, Surface>;
  /** Waits for the signal of its name; one that was sent before is waiting already. */
  await<const Name extends string, Payload extends JsonValue>(
    name: Name,
    options: {
      readonly schema: z.ZodType<Payload>;
      readonly timeout: Duration;
      readonly onTimeout: "continue";
    } & Condition<Input, Outputs>,
  ): IntentBuilder<Input, Output, With<Outputs, Name, Payload | null>, Surface>;
  await<const Name extends string, Payload extends JsonValue, Options extends Condition<Input, Outputs>>(
    name: Name,
    options: {
      readonly schema: z.ZodType<Payload>;
      readonly timeout?: Duration;
      readonly onTimeout?: "compensate";
    } & Options,
  ): IntentBuilder<Input, Output, With<Outputs, Name, Maybe<Options, Payload>>, Surface>;
  sleep(
    name: string,
    options: { readonly delay: Duration } & Condition<Input, Outputs>,
  ): IntentBuilder<Input, Output, Outputs, Surface>;
  parallel<
    const Name extends string,
    const Named extends Branches<Input, Outputs>,
    Options extends Condition<Input, Outputs>,
  >(
    name: Name,
    options: { readonly branches: Named; readonly onFailure?: "fail_fast" } & Options,
  ): IntentBuilder<
    Input,
    Output,
    With<Outputs, Name, Maybe<Options, { readonly [key in keyof Named]: BranchOutput<Named[key]> }>>,
    Surface
  >;
  parallel<
    const Name extends string,
    const Named extends Branches<Input, Outputs>,
    Options extends Condition<Input, Outputs>,
  >(
    name: Name,
    options: { readonly branches: Named; readonly onFailure: "collect" } & Options,
  ): IntentBuilder<
    Input,
    Output,
    With<Outputs, Name, Maybe<Options, { readonly [key in keyof Named]: Collected<BranchOutput<Named[key]>> }>>,
    Surface
  >;
  map<
    const Name extends string,
    Item extends JsonValue,
    ItemOutput extends JsonObject,
    Options extends Condition<Input, Outputs>,
  >(
    name: Name,
    options: ItemOptions<Input, Outputs, Item, ItemOutput> & { readonly onFailure?: "fail_fast" } & Options,
  ): IntentBuilder<Input, Output, With<Outputs, Name, Maybe<Options, readonly ItemOutput[]>>, Surface>;
  map<
    const Name extends string,
    Item extends JsonValue,
    ItemOutput extends JsonObject,
    Options extends Condition<Input, Outputs>,
  >(
    name: Name,
    options: ItemOptions<Input, Outputs, Item, ItemOutput> & { readonly onFailure: "collect" } & Options,
  ): IntentBuilder<Input, Output, With<Outputs, Name, Maybe<Options, readonly Collected<ItemOutput>[]>>, Surface>;
  /** Runs another intent as a child; its output is this node's. */
  call<
    const Name extends string,
    ChildInput extends JsonObject,
    ChildOutput extends JsonObject,
    Options extends Condition<Input, Outputs>,
  >(
    name: Name,
    options: {
      readonly intent: IntentDefinition<ChildInput, ChildOutput>;
      readonly input: (view: PlanView<Input, Outputs>) => ChildInput;
    } & Options,
  ): IntentBuilder<Input, Output, With<Outputs, Name, Maybe<Options, ChildOutput>>, Surface>;
  emit(
    name: string,
    options: { readonly event: (view: PlanView<Input, Outputs>) => EmittedEvent } & Condition<Input, Outputs>,
  ): IntentBuilder<Input, Output, Outputs, Surface>;
  /** Ends the plan with what the intent returns. Throws `plan.*` for a plan that cannot work, saying why. */
  returns(result: (view: PlanView<Input, Outputs>) => Output): IntentDefinition<Input, Output, Surface>;
}

const MAX_CONCURRENCY = 100;
const NAME = /^[a-z][a-z0-9_]*$/;
const DEFAULT_CONCURRENCY = 5;

/**
 * Begins the definition of an intent type, `<realm>.<intent>`.
 * A saga is data: nothing of it runs until an execution reaches it, and no code is ever replayed.
 */
export function intent<
  Input extends JsonObject,
  Output extends JsonObject,
  const Type extends `${string}.${string}` = `${string}.${string}`,
  Schema = unknown,
>(
  type: Type,
  options: IntentOptions<Input, Output, Schema>,
): IntentBuilder<Input, Output, unknown, { readonly type: Type; readonly input: z.input<Schema> }> {
  const [realm = "", name = "", ...rest] = type.split(".");
  if (!NAME.test(realm) || !NAME.test(name) || rest.length > 0) {
    throw new RuntimeError(
      "plan.bad_name",
      `${JSON.stringify(type)} is no intent type; write <realm>.<intent> in lower case.`,
    );
  }
  const { limit = 1 } = options.concurrency ?? {};
  if (!Number.isInteger(limit) || limit < 1 || limit > MAX_CONCURRENCY) {
    throw new RuntimeError(
      "plan.bad_concurrency",
      `${type}: from 1 to ${MAX_CONCURRENCY} may run at a time, not ${limit}.`,
    );
  }
  const header = {
    type,
    realm,
    name,
    version: options.version,
    description: options.description,
    role: options.role ?? "submitter",
    input: options.input,
    inputNames: Object.keys(options.input.shape),
    output: options.output,
    events: options.events ?? {},
    target: options.target,
    functionTimeoutMs: durationMs(options.functionTimeout ?? "60m"),
    resources: functionResources(type, options.resources),
    timeoutMs: durationMs(options.timeout ?? "400d"),
    durability: options.durability ?? "strict",
    sealable: options.sealable ?? false,
    concurrency: options.concurrency,
    journey: options.journey,
  };
  return createBuilder(header, options.checkpoint ?? "each", []) as never;
}

function callOf({ intent: { type, durability }, input }: Erased): object {
  return { kind: "call", intentType: type, durability, input };
}

type Header = Omit<IntentDefinition, "plan" | "outline" | "result">;
/** Options of any node, whose types the interface above has checked. */
interface Erased extends Omit<WorkOptions<never, never, JsonObject>, "run"> {
  readonly run: Work["run"];
  readonly when?: PlanNode["when"];
  readonly schema: z.ZodType<JsonValue>;
  readonly onTimeout?: "compensate" | "continue";
  readonly delay: Duration;
  readonly branches: Readonly<Record<string, Erased>>;
  readonly onFailure?: FailurePolicy;
  readonly over: unknown;
  readonly concurrency?: number;
  readonly intent: IntentDefinition;
  readonly input: unknown;
  readonly event: unknown;
}

function createBuilder(header: Header, checkpoint: Checkpoint, nodes: readonly PlanNode[]): object {
  const add = (name: string, { when }: Erased, node: object): object => {
    if (!NAME.test(name)) {
      throw new RuntimeError(
        "plan.bad_name",
        `${header.type}: ${JSON.stringify(name)} is no name of a step; write it in lower case.`,
      );
    }
    return createBuilder(header, checkpoint, [...nodes, { ...node, name, when } as PlanNode]);
  };
  return {
    step: (name: string, options: Erased) => add(name, options, { kind: "step", pivot: false, ...workOf(options) }),
    pivot: (name: string, options: Erased) => add(name, options, { kind: "step", pivot: true, ...workOf(options) }),
    wasm: (name: string, options: Erased & WasmOptions<never, never, JsonObject>) =>
      add(name, options, { kind: "step", pivot: false, ...wasmWork(header.type, name, options) }),
    await: (name: string, options: Erased) => {
      const timeoutMs = options.timeout === undefined ? undefined : durationMs(options.timeout);
      const { schema, onTimeout = "compensate" } = options;
      return add(name, options, { kind: "await", schema, timeoutMs, onTimeout });
    },
    sleep: (name: string, options: Erased) => add(name, options, { kind: "sleep", delayMs: durationMs(options.delay) }),
    parallel: (name: string, options: Erased) => {
      const works = Object.entries(options.branches).map(([branch, each]) => [branch, workOf(each)] as const);
      const branches: Record<string, Work> = Object.fromEntries(works);
      return add(name, options, {
        kind: "parallel",
        branches,
        onFailure: options.onFailure ?? "fail_fast",
      });
    },
    map: (name: string, options: Erased) => {
      const { over, concurrency = DEFAULT_CONCURRENCY, onFailure = "fail_fast" } = options;
      return add(name, options, { kind: "map", over, concurrency, onFailure, work: workOf(options) });
    },
    call: (name: string, options: Erased) => add(name, options, callOf(options)),
    emit: (name: string, options: Erased) => add(name, options, { kind: "emit", event: options.event }),
    returns: (result: IntentDefinition["result"]) => {
      const plan = { nodes, checkpoint };
      return checkPlan({ ...header, plan, outline: outlineOf(describePlan({ ...header, plan })), result });
    },
  };
}

function workOf({ run, undo, timeout, retry, semantics = "at-least-once" }: Erased): Work {
  return { run, undo, timeoutMs: durationMs(timeout ?? "60s"), retry: retryPolicy(retry), semantics };
}
