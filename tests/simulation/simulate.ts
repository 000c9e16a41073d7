import { parseArgs } from "node:util";

import { explainFailure, type Found, searchFailure } from "./search.ts";

/**
 * `npm run simulate`: plays random scenarios until one breaks a promise, and tells the smallest that it finds.
 * `-- --minutes N` stops after N minutes; `-- --seed S` begins with a seed, and so plays again what a seed has done.
 */
const { minutes, seed } = parseArgs({
  options: { minutes: { type: "string" }, seed: { type: "string" } },
}).values;

const startedMs = performance.now();
const TELL_EVERY_MS = 10_000;
let toldMs = startedMs;

const tell = ({ seed: first, scenarios, executions, crashes, events, statuses }: Found): void => {
  const seconds = ((performance.now() - startedMs) / 1_000).toFixed(0);
  process.stdout.write(
    `${seconds} s, from seed ${first}: ${scenarios} scenarios, ${executions} executions ${JSON.stringify(statuses)}, ` +
      `${crashes} crashes, ${events} events\n`,
  );
};

const found = await searchFailure({
  seed: seed === undefined ? undefined : Number(seed),
  forMs: minutes === undefined ? Number.POSITIVE_INFINITY : Number(minutes) * 60_000,
  onSeed: (soFar) => {
    if (performance.now() - toldMs < TELL_EVERY_MS) return;
    toldMs = performance.now();
    tell(soFar);
  },
});
tell(found);
if (found.failure === undefined) {
  process.stdout.write("No promise was broken.\n");
} else {
  process.stdout.write(`Seed ${found.seed} fails; play it again with: npm run simulate -- --seed ${found.seed}\n`);
  process.stdout.write(`${await explainFailure(found.failure)}\n`);
  process.exitCode = 1;
}
