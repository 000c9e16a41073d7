import { describe, expect, it } from "vitest";

import { asId, trustedTenantId } from "../../../shared/ids.ts";
import type { CapabilityBroker } from "../../../shared/wasm/capability-broker.ts";
import type { GuestInvocation, GuestPool } from "../../../shared/ports/wasm-runtime.ts";
import { createGuestRunner } from "../../../shared/wasm/guest-runner.ts";

const report = { log: "hello", logTruncated: false, runMs: 1 };
const call = {
  tenantId: trustedTenantId("acme"),
  instanceId: asId.instance("instance_1"),
  digest: "a".repeat(64),
  input: { n: 1 },
  deadlineMs: 1_000,
};
const broker: CapabilityBroker = {
  call: (caller, { operation }) =>
    Promise.resolve({ outcome: "result", result: [caller.tenantId, caller.instanceId, operation] }),
};

function runnerOver(invoke: Pick<GuestPool, "invoke">["invoke"]) {
  return createGuestRunner({ pool: { invoke }, broker });
}

describe("running a guest", () => {
  it("hands over JSON, and the capabilities of its own instance", async () => {
    const seen: GuestInvocation[] = [];
    const runner = runnerOver(async (invocation) => {
      seen.push(invocation);
      const asked = { provider: "kv", operation: "get", params: {} };
      const reply = await invocation.onCall(asked, new AbortController().signal);
      return { outcome: "returned", output: Buffer.from(JSON.stringify(reply)), report };
    });
    const run = await runner.run(call);
    expect(Buffer.from(seen[0]?.input ?? []).toString()).toBe('{"n":1}');
    expect(run).toMatchObject({ outcome: "completed", output: { result: ["acme", "instance_1", "get"] }, report });
  });

  it.each([
    ["no output is null", "", { outcome: "completed", output: null }],
    ["half an object is no JSON", '{"a":', { outcome: "failed", failure: { reason: "output_invalid" } }],
    ["bytes that are no UTF-8 are no JSON", "\u00ff", { outcome: "failed", failure: { reason: "output_invalid" } }],
  ])("%s", async (_, output, expected) => {
    const runner = runnerOver(() =>
      Promise.resolve({ outcome: "returned", output: Buffer.from(output, "latin1"), report }),
    );
    expect(await runner.run(call)).toMatchObject(expected);
  });

  it("passes a failure on as it is", async () => {
    const failure = { reason: "trap", message: "unreachable" } as const;
    expect(await runnerOver(() => Promise.resolve({ outcome: "failed", failure, report })).run(call)).toEqual({
      outcome: "failed",
      failure,
      report,
    });
  });
});
