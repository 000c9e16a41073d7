import type { Durability } from "../../../shared/ports/execution-store.ts";
import type { IntentDefinition } from "../../../shared/sagas/intent-definition.ts";
import type { Operations } from "./operations.ts";
import type { Prices } from "./prices.ts";

const MILLION = 1_000_000;
const GIB = 1024 ** 3;
const TIB = 1024 ** 4;

/** Dollars for a million executions, by who is paid. */
export interface Bill {
  readonly firestore: number;
  readonly redis: number;
  readonly pubsub: number;
  readonly cloudRun: number;
  /** The four together: what running them costs. */
  readonly running: number;
  /** Keeping log and state until the retention ends. */
  readonly keeping: number;
}

/** What a million executions cost that each take these operations, with short steps. */
export function billOf(
  operations: Operations,
  { resources, durability, plan }: Pick<IntentDefinition, "resources" | "durability" | "plan">,
  prices: Prices,
): Bill {
  const { firestore, upstash_redis, pubsub, cloud_run, assumed } = prices;
  const documents =
    operations.documentWrites * firestore.document_write +
    operations.documentReads * firestore.document_read +
    operations.documentDeletes * firestore.document_delete;
  const seconds =
    (operations.commits * secondsOf(durability, assumed) + plan.nodes.length * assumed.step_seconds) /
    assumed.requests_at_a_time;
  const compute =
    seconds * (resources.cpu * cloud_run.cpu_second + (resources.memoryMb / 1_024) * cloud_run.memory_gib_second);
  const bill = {
    firestore: documents * MILLION,
    redis: operations.redisCommands * upstash_redis.command * MILLION,
    pubsub: ((operations.pubsubBytes * MILLION) / TIB) * pubsub.tib,
    cloudRun: (compute + cloud_run.request) * MILLION,
  };
  return {
    ...bill,
    running: bill.firestore + bill.redis + bill.pubsub + bill.cloudRun,
    keeping: ((operations.storedBytes * MILLION) / GIB) * firestore.storage_gib_month * prices.retention_months,
  };
}

/** What others publish as their price of a million workflows of so many steps; the code of the steps costs extra there. */
export function priceElsewhere({ price, units }: Prices["others"][number], steps: number): number {
  return (units.start + steps * units.step) * price * MILLION;
}

function secondsOf(durability: Durability, assumed: Prices["assumed"]): number {
  return durability === "fast" ? assumed.commit_seconds_fast : assumed.commit_seconds_strict;
}
