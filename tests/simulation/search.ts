import fc from "fast-check";

import type { Weakness } from "../model/model-database.ts";
import { shrink } from "./shrink.ts";
import { type Scenario, scenarioOf } from "./scenario.ts";
import { simulate } from "./simulation.ts";

const SCENARIOS_OF_A_SEED = 10;
const SIZE = { executions: 60, faults: 30 };
/** How long a failing scenario is made smaller, first by fast-check and then by `shrink`. */
const SHRINK_MS = 8_000;

export interface Search {
  /** Absent means another one each time. */
  readonly seed?: number | undefined;
  /** How long to search; the seed's own scenarios are played whatever time it is. */
  readonly forMs: number;
  readonly weakness?: Weakness;
  readonly onSeed?: (soFar: Found) => void;
}

export interface Failure {
  readonly scenario: Scenario;
  readonly weakness: Weakness;
}

export interface Found {
  /** The first seed, or the one that failed: the seeds after the first are the numbers after it. */
  seed: number;
  scenarios: number;
  executions: number;
  crashes: number;
  events: number;
  /** How many executions ended in each status. */
  readonly statuses: Record<string, number>;
  /** The smallest scenario that breaks a promise. */
  failure: Failure | undefined;
}

/** Plays the random scenarios of seed after seed until one breaks a promise, and makes that one as small as it can. */
export async function searchFailure({ seed, forMs, weakness = {}, onSeed }: Search): Promise<Found> {
  const first = seed ?? Math.floor(Math.random() * 1_000_000_000);
  const found: Found = {
    seed: first,
    scenarios: 0,
    executions: 0,
    crashes: 0,
    events: 0,
    statuses: {},
    failure: undefined,
  };
  const untilMs = performance.now() + forMs;
  for (let next = first; found.failure === undefined && (next === first || performance.now() < untilMs); next += 1) {
    await playSeed(next, found, weakness);
    if (found.failure !== undefined) found.seed = next;
    onSeed?.(found);
  }
  return found;
}

async function playSeed(seed: number, found: Found, weakness: Weakness): Promise<void> {
  let shrinkUntilMs = Number.POSITIVE_INFINITY;
  const isOver = (): boolean => performance.now() > shrinkUntilMs;
  const property = fc.asyncProperty(scenarioOf(SIZE), async (scenario) => {
    // Time to shrink is over: what was found stands.
    if (isOver()) return true;
    const { faults, executions, crashes, events, statuses } = await simulate(scenario, { weakness });
    if (found.failure === undefined) {
      found.scenarios += 1;
      found.executions += executions;
      found.crashes += crashes;
      found.events += events;
      for (const [status, count] of Object.entries(statuses)) {
        found.statuses[status] = (found.statuses[status] ?? 0) + count;
      }
    }
    if (faults.length === 0) return true;
    shrinkUntilMs = Math.min(shrinkUntilMs, performance.now() + SHRINK_MS);
    found.failure = { scenario, weakness };
    return false;
  });
  await fc.check(property, { seed, numRuns: SCENARIOS_OF_A_SEED });
  if (found.failure === undefined) return;
  const fails = async (scenario: Scenario): Promise<boolean> =>
    (await simulate(scenario, { weakness })).faults.length > 0;
  shrinkUntilMs = performance.now() + SHRINK_MS;
  found.failure = { scenario: await shrink(found.failure.scenario, fails, isOver), weakness };
}

/** What a failing scenario breaks, and all that happens in it. */
export async function explainFailure({ scenario, weakness }: Failure): Promise<string> {
  const { faults, trace } = await simulate(scenario, { weakness, traced: true });
  return [
    "It breaks:",
    ...faults.map((fault) => `  ${fault}`),
    "The scenario:",
    JSON.stringify(scenario, undefined, 1).replaceAll(/\s+/g, " "),
    "What happened:",
    ...trace.map((line) => `  ${line}`),
  ].join("\n");
}
