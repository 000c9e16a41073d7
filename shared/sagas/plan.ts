import type * as z from "zod";

import type { JsonObject, JsonValue } from "../json.ts";
import type { Durability } from "../ports/execution-store.ts";
import type { CapabilityGrant } from "../wasm/capability-grant.ts";
import type { RetryPolicy } from "./retry-policy.ts";
import type { EmittedEvent, StepContext, UndoContext } from "./step-context.ts";

/** What the conditions, lists and inputs of a plan are computed from; recorded facts only. */
export interface PlanView<Input = never, Outputs = never> {
  readonly input: Input;
  readonly outputs: Outputs;
}

/** The functions of a plan have forgotten their types: the builder checked them against what they are given. */
type Of<Result> = (view: PlanView) => Result;

/** What a guest does in a step's stead: a module, pinned by the SHA-256 of its bytes, with nothing but these capabilities. */
export interface GuestWork {
  readonly sha256: string;
  readonly exportName: string | undefined;
  readonly capabilities: readonly CapabilityGrant[];
  /** How long the guest may run. */
  readonly timeoutMs: number;
  readonly output: z.ZodType<JsonObject>;
}

/** The work of a step: done, undone, tried again. */
export interface Work {
  /** With a guest, it gives the guest's input. */
  readonly run: (ctx: StepContext<never, never>, item?: never) => unknown;
  readonly guest?: GuestWork;
  readonly undo: ((ctx: UndoContext<never, never, never>) => unknown) | undefined;
  readonly timeoutMs: number;
  readonly retry: RetryPolicy;
  /** At most once: never begun anew after its outcome was lost; the saga compensates instead. */
  readonly semantics: "at-least-once" | "at-most-once";
}

interface NodeBase {
  readonly name: string;
  /** Skipped, with the output null, unless it holds when the saga comes to it. */
  readonly when: Of<boolean> | undefined;
}

/** One piece of work. After a pivot has completed the saga only goes forward. */
export interface StepNode extends NodeBase, Work {
  readonly kind: "step";
  readonly pivot: boolean;
}

/** Waits for a signal of its own name. */
export interface AwaitNode extends NodeBase {
  readonly kind: "await";
  readonly schema: z.ZodType<JsonValue>;
  readonly timeoutMs: number | undefined;
  /** What a timeout means: the saga fails and compensates, or goes on with the output null. */
  readonly onTimeout: "compensate" | "continue";
}

export interface SleepNode extends NodeBase {
  readonly kind: "sleep";
  readonly delayMs: number;
}

/** How a group of works takes the failure of one: the whole fails, or each result says how it went. */
export type FailurePolicy = "fail_fast" | "collect";

/** Several works side by side; `parallel/branch` is the name of each. */
export interface ParallelNode extends NodeBase {
  readonly kind: "parallel";
  readonly branches: Readonly<Record<string, Work>>;
  readonly onFailure: FailurePolicy;
}

/** One work for each item of a list, at most `concurrency` at a time; `map/0`, `map/1` … are their names. */
export interface MapNode extends NodeBase {
  readonly kind: "map";
  readonly over: Of<readonly JsonValue[]>;
  readonly concurrency: number;
  readonly onFailure: FailurePolicy;
  readonly work: Work;
}

/** Another intent as a step: a child execution of the same session, cancelled with its parent. */
export interface CallNode extends NodeBase {
  readonly kind: "call";
  readonly intentType: string;
  /** The child's: one that may be lost is looked at from time to time. */
  readonly durability: Durability;
  readonly input: Of<JsonObject>;
}

/** An event, committed with the step before it. */
export interface EmitNode extends NodeBase {
  readonly kind: "emit";
  readonly event: Of<EmittedEvent>;
}

export type PlanNode = StepNode | AwaitNode | SleepNode | ParallelNode | MapNode | CallNode | EmitNode;

/** When results are committed: each with the start of what follows it (n + 1 commits), or all at the end (2 commits). */
export type Checkpoint = "each" | "ends";

/** A saga as static data: its nodes in the order in which they run. */
export interface SagaPlan {
  readonly nodes: readonly PlanNode[];
  readonly checkpoint: Checkpoint;
}

/** A plan's outline, small enough to be written into the log of every execution: `<node>#<digest of its description>` in order. */
export interface PlanOutline {
  readonly version: number;
  readonly nodes: readonly string[];
}
