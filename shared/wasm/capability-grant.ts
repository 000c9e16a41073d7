import type { InstanceId } from "../ids.ts";
import type { ProviderType } from "../ports/wasm-capabilities.ts";
import { wasmError } from "../wasm-error.ts";
import { unknownPermissions } from "./capability-rules.ts";
import type { CapabilityAssignment } from "./instance.ts";

export interface CapabilityGrant {
  readonly providerType: ProviderType;
  readonly permissions: readonly string[];
}

export function assignmentOf(
  instanceId: InstanceId,
  capabilityId: string,
  { providerType, permissions }: CapabilityGrant,
): CapabilityAssignment {
  return {
    instance_id: instanceId,
    capability_id: capabilityId,
    provider_type: providerType,
    permissions: [...permissions],
  };
}

/** Throws INVALID_REQUEST for no permission, and for one that the provider does not have. */
export function checkGrant({ providerType, permissions }: CapabilityGrant): void {
  const unknown = unknownPermissions(providerType, permissions);
  if (permissions.length > 0 && unknown.length === 0) return;
  const what =
    unknown.length === 0
      ? "A capability has at least one permission"
      : `There is no permission ${unknown[0]} of the provider ${providerType}`;
  throw wasmError("INVALID_REQUEST", `${what}.`, { reason: "permissions", details: { permissions: [...unknown] } });
}
