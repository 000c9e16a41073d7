import { durationMs } from "../duration.ts";
import type { RestartPolicy } from "./instance.ts";
import type { InstanceState } from "./instance-facts.ts";

const LONGEST_DELAY_MS = durationMs("300s");
const LARGEST_EXPONENT = 8;

export type RestartDecision =
  | { readonly decision: "restart"; readonly atMs: number }
  /** The policy does not restart. */
  | { readonly decision: "stay" }
  /** The policy would restart, but has done so as often as it may. */
  | { readonly decision: "exhausted"; readonly crashes: number };

/**
 * What the instance's own policy says about its last crash. Undefined when it is not crashed.
 * `on_failure` restarts while crashes ≤ max_retries, min(base · 2^min(crashes − 1, 8), 300 s) after the crash.
 */
export function decideRestart(policy: RestartPolicy, state: InstanceState): RestartDecision | undefined {
  if (state.status !== "crashed" || state.sinceMs === undefined) return undefined;
  switch (policy.policy_type) {
    case "never":
      return { decision: "stay" };
    case "always":
      return { decision: "restart", atMs: state.sinceMs };
    case "on_failure": {
      const { crashCount } = state;
      if (policy.max_retries !== undefined && crashCount > policy.max_retries)
        return { decision: "exhausted", crashes: crashCount };
      return { decision: "restart", atMs: state.sinceMs + restartDelayMs(policy, crashCount) };
    }
  }
}

export function restartDelayMs({ backoff_seconds }: RestartPolicy, crashes: number): number {
  const exponent = Math.min(Math.max(0, crashes - 1), LARGEST_EXPONENT);
  return Math.min(backoff_seconds * 1_000 * 2 ** exponent, LONGEST_DELAY_MS);
}
