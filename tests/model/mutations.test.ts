import { describe, it } from "vitest";

import { breaks } from "./check.ts";
import {
  withLateStartRecord,
  withLostMail,
  withoutIdempotency,
  withoutStartRecord,
  withoutTombstone,
  withSeparateOutbox,
} from "./mutations.ts";
import { callingNothing, steps } from "./plans.ts";

/** A rule of the protocol that is taken away must show. */
describe("the checker finds", () => {
  it("M2, M7, M9: a store without a fence", async () => {
    const budgets = { takeovers: 1, preemptions: 2, faults: 1 };
    await breaks("no fence", { ...steps(2), budgets, weakness: { noFence: true } }, ["M2", "M7", "M9"]);
  });

  it("M8: a store without a fence, by what it tells the world", async () => {
    const budgets = { takeovers: 1, cancels: 1, preemptions: 2, faults: 2 };
    await breaks("no fence, cancelled", { ...steps(2), budgets, weakness: { noFence: true } }, ["M8"]);
  });

  it("M3: steps whose start is not on record", async () => {
    const budgets = { crashes: 1, cancels: 1, faults: 2 };
    await breaks("no start record", { ...steps(2), budgets, wrap: withoutStartRecord }, ["M3"]);
  });

  it("M3: steps whose start is recorded after their effect", async () => {
    const budgets = { crashes: 1, cancels: 1, faults: 2 };
    await breaks("start record after the effect", { ...steps(2), budgets, wrap: withLateStartRecord }, ["M3"]);
  });

  it("M3: undos that leave no tombstone", async () => {
    const budgets = { takeovers: 1, cancels: 1, preemptions: 1, faults: 2 };
    await breaks("no tombstone", { ...steps(1), budgets, wrap: withoutTombstone }, ["M3"]);
  });

  it("M8: an outbox that is written apart from the commit", async () => {
    const budgets = { crashes: 1, faults: 1 };
    await breaks(
      "outbox outside the commit",
      { ...steps(1, { s1: { emits: true } }), budgets, wrap: withSeparateOutbox },
      ["M8"],
    );
  });

  it("M14: submissions whose key is not looked at", async () => {
    const budgets = { duplicates: 1, faults: 1 };
    await breaks("no idempotency", { ...steps(1), budgets, wrap: withoutIdempotency }, ["M14"]);
  });

  it("M1: mail that is lost when an execution is let go", async () => {
    const budgets = { faults: 0 };
    await breaks("lost mail", { ...callingNothing(), budgets, wrap: withLostMail }, ["M1"]);
  });
});
