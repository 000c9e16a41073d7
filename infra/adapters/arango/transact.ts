import type { Database } from "arangojs";
import type { Transaction } from "arangojs/transactions";

import type { Clock } from "../../../shared/clock.ts";
import { graphUnavailable } from "../../../shared/ports/graph-states.ts";
import type { Random } from "../../../shared/random.ts";
import { ARANGO, errorNumber } from "./connection.ts";

export interface TransactDeps {
  readonly clock: Pick<Clock, "sleep">;
  readonly random: Pick<Random, "fraction">;
}

const ATTEMPTS = 12;
const FIRST_DELAY_MS = 5;
const LONGEST_DELAY_MS = 1_000;

/** One request within the transaction; it must be sent before the function that makes it first waits. */
export type Step = <Result>(send: () => Promise<Result>) => Promise<Result>;

/** Aborts the transaction and gives this back: what the work found says that nothing is to be written. */
export class Instead<Result> {
  readonly result: Result;
  constructor(result: Result) {
    this.result = result;
  }
}

/**
 * A stream transaction over the collections, run again from its beginning when another one wrote the same (1200). One whose commit was
 * not answered may have happened: `work` finds its own effect then.
 */
export async function transact<Result>(
  database: Database,
  { clock, random }: TransactDeps,
  collections: readonly string[],
  work: (step: Step) => Promise<Result | Instead<Result>>,
): Promise<Result> {
  for (let attempt = 1; ; attempt += 1) {
    const transaction = await database.beginTransaction({ write: [...collections] });
    try {
      const result = await work((send) => transaction.step(send));
      if (result instanceof Instead) {
        await abandon(transaction);
        return result.result;
      }
      await transaction.commit();
      return result;
    } catch (error) {
      await abandon(transaction);
      if (errorNumber(error) !== ARANGO.conflict && !(error instanceof Contended)) throw error;
      if (attempt === ATTEMPTS) throw graphUnavailable(error);
    }
    const ceilingMs = Math.min(LONGEST_DELAY_MS, FIRST_DELAY_MS * 2 ** attempt);
    await clock.sleep(Math.ceil(ceilingMs * random.fraction()));
  }
}

/** One document of many was written by another transaction: bulk answers tell so without failing. */
export class Contended extends Error {}

/** Throws for the failures of a bulk answer; those of `expected` are let pass. */
export function expectAll(results: readonly object[], expected: readonly number[] = []): void {
  for (const result of results) {
    if (!("errorNum" in result) || expected.includes(Number(result.errorNum))) continue;
    if (result.errorNum === ARANGO.conflict) throw new Contended();
    throw new Error(`ArangoDB refused a document: ${String(result.errorNum)}`);
  }
}

/** The server forgets it by itself when it does not hear this. */
async function abandon(transaction: Transaction): Promise<void> {
  await transaction.abort().catch(() => undefined);
}
