import type { InstanceId, TenantId } from "../ids.ts";
import { errorFields, type Logger } from "../logger.ts";
import type { CapabilityCall, CapabilityReply, GuestIdentity } from "../ports/wasm-capabilities.ts";
import { decideCall } from "./capability-rules.ts";
import type { CapabilityAssignment } from "./instance.ts";
import type { ProviderRegistry } from "./provider-registry.ts";

/** Where the capabilities of an instance stand, as they are now. */
export interface AssignmentSource {
  assignmentsOf(tenantId: TenantId, instanceId: InstanceId): Promise<readonly CapabilityAssignment[]>;
}

/**
 * The one way from a guest to a provider.
 *  B1  Permission is decided for each call, by the assignments as they are at that moment: a revocation bites on the next call.
 *  B2  A guest acts as its own tenant and instance, whatever it says.
 *  B3  Every call is answered with a result or an error; nothing that a provider throws gets to a guest.
 */
export interface CapabilityBroker {
  call(caller: GuestIdentity, call: CapabilityCall, signal: AbortSignal): Promise<CapabilityReply>;
}

export interface CapabilityBrokerDeps {
  readonly assignments: AssignmentSource;
  readonly providers: Pick<ProviderRegistry, "running">;
  readonly logger: Logger;
}

export function createCapabilityBroker({ assignments, providers, logger }: CapabilityBrokerDeps): CapabilityBroker {
  const decideAndInvoke: CapabilityBroker["call"] = async (caller, call, signal) => {
    const decision = decideCall(await assignments.assignmentsOf(caller.tenantId, caller.instanceId), call);
    switch (decision.decision) {
      case "no_capability":
        return { outcome: "error", errorCode: "CAPABILITY_NOT_FOUND", message: decision.message };
      case "unknown_operation":
        return { outcome: "error", errorCode: "INVALID_REQUEST", message: decision.message };
      case "denied":
        return { outcome: "error", errorCode: "PERMISSION_DENIED", message: decision.message };
      case "allowed": {
        const provider = providers.running(decision.type);
        if (provider !== undefined) return provider.invoke(caller, call.operation, call.params, signal);
        const message = `The provider ${decision.type} is stopped.`;
        return { outcome: "error", errorCode: "WASM_RUNTIME_ERROR", message };
      }
    }
  };

  return {
    call: async (caller, call, signal) => {
      try {
        return await decideAndInvoke(caller, call, signal);
      } catch (error) {
        logger.error("a capability call failed", {
          tenant_id: caller.tenantId,
          instance_id: caller.instanceId,
          provider: call.provider.slice(0, 100),
          ...errorFields(error),
        });
        return { outcome: "error", errorCode: "WASM_RUNTIME_ERROR", message: "The capability failed on our side." };
      }
    },
  };
}
