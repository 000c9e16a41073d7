import type * as z from "zod";

import type { JsonObject } from "../json.ts";
import type { Role } from "../roles.ts";
import type { Durability } from "../ports/execution-store.ts";
import type { FunctionResources } from "./function-resources.ts";
import type { JourneyMap } from "./journey.ts";
import type { PlanOutline, PlanView, SagaPlan } from "./plan.ts";

/** What callers of an intent type see at compile time: its name, and its input before defaults. */
export interface IntentSurface {
  readonly type: string;
  readonly input: unknown;
}

/** Everything that is known of an intent type before any of it runs. */
export interface IntentDefinition<
  Input extends JsonObject = JsonObject,
  Output extends JsonObject = JsonObject,
  Surface extends IntentSurface = IntentSurface,
> {
  /** `<realm>.<intent>`. */
  readonly type: Surface["type"];
  readonly realm: string;
  readonly name: string;
  readonly version: number;
  readonly description: string;
  /** The least role that may submit it. */
  readonly role: Role;
  readonly input: z.ZodType<Input, Surface["input"]>;
  /** The names of the input's members. */
  readonly inputNames: readonly string[];
  readonly output: z.ZodType<Output>;
  /** The data of each event that its steps emit, by the event's type. */
  readonly events: Readonly<Record<string, z.ZodType>>;
  /** The input member that names the artifact which a pending intent is about, and the artifact's type. */
  readonly target: { readonly input: string; readonly artifactType: string } | undefined;
  /** What one invocation of the intent's function may take: no step may be longer. */
  readonly functionTimeoutMs: number;
  readonly resources: FunctionResources;
  /** What the whole execution may take, waiting included. */
  readonly timeoutMs: number;
  readonly durability: Durability;
  /** Whether it may name a subject: all that it keeps is sealed then. */
  readonly sealable: boolean;
  /** How many unfinished executions there may be of one key; undefined for as many as come. */
  readonly concurrency: { readonly key: (input: never) => string; readonly limit: number } | undefined;
  /** Of an intent with a journey: what its steps did stays when it fails. */
  readonly journey: JourneyMap | undefined;
  readonly plan: SagaPlan;
  readonly outline: PlanOutline;
  /** The intent's output, from what its nodes returned. */
  readonly result: (view: PlanView) => JsonObject;
}
