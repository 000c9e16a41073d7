import * as z from "zod";

import { rfc3339 } from "../../clock.ts";
import { capabilityAssignmentSchema, instanceMetadataSchema, restartPolicySchema } from "../../wasm/instance.ts";
import { instanceFactSchema } from "../../wasm/instance-facts.ts";
import type { InstanceFact } from "../../wasm/instance-facts.ts";
import type { InstanceRecord } from "../../wasm/instance-record.ts";

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
