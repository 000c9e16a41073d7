import type { JsonObject } from "../json.ts";
import { PROVIDER_TYPES, type CapabilityCall, type ProviderType } from "../ports/wasm-capabilities.ts";
import type { CapabilityAssignment } from "./instance.ts";

/**
 * Which permission an operation needs.
 *  - kv: `kv:read`, `kv:write`, `kv:delete`
 *  - http: `http:request`; with one or more `http:domain:<host>`, only those hosts
 *  - messaging: `msg:publish` or `msg:publish:<topic>`; to pull and ack, `msg:subscribe` or `msg:subscribe:<topic>`
 */
const GRAMMAR: Readonly<Record<ProviderType, RegExp>> = {
  kv: /^kv:(read|write|delete)$/,
  http: /^http:(request|domain:[a-z0-9]([a-z0-9.-]*[a-z0-9])?|domain:\[[0-9a-f:.]+\])$/,
  messaging: /^msg:(publish|subscribe)(:[A-Za-z0-9._-]{1,128})?$/,
};

const KV_PERMISSION: Readonly<Record<string, string>> = {
  get: "kv:read",
  list: "kv:read",
  exists: "kv:read",
  set: "kv:write",
  delete: "kv:delete",
};
const MESSAGING_PERMISSION: Readonly<Record<string, string>> = {
  publish: "msg:publish",
  pull: "msg:subscribe",
  ack: "msg:subscribe",
};

/** The permissions of a list that are none of this provider's. */
export function unknownPermissions(type: ProviderType, permissions: readonly string[]): readonly string[] {
  return permissions.filter((permission) => !GRAMMAR[type].test(permission));
}

export type CapabilityDecision =
  | { readonly decision: "allowed"; readonly capabilityId: string; readonly type: ProviderType }
  /** No capability of this provider, or no such provider. */
  | { readonly decision: "no_capability"; readonly message: string }
  | { readonly decision: "unknown_operation"; readonly message: string }
  | { readonly decision: "denied"; readonly message: string };

/** Whether one of the assignments allows the call; permissions of two assignments do not add up. */
export function decideCall(assignments: readonly CapabilityAssignment[], call: CapabilityCall): CapabilityDecision {
  const type = PROVIDER_TYPES.find((each) => each === call.provider);
  const held = assignments.filter(({ provider_type }) => provider_type === type);
  if (type === undefined || held.length === 0)
    return {
      decision: "no_capability",
      message: `The instance has no capability of a provider ${quoted(call.provider)}.`,
    };
  if (!isOperation(type, call.operation)) {
    return {
      decision: "unknown_operation",
      message: `The provider ${type} has no operation ${quoted(call.operation)}.`,
    };
  }
  const granting = held.find(({ permissions }) => permits(type, permissions, call));
  if (granting !== undefined) return { decision: "allowed", capabilityId: granting.capability_id, type };
  return { decision: "denied", message: `The instance may not ${call.operation} here: ${neededFor(type, call)}.` };
}

function isOperation(type: ProviderType, operation: string): boolean {
  switch (type) {
    case "kv":
      return Object.hasOwn(KV_PERMISSION, operation);
    case "http":
      return operation === "request";
    case "messaging":
      return Object.hasOwn(MESSAGING_PERMISSION, operation);
  }
}

function permits(type: ProviderType, permissions: readonly string[], { operation, params }: CapabilityCall): boolean {
  switch (type) {
    case "kv":
      return permissions.includes(KV_PERMISSION[operation] ?? "");
    case "http": {
      if (!permissions.includes("http:request")) return false;
      const domains = permissions.filter((permission) => permission.startsWith("http:domain:"));
      return domains.length === 0 || domains.includes(`http:domain:${hostOf(params) ?? ""}`);
    }
    case "messaging": {
      const permission = MESSAGING_PERMISSION[operation] ?? "";
      const { topic } = params;
      return (
        permissions.includes(permission) ||
        (typeof topic === "string" && permissions.includes(`${permission}:${topic}`))
      );
    }
  }
}

function neededFor(type: ProviderType, { operation, params }: CapabilityCall): string {
  switch (type) {
    case "kv":
      return `it needs ${KV_PERMISSION[operation] ?? ""}`;
    case "http":
      return `it needs http:request and, where hosts are listed, http:domain:${hostOf(params) ?? "<host>"}`;
    case "messaging":
      return `it needs ${MESSAGING_PERMISSION[operation] ?? ""}, for all topics or this one`;
  }
}

/** The host that a request goes to, as the WHATWG URL parser reads it, which is what the provider connects to. */
function hostOf(params: JsonObject): string | undefined {
  const url = typeof params["url"] === "string" ? URL.parse(params["url"]) : null;
  return url?.hostname;
}

function quoted(text: string): string {
  return JSON.stringify(text.slice(0, 100));
}
