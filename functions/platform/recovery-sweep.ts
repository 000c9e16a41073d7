import { durationMs } from "../../shared/duration.ts";
import { purge } from "../../shared/executions/upkeep.ts";
import type { Job } from "../../shared/http/function-app.ts";

/** Whatever has been due for longer than some sweeps is stuck. */
const STUCK_AFTER_MS = durationMs("5m");
/** How many stuck executions are looked at; more are as bad. */
const COUNTED = 100;

/** Takes up what is due and what dead processes left, and drops what has expired. Tells how many executions are stuck. */
export const recoverySweep: Job = {
  name: "recovery_sweep",
  schedule: "* * * * *",
  timeoutMs: durationMs("10m"),
  runsGuests: true,
  run: async ({ recovery, restarts, adapters: { store, clock } }) => {
    const { takenUp } = await recovery.sweep();
    const restarted = await restarts.sweep();
    const nowMs = clock.now();
    const purged = await purge(store, nowMs);
    const stuck = await store.due({ nowMs: nowMs - STUCK_AFTER_MS, limit: COUNTED });
    return { taken_up: takenUp, restarted, purged, stuck: stuck.length };
  },
};
