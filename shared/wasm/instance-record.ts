import * as z from "zod";

import { chainHeadSchema } from "../state/log-entry.ts";
import type { RecordKind } from "../state/record-kind.ts";
import {
  capabilityAssignmentSchema,
  instanceMetadataSchema,
  type InstanceStatus,
  restartPolicySchema,
} from "./instance.ts";
import type { InstanceState } from "./instance-facts.ts";

/** An instance as it rests: its metadata, what it was given, and what its facts amount to. Nothing of its memory. */
export const instanceRecordSchema = z.object({
  metadata: instanceMetadataSchema,
  restart_policy: restartPolicySchema,
  capabilities: z.array(capabilityAssignmentSchema),
  /**
   * The fencing token: raised whenever the instance is placed or started anew, carried by every call to it. What an earlier epoch
   * says of the instance is not recorded, and what it asks of capabilities is refused.
   */
  epoch: z.int().positive(),
  crash_count: z.int().nonnegative(),
  since_ms: z.int().optional(),
  last_error: z.string().optional(),
  /** When its policy restarts it. */
  restart_at_ms: z.int().optional(),
  chain: chainHeadSchema,
});
export type InstanceRecord = z.infer<typeof instanceRecordSchema>;

export const instanceKind: RecordKind<InstanceRecord> = {
  name: "wasm_instance",
  schema: instanceRecordSchema,
  facets: ({ metadata: { status, module_hash } }) => [
    statusFacet(status),
    moduleFacet(module_hash),
    ...(status === "stopped" ? [] : [LIVE]),
  ],
};

/** The listing of the instances that are not stopped. */
export const LIVE = "live";

export function statusFacet(status: InstanceStatus): string {
  return `status=${status}`;
}

/** The listing of the instances of a module. */
export function moduleFacet(digest: string): string {
  return `module=${digest}`;
}

export function stateOf({ metadata, crash_count, since_ms, last_error }: InstanceRecord): InstanceState {
  return { status: metadata.status, crashCount: crash_count, sinceMs: since_ms, lastError: last_error };
}
