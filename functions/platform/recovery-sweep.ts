import { durationMs } from "../../shared/duration.ts";
import type { Job } from "../../shared/http/function-app.ts";

/** How long a published message stays to be looked at. */
const KEEP_PUBLISHED_MS = durationMs("24h");

/** Takes up what is due and what dead processes left, and drops what has expired. */
export const recoverySweep: Job = {
  name: "recovery_sweep",
  schedule: "* * * * *",
  timeoutMs: durationMs("10m"),
  run: async ({ recovery, restarts, adapters: { store, clock } }) => {
    const { takenUp } = await recovery.sweep();
    const restarted = await restarts.sweep();
    const nowMs = clock.now();
    const purged = await store.purge({ nowMs, publishedBeforeMs: nowMs - KEEP_PUBLISHED_MS });
    return { taken_up: takenUp, restarted, purged };
  },
};
