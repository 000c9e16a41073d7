import type { NodeId, TenantId } from "../ids.ts";
import type { ProviderType } from "../ports/wasm-capabilities.ts";
import type { AdmissionOutcome } from "../ports/wasm-runtime.ts";
import type { CapabilityBroker } from "./capability-broker.ts";
import type { GuestCall, GuestRun } from "./guest-runner.ts";

/** Where instances run, as the control plane sees it. */
export interface InstanceNodes {
  /** Examines a module. */
  admit(tenantId: TenantId, module: Uint8Array): Promise<AdmissionOutcome>;
  /** The node for one more instance. Throws RESOURCE_EXHAUSTED when there is none. */
  place(providers: readonly ProviderType[]): Promise<NodeId>;
  /** Runs a call on a node; what the guest asks of capabilities is answered by `broker`, on this side. */
  run(nodeId: NodeId, call: GuestCall, broker: CapabilityBroker): Promise<GuestRun>;
}
