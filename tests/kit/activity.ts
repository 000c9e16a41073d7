import { setTimeout as delay } from "node:timers/promises";

import type { IntentDefinition } from "../../shared/sagas/intent-definition.ts";
import type { PlanNode, Work } from "../../shared/sagas/plan.ts";

const QUIET_TURNS = 4;
/** For so long of real time the code of a step may do something that nobody sees, before it counts as waiting for time to pass. */
const PATIENCE_MS = 250;

/** Whether anything is going on, so that a test knows when nothing happens any more unless time passes. */
export interface Activity {
  /** Follows an I/O. */
  io<Result>(work: () => Promise<Result>): Promise<Result>;
  /** Follows the code of a step, until it ends or its worker dies over it. */
  code(work: Promise<unknown>, died: Promise<void>): void;
  /** Resolves when nothing goes on. */
  quiet(): Promise<void>;
}

export function createActivity(): Activity {
  let ios = 0;
  let codes = 0;
  let changes = 0;
  return {
    io: async (work) => {
      ios += 1;
      changes += 1;
      try {
        return await work();
      } finally {
        ios -= 1;
        changes += 1;
      }
    },
    code: (work, died) => {
      codes += 1;
      changes += 1;
      const end = (): void => {
        codes -= 1;
        changes += 1;
      };
      Promise.race([work, died]).then(end, end);
    },
    quiet: async () => {
      let seen = -1;
      let sinceMs = performance.now();
      for (let turns = 0; turns < QUIET_TURNS;) {
        await (turns === 0 && ios + codes > 0 && seen === changes ? delay(1) : new Promise(setImmediate));
        const waits = ios > 0 || (codes > 0 && performance.now() - sinceMs < PATIENCE_MS);
        turns = waits || seen !== changes ? 0 : turns + 1;
        if (seen !== changes) sinceMs = performance.now();
        seen = changes;
      }
    },
  };
}

/** The definition with every run and undo of its plan followed, on a worker that may die. */
export function followed(definition: IntentDefinition, activity: Activity, died: Promise<void>): IntentDefinition {
  const work = <Given extends Work>(given: Given): Given => {
    const follow =
      (code: (...args: never[]) => unknown) =>
      async (...args: never[]) => {
        const running = Promise.try(code, ...args);
        activity.code(running, died);
        return running;
      };
    return { ...given, run: follow(given.run), undo: given.undo === undefined ? undefined : follow(given.undo) };
  };
  const node = (given: PlanNode): PlanNode => {
    switch (given.kind) {
      case "step":
        return work(given);
      case "map":
        return { ...given, work: work(given.work) };
      case "parallel": {
        const branches = Object.entries(given.branches).map(([name, branch]) => [name, work(branch)] as const);
        return { ...given, branches: Object.fromEntries(branches) };
      }
      case "await":
      case "sleep":
      case "call":
      case "emit":
        return given;
    }
  };
  return { ...definition, plan: { ...definition.plan, nodes: definition.plan.nodes.map(node) } };
}
