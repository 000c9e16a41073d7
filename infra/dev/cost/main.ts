/**
 * `npm run cost`: dollars for a million executions of each intent type, from the operations that a real run of it takes on the cloud's
 * default store, and the prices of prices.json; beside what others publish for the same work. It needs redis-server.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { intents } from "../../../functions/catalog.ts";
import type { JsonObject } from "../../../shared/json.ts";
import { openCountedRuntime } from "./count-run.ts";
import { type Bill, billOf, priceElsewhere } from "./dollars.ts";
import type { Operations } from "./operations.ts";
import { plannedOperations } from "./planned-operations.ts";
import { type Prices, readPrices } from "./prices.ts";
import { referenceIntents } from "./reference-intents.ts";
import { samples } from "./samples.ts";

const STEPS = 3;
const RUNS = 20;
const prices = await readPrices();
const counted = await countAll();

console.log(`Dollars for a million executions, by the prices of ${prices.as_of} (${prices.note})\n`);
console.log(
  `${"intent".padEnd(34)}${"running".padStart(9)}  = Firestore    Redis  Pub/Sub  Cloud Run   | kept ${prices.retention_months} months | operations`,
);
for (const definition of [...referenceIntents, ...intents]) {
  const run = counted.get(definition.type);
  const operations = run ?? plannedOperations(definition);
  console.log(row(definition.type, billOf(operations, definition, prices), operations, run === undefined));
}
console.log(`\nA workflow of ${STEPS} steps elsewhere, a million times, without the functions that run the steps:`);
for (const other of prices.others) {
  console.log(`${other.name.padEnd(34)}${money(priceElsewhere(other, STEPS))}  ${other.rule}. ${other.source}`);
}
console.log(`\nAssumed: ${assumptions(prices)}`);

/** Runs of each sample, after one that warms up what is kept for later. */
async function countAll(): Promise<ReadonlyMap<string, Operations>> {
  const folder = await mkdtemp(join(tmpdir(), "cost-"));
  const runtime = await openCountedRuntime(folder, [...referenceIntents, ...intents]);
  try {
    const found = new Map<string, Operations>();
    for (const runs of [1, RUNS]) {
      const outputs = Array.from({ length: runs }, () => new Map<string, JsonObject>());
      for (const { intentType, parameters } of samples) {
        const taken = await runtime.run(intentType, outputs.map(parameters));
        for (const [n, output] of taken.outputs.entries()) outputs[n]?.set(intentType, output);
        found.set(intentType, taken.operations);
      }
    }
    return found;
  } finally {
    await runtime.close();
    await rm(folder, { recursive: true, force: true });
  }
}

function row(type: string, bill: Bill, operations: Operations, planned: boolean): string {
  const { commits, documentWrites, documentReads, documentDeletes, redisCommands } = operations;
  const parts = [bill.firestore, bill.redis, bill.pubsub, bill.cloudRun].map(money).join("");
  const taken = [
    `${about(commits)} commits`,
    `${about(documentWrites)} writes`,
    `${about(documentReads)} reads`,
    `${about(documentDeletes)} deletes`,
    `${about(redisCommands)} Redis commands`,
  ].join(", ");
  return `${type.padEnd(34)}${money(bill.running)}  =${parts}   |${money(bill.keeping)}      | ${taken}${planned ? " (by its plan)" : ""}`;
}

function about(count: number): string {
  return count.toFixed(1).replace(".0", "");
}

function money(value: number): string {
  return value.toFixed(2).padStart(9);
}

function assumptions({ assumed }: Prices): string {
  const { note, ...figures } = assumed;
  return `${Object.entries(figures)
    .map(([name, value]) => `${name} ${value}`)
    .join(", ")}. ${note}`;
}
