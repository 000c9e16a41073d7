import { expect } from "vitest";

import { describe as describeExample, type Exploration, explore } from "./explorer.ts";
import type { Scenario } from "./scenario.ts";
import { World } from "./world.ts";

const MAX_HISTORIES = 200_000;

/** Explores a scenario whole and expects no violation; prints how much was explored. */
export async function holds(name: string, scenario: Scenario): Promise<Exploration> {
  const exploration = await explore({
    run: (chooser) => new World(scenario, chooser).run(),
    now: () => performance.now(),
    maxHistories: MAX_HISTORIES,
  });
  report(name, exploration);
  expect(exploration.counterexamples.map(describeExample).join("\n\n")).toBe("");
  return exploration;
}

/** Explores a scenario until the invariants are violated, and prints the shortest histories that do so. */
export async function breaks(name: string, scenario: Scenario, invariants: readonly string[]): Promise<void> {
  const exploration = await explore({
    run: (chooser) => new World(scenario, chooser).run(),
    now: () => performance.now(),
    maxHistories: MAX_HISTORIES,
    until: invariants,
  });
  const examples = exploration.counterexamples.filter(({ invariant }) => invariants.includes(invariant));
  report(name, exploration);
  for (const example of examples) process.stdout.write(`${describeExample(example)}\n`);
  expect(examples.map(({ invariant }) => invariant).toSorted()).toEqual([...invariants].toSorted());
}

function report(name: string, { histories, states, seconds }: Exploration): void {
  process.stdout.write(`${name}: ${histories} histories, ${states} states, ${seconds.toFixed(1)} s\n`);
}
