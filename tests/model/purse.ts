import type { Budgets } from "./scenario.ts";

export type Spendable = Exclude<keyof Budgets, "faults">;

const OUTSIDE = ["duplicates", "cancels", "signals", "retries", "rivals"] as const;

/** What may still go wrong in a history. */
export class Purse {
  readonly #left: Record<keyof Budgets, number>;

  constructor(budgets: Budgets) {
    const none = { crashes: 0, errors: 0, takeovers: 0, duplicates: 0, cancels: 0, signals: 0, retries: 0 };
    this.#left = { ...none, rivals: 0, drains: 0, stalls: 0, preemptions: 0, ...budgets };
  }

  has(budget: Spendable): boolean {
    return this.#left[budget] > 0 && (budget === "preemptions" || this.#left.faults > 0);
  }

  spend(budget: Spendable | undefined): void {
    if (budget === undefined) return;
    this.#left[budget] -= 1;
    if (budget !== "preemptions") this.#left.faults -= 1;
  }

  /** Nothing comes from outside any more. */
  closeOutside(): void {
    for (const budget of OUTSIDE) this.#left[budget] = 0;
  }

  toString(): string {
    return Object.values(this.#left).join();
  }
}
