import type { InstanceId, TenantId } from "../ids.ts";
import type { JsonObject, JsonValue } from "../json.ts";
import type { WasmErrorCode } from "../wasm-error.ts";

export const PROVIDER_TYPES = ["kv", "http", "messaging"] as const;
export type ProviderType = (typeof PROVIDER_TYPES)[number];

/** What a guest asks of a capability, as it came out of its memory: nothing in it is to be believed. */
export interface CapabilityCall {
  readonly provider: string;
  readonly operation: string;
  readonly params: JsonObject;
}

/** The answer to a capability call: a result or an error, never neither. */
export type CapabilityReply =
  | { readonly outcome: "result"; readonly result: JsonValue }
  | { readonly outcome: "error"; readonly errorCode: WasmErrorCode; readonly message: string };

/** On whose behalf a provider works. */
export interface GuestIdentity {
  readonly tenantId: TenantId;
  readonly instanceId: InstanceId;
}

/**
 * One kind of capability. It is asked only after the caller's permission was checked for this very call.
 *  C1  What it does is the caller's tenant's, and where it is scoped to instances, the caller's instance's.
 *  C2  It answers every call with a result or an error; it rejects only when it is broken itself.
 *  C3  Before `initialize` and after `shutdown` it does nothing.
 */
export interface CapabilityProvider {
  readonly type: ProviderType;
  initialize(): Promise<void>;
  invoke(caller: GuestIdentity, operation: string, params: JsonObject, signal: AbortSignal): Promise<CapabilityReply>;
  shutdown(): Promise<void>;
}
