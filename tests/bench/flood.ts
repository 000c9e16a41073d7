import { Agent, request } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";

import * as z from "zod";

/**
 * Makes one call so many times a second, whether or not the answers keep up, as a process of its own: what it costs to flood is not
 * to be in what is measured beside it. Prints how many were answered with which status.
 */
const flood = z
  .object({
    url: z.string(),
    headers: z.record(z.string(), z.string()),
    body: z.string(),
    perSecond: z.number(),
    durationMs: z.number(),
  })
  .parse(JSON.parse(process.argv[2] ?? "{}"));

/** What is under way at the most; a real producer, too, has only so many connections. */
const MAX_OPEN = 256;
const TICK_MS = 5;
const agent = new Agent({ keepAlive: true, maxSockets: MAX_OPEN });
const statuses: Record<string, number> = {};
let open = 0;
let skipped = 0;

function send(): void {
  open += 1;
  const headers = { ...flood.headers, "content-length": Buffer.byteLength(flood.body) };
  const over = (status: string): void => {
    open -= 1;
    statuses[status] = (statuses[status] ?? 0) + 1;
  };
  const sent = request(flood.url, { method: "POST", headers, agent }, (response) => {
    response.resume();
    response.once("end", () => over(String(response.statusCode)));
  });
  sent.once("error", () => over("broken"));
  sent.end(flood.body);
}

const startedMs = performance.now();
let sentSoFar = 0;
for (let nowMs = startedMs; nowMs - startedMs < flood.durationMs; nowMs = performance.now()) {
  const due = Math.floor(((nowMs - startedMs) * flood.perSecond) / 1_000);
  for (; sentSoFar < due; sentSoFar += 1) {
    if (open < MAX_OPEN) send();
    else skipped += 1;
  }
  await sleep(TICK_MS);
}
while (open > 0) await sleep(TICK_MS);
agent.destroy();
console.log(JSON.stringify({ ...statuses, skipped }));
