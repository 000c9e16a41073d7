import * as z from "zod";

import { idSchemas } from "../ids.ts";
import { PROVIDER_TYPES } from "../ports/wasm-capabilities.ts";

const sha256Schema = z.string().regex(/^[0-9a-f]{64}$/, "must be a lower-case hex SHA-256");

export const INSTANCE_STATUSES = ["starting", "running", "stopped", "crashed"] as const;
export type InstanceStatus = (typeof INSTANCE_STATUSES)[number];

/** An instance as it is: its status is what was observed, never what was wished for. */
export const instanceMetadataSchema = z.object({
  instance_id: idSchemas.instance,
  tenant_id: z.string().min(1),
  /** The node that it runs on. */
  node_id: idSchemas.node,
  module_hash: sha256Schema,
  created_at: z.iso.datetime(),
  status: z.enum(INSTANCE_STATUSES),
});
export type InstanceMetadata = Readonly<z.infer<typeof instanceMetadataSchema>>;

/** A capability that an instance was given. */
export const capabilityAssignmentSchema = z.object({
  instance_id: idSchemas.instance,
  capability_id: z.string().min(1).max(128),
  provider_type: z.enum(PROVIDER_TYPES),
  permissions: z.array(z.string().min(1).max(300)).min(1).max(64),
});
export type CapabilityAssignment = Readonly<z.infer<typeof capabilityAssignmentSchema>>;

export const restartPolicySchema = z.object({
  policy_type: z.enum(["never", "always", "on_failure"]),
  /** Absent means without end. */
  max_retries: z.int().min(0).max(1_000_000).optional(),
  backoff_seconds: z.number().min(0).max(300).default(5),
});
export type RestartPolicy = Readonly<z.infer<typeof restartPolicySchema>>;

export const DEFAULT_RESTART_POLICY: RestartPolicy = { policy_type: "never", backoff_seconds: 5 };
