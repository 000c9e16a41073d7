import type { Job } from "../../shared/http/function-app.ts";

/** Publishes what no other process has published: what was committed by one that died right after. */
export const outboxRelay: Job = async ({ relay }) => ({ published: await relay.drain() });
