import { mkdir, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { parseArgs } from "node:util";

import { coldStartPart } from "./cold-start.ts";
import { commitsPart } from "./commits.ts";
import { contentPart } from "./content.ts";
import { createDatabases } from "./databases.ts";
import { enginePart } from "./engine.ts";
import { fairnessPart } from "./fairness.ts";
import { growthPart } from "./growth.ts";
import { latencyPart } from "./latency.ts";
import type { Bench, Outcome, Part } from "./part.ts";
import { recoveryPart } from "./recovery.ts";
import { redisGrowthPart } from "./redis-growth.ts";
import { describeMachine, markdown } from "./report.ts";
import { semanticPart } from "./semantic.ts";
import { startUpPart } from "./start-up.ts";
import { storesPart } from "./stores.ts";
import { verificationPart } from "./verification.ts";
import { waitingPart } from "./waiting.ts";
import { wasmPart } from "./wasm.ts";

/**
 * `npm run bench`: figures, never verdicts. `-- --quick` shows in a minute that everything works; `-- --only <part>` runs one part.
 * Leaves what it measured in tests/bench/results.json.
 */
const PARTS: Readonly<Record<string, Part>> = {
  commits: commitsPart,
  latency: latencyPart,
  growth: growthPart,
  "start-up": startUpPart,
  "cold-start": coldStartPart,
  recovery: recoveryPart,
  waiting: waitingPart,
  engine: enginePart,
  stores: storesPart,
  fairness: fairnessPart,
  "redis-growth": redisGrowthPart,
  verification: verificationPart,
  semantic: semanticPart,
  wasm: wasmPart,
  content: contentPart,
};

const SIZES = { small: 1_000, large: 200_000 };
const QUICK_SIZES = { small: 2_000, large: 20_000 };

const { quick, only } = parseArgs({
  options: { quick: { type: "boolean", default: false }, only: { type: "string" } },
}).values;
const chosen = Object.entries(PARTS).filter(([name]) => only === undefined || name === only);
if (chosen.length === 0) {
  console.error(`There is no part "${only ?? ""}"; the parts are ${Object.keys(PARTS).join(", ")}.`);
  process.exitCode = 2;
} else {
  await run();
}

async function run(): Promise<void> {
  const root = path.resolve(import.meta.dirname, "../..");
  // Beside the code and not in the system's temporary folder, which may be memory: a flush must reach a disk.
  const directory = path.join(root, ".symphainy", `bench-${process.pid}`);
  const say = (line: string): void => console.error(`  ${line}`);
  const databases = createDatabases(directory, quick ? QUICK_SIZES : SIZES, say);
  const bench: Bench = { quick, directory, databases, say };
  const outcomes: [string, Outcome][] = [];
  await mkdir(directory, { recursive: true });
  try {
    for (const [name, part] of chosen) {
      const startedMs = performance.now();
      console.error(name);
      outcomes.push([name, await part(bench)]);
      say(`took ${((performance.now() - startedMs) / 1_000).toFixed(0)} s`);
    }
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
  const machine = describeMachine();
  const rows = outcomes.flatMap(([, outcome]) => outcome.rows);
  const figures = Object.fromEntries(outcomes.map(([name, outcome]) => [name, outcome.figures]));
  await writeFile(
    path.join(import.meta.dirname, "results.json"),
    `${JSON.stringify({ machine, quick, rows, figures }, undefined, 2)}\n`,
  );
  console.log(`\n${markdown(machine, rows, quick)}`);
}
