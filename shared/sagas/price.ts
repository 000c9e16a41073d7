import type { IntentDefinition } from "./intent-definition.ts";
import type { PlanNode } from "./plan.ts";

/**
 * What an execution costs at the store when every condition holds, nothing fails, and what it waits for takes a while. A map is
 * priced for one item, `perItem` being what each further one adds. A child is an execution of its own, with a price of its own.
 */
export interface Price {
  /** Its acceptance included. */
  readonly commits: number;
  /** Calls of the store that it needs to go on: commits, claims, and looks into its mailbox. */
  readonly commands: number;
  readonly logEntries: number;
  /** An estimate of what is sent to be written, state and log, without parameters and outputs, which only the caller knows. */
  readonly bytes: number;
  readonly perItem: Pick<Price, "commits" | "logEntries" | "bytes"> | undefined;
}

/** Intent received, execution started, saga started; and its end. */
const FRAME_ENTRIES = 4;
/**
 * An entry, and the state that a commit writes: halfway, by ratio, between a database, which takes both whole, and Redis, which takes
 * an entry's parts and what has changed. Of the sagas of the bench each is within 1.7 times what is counted (tests/unit/sagas/price.test.ts).
 */
const ENTRY_BYTES = 900;
const STATE_BYTES = 750;

interface Cost {
  readonly commits: number;
  readonly entries: number;
  /** How often it is let go of, and claimed again. */
  readonly resumptions: number;
}

/** The price of an intent, known before it runs. */
export function priceOf({ plan }: Pick<IntentDefinition, "plan">): Price {
  const costs = plan.nodes.map(costOf);
  const sum = (of: (cost: Cost) => number): number => costs.reduce((total, cost) => total + of(cost), 0);
  const resumptions = sum(({ resumptions: each }) => each);
  const first = plan.nodes.find(({ kind }) => kind !== "emit");
  // An acceptance lets nothing go: what waits from the start is let go of by a commit more.
  const putDown = first?.kind === "await" || first?.kind === "sleep" ? 1 : 0;
  const straight = 1 + putDown + sum((cost) => cost.commits);
  const commits = plan.checkpoint === "ends" && resumptions === 0 ? Math.min(2, straight) : straight;
  const logEntries = FRAME_ENTRIES + sum(({ entries }) => entries);
  const maps = plan.nodes.filter(({ kind }) => kind === "map").length;
  return {
    commits,
    commands: commits + 2 * resumptions,
    logEntries,
    bytes: bytesOf(commits, logEntries),
    perItem:
      maps === 0
        ? undefined
        : { commits: plan.checkpoint === "ends" ? 0 : maps, logEntries: 2 * maps, bytes: bytesOf(maps, 2 * maps) },
  };
}

function bytesOf(commits: number, entries: number): number {
  return commits * STATE_BYTES + entries * ENTRY_BYTES;
}

function costOf(node: PlanNode): Cost {
  switch (node.kind) {
    case "step":
      return { commits: 1, entries: 2, resumptions: 0 };
    case "map":
      return { commits: 1, entries: 4, resumptions: 0 };
    case "parallel": {
      const branches = Object.keys(node.branches).length;
      return { commits: branches, entries: 2 * branches + 2, resumptions: 0 };
    }
    // It is let go of with the result before it, and goes on with a commit of its own.
    case "await":
      return { commits: 1, entries: 5, resumptions: 1 };
    case "sleep":
      return { commits: 1, entries: 4, resumptions: 1 };
    case "call":
      return { commits: 3, entries: 5, resumptions: 1 };
    case "emit":
      return { commits: 0, entries: 2, resumptions: 0 };
  }
}
