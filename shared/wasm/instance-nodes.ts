import type { InstanceId, NodeId, TenantId } from "../ids.ts";
import type { ProviderType } from "../ports/wasm-capabilities.ts";
import type { AdmissionOutcome } from "../ports/wasm-runtime.ts";
import type { CapabilityBroker } from "./capability-broker.ts";
import type { GuestCall, GuestRun } from "./guest-runner.ts";

/** An instance that is to have a node. */
export interface PlacedInstance {
  readonly tenantId: TenantId;
  readonly instanceId: InstanceId;
  readonly providers: readonly ProviderType[];
}

/** An instance that may not be where its record says. */
export interface Unsettled extends Pick<PlacedInstance, "tenantId" | "instanceId"> {
  /** When it was placed. */
  readonly placedMs: number;
}

/** Where instances run, as the control plane sees it. */
export interface InstanceNodes {
  /** Examines a module. */
  admit(tenantId: TenantId, module: Uint8Array): Promise<AdmissionOutcome>;
  /** A node for a call that is no instance's. Throws RESOURCE_EXHAUSTED when there is none. */
  choose(providers: readonly ProviderType[]): Promise<NodeId>;
  /** The node of an instance, where it counts until it is released: the one that it has, unless that is gone. Throws RESOURCE_EXHAUSTED. */
  place(instance: PlacedInstance): Promise<NodeId>;
  release(tenantId: TenantId, instanceId: InstanceId): Promise<void>;
  /** Whether a node takes calls, as far as is known here. */
  isThere(nodeId: NodeId): Promise<boolean>;
  /** Instances to be looked at: those of nodes that are lost, and from time to time some others. */
  unsettled(): Promise<readonly Unsettled[]>;
  /** Runs a call on a node; what the guest asks of capabilities is answered by `broker`, on this side. */
  run(nodeId: NodeId, call: GuestCall, broker: CapabilityBroker): Promise<GuestRun>;
}
