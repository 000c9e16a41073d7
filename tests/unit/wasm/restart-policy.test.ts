import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { DEFAULT_RESTART_POLICY, restartPolicySchema, type RestartPolicy } from "../../../shared/wasm/instance.ts";
import type { InstanceState } from "../../../shared/wasm/instance-facts.ts";
import { decideRestart, restartDelayMs } from "../../../shared/wasm/restart-policy.ts";

function crashed(crashCount: number, sinceMs = 1_000): InstanceState {
  return { status: "crashed", crashCount, sinceMs, lastError: "unreachable" };
}
const onFailure: RestartPolicy = { policy_type: "on_failure", max_retries: 3, backoff_seconds: 5 };

describe("the restart policy (property 8)", () => {
  it("never stays, always restarts at once", () => {
    expect(decideRestart(DEFAULT_RESTART_POLICY, crashed(1))).toEqual({ decision: "stay" });
    expect(decideRestart({ policy_type: "always", backoff_seconds: 5 }, crashed(40))).toEqual({
      decision: "restart",
      atMs: 1_000,
    });
  });

  it("on_failure restarts as long as crashes ≤ max_retries, then is exhausted", () => {
    const decisions = [1, 2, 3, 4].map((crashes) => decideRestart(onFailure, crashed(crashes)));
    expect(decisions).toEqual([
      { decision: "restart", atMs: 6_000 },
      { decision: "restart", atMs: 11_000 },
      { decision: "restart", atMs: 21_000 },
      { decision: "exhausted", crashes: 4 },
    ]);
    expect(decideRestart({ ...onFailure, max_retries: 0 }, crashed(1))).toMatchObject({ decision: "exhausted" });
  });

  it("decides nothing about an instance that is not crashed", () => {
    for (const status of ["starting", "running", "stopped"] as const)
      expect(decideRestart(onFailure, { ...crashed(1), status })).toBeUndefined();
  });

  it("takes five seconds and no limit when nothing is said", () => {
    expect(restartPolicySchema.parse({ policy_type: "on_failure" })).toEqual({
      policy_type: "on_failure",
      backoff_seconds: 5,
    });
    expect(restartPolicySchema.safeParse({ policy_type: "on_failure", max_retries: -1 }).success).toBe(false);
  });

  it("the delay doubles from the base, never falls, and never passes 300 seconds", () => {
    const policies = fc.record({
      policy_type: fc.constant("on_failure" as const),
      backoff_seconds: fc.double({ min: 0, max: 300, noNaN: true }),
    });
    fc.assert(
      fc.property(policies, fc.integer({ min: 1, max: 1_000_000 }), (policy, crashes) => {
        const delayMs = restartDelayMs(policy, crashes);
        expect(delayMs).toBe(Math.min(policy.backoff_seconds * 1_000 * 2 ** Math.min(crashes - 1, 8), 300_000));
        expect(restartDelayMs(policy, crashes + 1)).toBeGreaterThanOrEqual(delayMs);
      }),
    );
  });
});
