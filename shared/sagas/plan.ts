import type { StepContext } from "./step-context.ts";

/** One step of a plan: data that can be listed and drawn, and the function that does its work. */
export interface StepNode {
  readonly kind: "step";
  readonly name: string;
  readonly timeoutMs: number;
  /** Resolves to JSON; what it returns is recorded once. Types are checked where the plan is built. */
  readonly run: (ctx: StepContext<never, never>) => unknown;
}

/** A saga as static data: its nodes in the order in which they run. */
export interface SagaPlan {
  readonly nodes: readonly StepNode[];
}
