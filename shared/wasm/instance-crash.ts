import type { Clock } from "../clock.ts";
import type { InstanceId, TenantId, TraceId } from "../ids.ts";
import type { GuestFailure } from "../ports/wasm-runtime.ts";
import { FAILURE_CLASSES } from "./guest-failure.ts";
import { applyFact } from "./instance-facts.ts";
import type { InstanceChange, InstanceEvent, InstanceLedger } from "./instance-ledger.ts";
import { type InstanceRecord, stateOf } from "./instance-record.ts";
import { decideRestart } from "./restart-policy.ts";
import type { DueRestart, RestartTimers } from "./restart-timers.ts";

const MAX_ERROR_CHARS = 1_000;

export interface CallFailure {
  readonly tenantId: TenantId;
  readonly instanceId: InstanceId;
  /** The epoch that the call was begun under. */
  readonly epoch: number;
  readonly failure: GuestFailure;
  readonly traceId: TraceId;
}

/**
 * Records what a failed call means to its instance: a crash, or nothing.
 *  C1  A crash counts once, against the epoch that it happened in; what an earlier epoch reports is nothing.
 *  C2  `always` restarts in the commit of the crash; a later restart has its timer before that commit.
 */
export type CrashHandler = (failed: CallFailure) => Promise<void>;

export interface CrashHandlerDeps {
  readonly ledger: InstanceLedger;
  readonly timers: Pick<RestartTimers, "set">;
  readonly clock: Clock;
  /** Called once a timer has its crash. */
  readonly onTimer: (restart: DueRestart) => void;
}

export function createCrashHandler({ ledger, timers, clock, onTimer }: CrashHandlerDeps): CrashHandler {
  return async ({ tenantId, instanceId, epoch, failure, traceId }) => {
    if (!FAILURE_CLASSES[failure.reason].crash) return;
    const crash = {
      fact_type: "instance_crashed",
      error: `${failure.reason}: ${failure.message}`.slice(0, MAX_ERROR_CHARS),
    } as const;
    const before = await ledger.read(tenantId, instanceId);
    if (!isOf(before, epoch)) return;
    const dueMs = restartMs(before, crash, clock.now());
    const timer = dueMs === undefined ? undefined : { tenantId, instanceId, epoch, dueMs };
    if (timer !== undefined) await timers.set(timer);
    const after = await ledger.change(tenantId, instanceId, traceId, (record) =>
      isOf(record, epoch) ? crashed(record, crash, timer?.dueMs) : undefined,
    );
    if (timer !== undefined && after.restart_at_ms === timer.dueMs) onTimer(timer);
  };
}

function isOf({ metadata, epoch }: InstanceRecord, called: number): boolean {
  return epoch === called && metadata.status === "running";
}

/** When the policy restarts the instance after this crash; undefined for at once, and for never. */
function restartMs(
  record: InstanceRecord,
  crash: InstanceEvent & { readonly error: string },
  nowMs: number,
): number | undefined {
  if (record.restart_policy.policy_type === "always") return undefined;
  const { instance_id, node_id } = record.metadata;
  const state = applyFact(stateOf(record), { ...crash, instance_id, node_id, timestamp_ms: nowMs });
  const decision = state === undefined ? undefined : decideRestart(record.restart_policy, state);
  return decision?.decision === "restart" ? decision.atMs : undefined;
}

function crashed(
  record: InstanceRecord,
  crash: InstanceEvent & { readonly error: string },
  restartAtMs: number | undefined,
): InstanceChange {
  if (record.restart_policy.policy_type === "always")
    return { record, events: [crash, { fact_type: "instance_restarted" }] };
  return { record: restartAtMs === undefined ? record : { ...record, restart_at_ms: restartAtMs }, events: [crash] };
}
