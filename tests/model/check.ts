import { expect } from "vitest";

import { describe as describeExample, type Exploration, explore } from "./explorer.ts";
import type { Scenario } from "./scenario.ts";
import { Scheduler } from "./scheduler.ts";

const MAX_HISTORIES = 200_000;

/** Explores a scenario; errors are made by the thousand, and nobody reads where. */
async function exploreScenario(scenario: Scenario, until: readonly string[]): Promise<Exploration> {
  const { stackTraceLimit } = Error;
  Error.stackTraceLimit = 0;
  try {
    return await explore({
      run: (chooser) => new Scheduler(scenario, chooser).run(),
      now: () => performance.now(),
      maxHistories: MAX_HISTORIES,
      until,
    });
  } finally {
    Error.stackTraceLimit = stackTraceLimit;
  }
}

/** Explores a scenario whole and expects no violation; prints how much was explored. */
export async function holds(name: string, scenario: Scenario): Promise<Exploration> {
  const exploration = await exploreScenario(scenario, []);
  report(name, exploration);
  expect(exploration.counterexamples.map(describeExample).join("\n\n")).toBe("");
  return exploration;
}

/** Explores a scenario until the invariants are violated, and prints the shortest histories that do so. */
export async function breaks(name: string, scenario: Scenario, invariants: readonly string[]): Promise<void> {
  const exploration = await exploreScenario(scenario, invariants);
  const examples = exploration.counterexamples.filter(({ invariant }) => invariants.includes(invariant));
  report(name, exploration);
  for (const example of examples) process.stdout.write(`${describeExample(example)}\n`);
  expect(examples.map(({ invariant }) => invariant).toSorted()).toEqual([...invariants].toSorted());
}

function report(name: string, { histories, states, seconds }: Exploration): void {
  process.stdout.write(`${name}: ${histories} histories, ${states} states, ${seconds.toFixed(1)} s\n`);
}
