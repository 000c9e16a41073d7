import { describe, expect, it } from "vitest";

import { billOf, priceElsewhere } from "../../infra/dev/cost/dollars.ts";
import { noOperations } from "../../infra/dev/cost/operations.ts";
import { plannedOperations } from "../../infra/dev/cost/planned-operations.ts";
import { readPrices } from "../../infra/dev/cost/prices.ts";
import { referenceIntents } from "../../infra/dev/cost/reference-intents.ts";

const [threeSteps, ends] = referenceIntents;
if (threeSteps === undefined || ends === undefined) throw new Error("there are no reference intents");

describe("what a million executions cost", async () => {
  const prices = await readPrices();

  it("is what each service charges for what it was asked", () => {
    const operations = {
      ...noOperations(),
      documentWrites: 10,
      documentReads: 10,
      documentDeletes: 10,
      redisCommands: 3,
      pubsubBytes: 2_000,
      storedBytes: 1_024,
    };
    const short = { ...threeSteps, plan: { ...threeSteps.plan, nodes: [] } };
    const bill = billOf(operations, short, prices);
    expect(bill.firestore).toBeCloseTo(9 + 3 + 1);
    expect(bill.redis).toBeCloseTo(6);
    // Two thousand bytes a million times are 2e9 of the 2^40 that cost 40 dollars.
    expect(bill.pubsub).toBeCloseTo(0.0728, 3);
    expect(bill.cloudRun).toBeCloseTo(0.4);
    expect(bill.running).toBeCloseTo(bill.firestore + bill.redis + bill.pubsub + bill.cloudRun);
    expect(bill.keeping).toBeCloseTo((1_000_000 / 1_024 ** 2) * 0.15 * 13);
  });

  it("grows with the time that its instances work, by what they are made of", () => {
    const operations = { ...noOperations(), commits: 4 };
    const { cloudRun } = billOf(operations, threeSteps, prices);
    // (4 commits of 20 ms + 3 steps of 5 ms) / 4 at a time, of 1 CPU and half a GiB; and one request.
    expect(cloudRun).toBeCloseTo((0.095 / 4) * (0.000024 + 0.5 * 0.0000025) * 1e6 + 0.4);
    const larger = billOf(operations, { ...threeSteps, resources: { ...threeSteps.resources, cpu: 2 } }, prices);
    expect(larger.cloudRun).toBeGreaterThan(cloudRun);
  });

  it("is known by the plan where nothing of it was run", () => {
    expect(plannedOperations(threeSteps)).toMatchObject({ commits: 4, documentWrites: 10 });
    expect(plannedOperations(ends)).toMatchObject({ commits: 2, documentWrites: 6 });
  });

  it("stands beside published prices, each with its rule and where it was read", () => {
    const of = (name: string): number => {
      const found = prices.others.find((other) => other.name.startsWith(name));
      if (found === undefined) throw new Error(`no prices of ${name}`);
      return priceElsewhere(found, 3);
    };
    expect(of("Temporal")).toBeCloseTo(200);
    expect(of("AWS Step Functions")).toBeCloseTo(100);
    expect(of("Google Workflows")).toBeCloseTo(60);
    expect(of("Upstash Workflow")).toBeCloseTo(40);
  });
});
