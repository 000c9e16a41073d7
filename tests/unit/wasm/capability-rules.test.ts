import { describe, expect, it } from "vitest";

import { asId } from "../../../shared/ids.ts";
import type { JsonObject } from "../../../shared/json.ts";
import type { ProviderType } from "../../../shared/ports/wasm-capabilities.ts";
import { decideCall, unknownPermissions } from "../../../shared/wasm/capability-rules.ts";
import type { CapabilityAssignment } from "../../../shared/wasm/instance.ts";

function grant(provider_type: ProviderType, ...permissions: readonly string[]): CapabilityAssignment {
  return {
    instance_id: asId.instance("instance_1"),
    capability_id: `capability_${provider_type}`,
    provider_type,
    permissions: [...permissions],
  };
}
function decide(
  assignments: readonly CapabilityAssignment[],
  provider: string,
  operation: string,
  params: JsonObject = {},
) {
  return decideCall(assignments, { provider, operation, params }).decision;
}

describe("what an instance may do (property 4)", () => {
  it("kv: each operation needs its own permission", () => {
    const operations = ["get", "list", "exists", "set", "delete"];
    const allowed = (permission: string) =>
      operations.filter((operation) => decide([grant("kv", permission)], "kv", operation) === "allowed");
    expect(allowed("kv:read")).toEqual(["get", "list", "exists"]);
    expect(allowed("kv:write")).toEqual(["set"]);
    expect(allowed("kv:delete")).toEqual(["delete"]);
  });

  it("http: any host with http:request, only the listed ones where hosts are listed", () => {
    const url = { url: "https://api.example.com/v1" };
    expect(decide([grant("http", "http:request")], "http", "request", url)).toBe("allowed");
    const listed = [grant("http", "http:request", "http:domain:api.example.com")];
    expect(decide(listed, "http", "request", url)).toBe("allowed");
    for (const other of [
      "https://example.com/",
      "https://api.example.com.evil.net/",
      "https://api.example.com@evil.net/",
      "https://evil.net/#api.example.com",
      "no url",
    ])
      expect(decide(listed, "http", "request", { url: other })).toBe("denied");
    expect(decide(listed, "http", "request", { url: "https://API.Example.COM:8443/" })).toBe("allowed");
    expect(decide([grant("http", "http:domain:api.example.com")], "http", "request", url)).toBe("denied");
  });

  it("messaging: all topics, or one", () => {
    expect(decide([grant("messaging", "msg:publish")], "messaging", "publish", { topic: "orders" })).toBe("allowed");
    const one = [grant("messaging", "msg:publish:orders")];
    expect(decide(one, "messaging", "publish", { topic: "orders" })).toBe("allowed");
    expect(decide(one, "messaging", "publish", { topic: "other" })).toBe("denied");
    expect(decide(one, "messaging", "publish", { topic: ["orders"] })).toBe("denied");
    expect(decide(one, "messaging", "pull", { topic: "orders" })).toBe("denied");
  });

  it("permissions of two capabilities do not add up, and none is taken from another provider's", () => {
    const apart = [grant("http", "http:request", "http:domain:a.example"), grant("http", "http:domain:b.example")];
    expect(decide(apart, "http", "request", { url: "https://b.example/" })).toBe("denied");
    expect(decide([grant("messaging", "kv:read")], "kv", "get")).toBe("no_capability");
  });

  it("tells a missing capability from a missing permission and from an unknown operation", () => {
    expect(decide([], "kv", "get")).toBe("no_capability");
    expect(decide([grant("kv", "kv:read")], "disk", "read")).toBe("no_capability");
    expect(decide([grant("kv", "kv:read")], "kv", "constructor")).toBe("unknown_operation");
    expect(decide([grant("kv", "kv:read")], "kv", "set")).toBe("denied");
  });

  it("knows the permissions that there are", () => {
    expect(unknownPermissions("kv", ["kv:read", "kv:*", "http:request"])).toEqual(["kv:*", "http:request"]);
    expect(unknownPermissions("http", ["http:request", "http:domain:a.example", "http:domain:*"])).toEqual([
      "http:domain:*",
    ]);
    expect(unknownPermissions("messaging", ["msg:publish", "msg:subscribe:a.b-c", "msg:publish:"])).toEqual([
      "msg:publish:",
    ]);
  });
});
