import { durationMs } from "../../shared/duration.ts";
import type { Job } from "../../shared/http/function-app.ts";

/** How many waiting messages are looked at; more are as bad. */
const COUNTED = 100;

/**
 * Publishes what no other process has published, and carries on what waits between the tiers of the store.
 * Tells how many messages wait that waited before it, which are those that the bus does not take.
 */
export const outboxRelay: Job = {
  name: "outbox_relay",
  schedule: "* * * * *",
  timeoutMs: durationMs("10m"),
  run: async ({ relay, adapters: { store } }) => {
    const carried = (await store.carry?.()) ?? 0;
    const before = await store.unpublished(COUNTED);
    const published = await relay.drain();
    const after = before.length === 0 ? [] : await store.unpublished(COUNTED);
    const refused = new Set(after.map(({ eventId }) => eventId));
    return { published, carried, waiting: before.filter(({ eventId }) => refused.has(eventId)).length };
  },
};
