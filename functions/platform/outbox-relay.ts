import { durationMs } from "../../shared/duration.ts";
import type { Job } from "../../shared/http/function-app.ts";

/** Publishes what no other process has published, and carries on what waits between the tiers of the store. */
export const outboxRelay: Job = {
  name: "outbox_relay",
  schedule: "* * * * *",
  timeoutMs: durationMs("10m"),
  run: async ({ relay, adapters: { store } }) => {
    const carried = (await store.carry?.()) ?? 0;
    return { published: await relay.drain(), carried };
  },
};
