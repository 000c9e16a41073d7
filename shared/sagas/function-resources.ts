import { RuntimeError } from "../errors.ts";

/** What each instance of an intent's function gets, and how many there may be; the limits are Cloud Run's. */
export interface FunctionResources {
  /** From 512, the least of the second generation. */
  readonly memoryMb: number;
  readonly cpu: 1 | 2 | 4 | 6 | 8;
  /** Requests that one instance serves at a time, up to 1,000. */
  readonly concurrency: number;
  /** Instances that are kept although nothing is asked of them; 0 costs nothing while idle. */
  readonly minInstances: number;
  /** A bound on what a flood may cost. */
  readonly maxInstances: number;
}

const DEFAULTS: FunctionResources = { memoryMb: 512, cpu: 1, concurrency: 40, minInstances: 0, maxInstances: 20 };
/** The memory that goes with so many CPUs. Source: Cloud Run's documentation on memory limits. */
const MEMORY_MB: Readonly<Record<FunctionResources["cpu"], readonly [least: number, most: number]>> = {
  1: [512, 4_096],
  2: [512, 8_192],
  4: [2_048, 16_384],
  6: [4_096, 24_576],
  8: [4_096, 32_768],
};
const MAX_CONCURRENCY = 1_000;
const MAX_INSTANCES = 1_000;

/** Resources with the defaults for what is left out. Throws `plan.bad_resources` for what Cloud Run would refuse. */
export function functionResources(of: string, given: Partial<FunctionResources> = {}): FunctionResources {
  const resources = { ...DEFAULTS, ...given };
  const { memoryMb, cpu, concurrency, minInstances, maxInstances } = resources;
  const [least, most] = MEMORY_MB[cpu];
  const bounds = [
    [`memoryMb with ${cpu} CPU`, memoryMb, least, most],
    ["concurrency", concurrency, 1, MAX_CONCURRENCY],
    ["maxInstances", maxInstances, 1, MAX_INSTANCES],
    ["minInstances", minInstances, 0, maxInstances],
  ] as const;
  for (const [name, value, from, to] of bounds) {
    if (Number.isInteger(value) && value >= from && value <= to) continue;
    throw new RuntimeError("plan.bad_resources", `${of}: ${name} must be from ${from} to ${to}, not ${value}.`);
  }
  return resources;
}
