import type * as z from "zod";

import { type Duration, durationMs } from "../duration.ts";
import { RuntimeError } from "../errors.ts";
import type { JsonObject } from "../json.ts";
import type { SagaPlan, StepNode } from "./plan.ts";
import type { StepContext } from "./step-context.ts";

/** Everything that is known of an intent type before any of it runs. */
export interface IntentDefinition {
  /** `<realm>.<intent>`. */
  readonly type: string;
  readonly realm: string;
  readonly name: string;
  readonly version: number;
  readonly description: string;
  readonly input: z.ZodType<JsonObject>;
  /** The names of the input's members. */
  readonly inputNames: readonly string[];
  readonly output: z.ZodType<JsonObject>;
  /** The input member that names the artifact which a pending intent is about. */
  readonly target: string | undefined;
  readonly plan: SagaPlan;
  /** The intent's output, from what its steps returned. */
  readonly result: (view: ResultView<never, never>) => JsonObject;
}

export interface ResultView<Input, Outputs> {
  readonly input: Input;
  readonly outputs: Outputs;
}

export interface IntentOptions<Input extends JsonObject, Output extends JsonObject> {
  readonly version: number;
  readonly description: string;
  readonly input: z.ZodType<Input> & { readonly shape: Readonly<Record<string, unknown>> };
  readonly output: z.ZodType<Output>;
  readonly target?: keyof Input & string;
}

export interface StepOptions<Input, Outputs, Output> {
  readonly run: (ctx: StepContext<Input, Outputs>) => Promise<Output> | Output;
  /** How long one attempt may take; default 60s. */
  readonly timeout?: Duration;
}

/** Builds an intent step by step; each step sees the typed outputs of the steps before it. */
export interface IntentBuilder<Input extends JsonObject, Output extends JsonObject, Outputs> {
  /** Throws `plan.duplicate_name` or `plan.bad_name` for a name that cannot stand in a log. */
  step<const Name extends string, StepOutput extends JsonObject>(
    name: Name,
    options: StepOptions<Input, Outputs, StepOutput>,
  ): IntentBuilder<Input, Output, Outputs & { readonly [key in Name]: StepOutput }>;
  /** Ends the plan with what the intent returns. Throws `plan.empty` for a plan without a step. */
  returns(result: (view: ResultView<Input, Outputs>) => Output): IntentDefinition;
}

const DEFAULT_STEP_TIMEOUT: Duration = "60s";
const NAME = /^[a-z][a-z0-9_]*$/;

/**
 * Begins the definition of an intent type, `<realm>.<intent>`.
 * A saga is data: nothing of it runs until an execution reaches it, and no code is ever replayed.
 */
export function intent<Input extends JsonObject, Output extends JsonObject>(
  type: `${string}.${string}`,
  options: IntentOptions<Input, Output>,
): IntentBuilder<Input, Output, unknown> {
  const [realm = "", name = "", ...rest] = type.split(".");
  if (!NAME.test(realm) || !NAME.test(name) || rest.length > 0) {
    throw new RuntimeError(
      "plan.bad_name",
      `${JSON.stringify(type)} is no intent type; write <realm>.<intent> in lower case.`,
    );
  }
  return builder({ type, realm, name, ...options }, []);
}

type Header<Input extends JsonObject, Output extends JsonObject> = IntentOptions<Input, Output> &
  Pick<IntentDefinition, "type" | "realm" | "name">;

function builder<Input extends JsonObject, Output extends JsonObject, Outputs>(
  header: Header<Input, Output>,
  nodes: readonly StepNode[],
): IntentBuilder<Input, Output, Outputs> {
  return {
    step: (name, { run, timeout = DEFAULT_STEP_TIMEOUT }) => {
      if (!NAME.test(name)) {
        throw new RuntimeError(
          "plan.bad_name",
          `${header.type}: ${JSON.stringify(name)} is no step name; write it in lower case.`,
        );
      }
      if (nodes.some((node) => node.name === name)) {
        throw new RuntimeError(
          "plan.duplicate_name",
          `${header.type} has two steps named ${name}; give each its own name.`,
        );
      }
      return builder(header, [...nodes, { kind: "step", name, timeoutMs: durationMs(timeout), run }]);
    },
    returns: (result) => {
      if (nodes.length === 0) throw new RuntimeError("plan.empty", `${header.type} has no step.`);
      return { ...header, inputNames: Object.keys(header.input.shape), target: header.target, plan: { nodes }, result };
    },
  };
}
