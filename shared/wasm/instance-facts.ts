import * as z from "zod";

import { durationMs } from "../duration.ts";
import { idSchemas } from "../ids.ts";
import type { InstanceStatus } from "./instance.ts";

/** How long an instance must have run for its next crash to count as its first. */
export const HEALTHY_PERIOD_MS = durationMs("60s");

const base = { instance_id: idSchemas.instance, node_id: idSchemas.node, timestamp_ms: z.int().nonnegative() };

/** What happened to an instance, in the order in which it happened. Facts only: there is no desired state. */
export const instanceFactSchema = z.discriminatedUnion("fact_type", [
  z.object({ fact_type: z.literal("instance_started"), ...base }),
  z.object({ fact_type: z.literal("instance_stopped"), ...base }),
  z.object({ fact_type: z.literal("instance_crashed"), ...base, error: z.string() }),
  z.object({ fact_type: z.literal("instance_restarted"), ...base }),
]);
export type InstanceFact = Readonly<z.infer<typeof instanceFactSchema>>;

/** What an instance's facts amount to. */
export interface InstanceState {
  readonly status: InstanceStatus;
  /** In a row: a healthy period between two of them begins anew. */
  readonly crashCount: number;
  /** Since when it is in its status; undefined before its first fact. */
  readonly sinceMs: number | undefined;
  readonly lastError: string | undefined;
}

export const NEW_INSTANCE: InstanceState = {
  status: "starting",
  crashCount: 0,
  sinceMs: undefined,
  lastError: undefined,
};

/**
 * The state after one more fact; undefined for a fact that cannot follow, which then must not be recorded.
 *  - `stopped` absorbs.
 *  - A restart follows a crash, or the loss of the node that the instance ran on; only a crash counts.
 */
export function applyFact(state: InstanceState, fact: InstanceFact): InstanceState | undefined {
  const { status } = state;
  if (status === "stopped") return undefined;
  const sinceMs = fact.timestamp_ms;
  switch (fact.fact_type) {
    case "instance_started":
      return status === "starting" ? { ...state, status: "running", sinceMs } : undefined;
    case "instance_restarted":
      return status === "starting" ? undefined : { ...state, status: "running", sinceMs };
    case "instance_stopped":
      return { ...state, status: "stopped", sinceMs };
    case "instance_crashed":
      if (status === "crashed") return undefined;
      return { status: "crashed", crashCount: crashesAt(state, sinceMs) + 1, sinceMs, lastError: fact.error };
  }
}

/** The fold of all facts of an instance; facts that cannot follow are left out. */
export function foldFacts(facts: readonly InstanceFact[]): InstanceState {
  return facts.reduce((state, fact) => applyFact(state, fact) ?? state, NEW_INSTANCE);
}

/** How many crashes in a row count at a time: none any more once the instance has run for a healthy period. */
export function crashesAt({ status, crashCount, sinceMs }: InstanceState, nowMs: number): number {
  const healthy = status === "running" && sinceMs !== undefined && nowMs - sinceMs >= HEALTHY_PERIOD_MS;
  return healthy ? 0 : crashCount;
}
