import * as z from "zod";

import { rfc3339 } from "../../clock.ts";
import { asId, type InstanceId } from "../../ids.ts";
import { PROVIDER_TYPES } from "../../ports/wasm-capabilities.ts";
import { capabilityAssignmentSchema, instanceMetadataSchema, restartPolicySchema } from "../../wasm/instance.ts";
import { type InstanceFact, instanceFactSchema } from "../../wasm/instance-facts.ts";
import type { InstanceRecord } from "../../wasm/instance-record.ts";

/** The instance that a path names. */
export function instanceIn(params: Readonly<Record<string, string>>): InstanceId {
  return asId.instance(params["instance_id"] ?? "");
}

/** A capability as callers ask for it. */
export const capabilityBody = {
  provider_type: z.enum(PROVIDER_TYPES),
  permissions: z.array(z.string().min(1).max(300)).min(1).max(64),
};

/** An instance as callers see it: what it is, apart from what it was given. */
export const instanceAnswer = z.object({
  instance: instanceMetadataSchema,
  restart_policy: restartPolicySchema,
  capabilities: z.array(capabilityAssignmentSchema),
  crash_count: z.int().describe("crashes in a row"),
  last_error: z.string().optional(),
  restart_at: z.string().optional().describe("when its policy restarts it"),
});

export function instanceJson(record: InstanceRecord): z.infer<typeof instanceAnswer> {
  const { metadata, restart_policy, capabilities, crash_count, last_error, restart_at_ms } = record;
  return {
    instance: metadata,
    restart_policy,
    capabilities,
    crash_count,
    ...(last_error === undefined ? {} : { last_error }),
    ...(restart_at_ms === undefined ? {} : { restart_at: rfc3339(restart_at_ms) }),
  };
}

export const factAnswer = z.object({
  fact_type: z.enum(instanceFactSchema.options.map(({ shape }) => shape.fact_type.value)),
  instance_id: z.string(),
  node_id: z.string(),
  error: z.string().optional(),
  timestamp: z.string(),
});

export function factJson({ timestamp_ms, ...fact }: InstanceFact): z.infer<typeof factAnswer> {
  return { ...fact, timestamp: rfc3339(timestamp_ms) };
}
