import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { asId } from "../../../shared/ids.ts";
import {
  applyFact,
  foldFacts,
  HEALTHY_PERIOD_MS,
  type InstanceFact,
  instanceFactSchema,
  NEW_INSTANCE,
} from "../../../shared/wasm/instance-facts.ts";

const ids = { instance_id: asId.instance("instance_1"), node_id: asId.node("node_1") };

function fact(fact_type: InstanceFact["fact_type"], timestamp_ms: number): InstanceFact {
  return fact_type === "instance_crashed"
    ? { fact_type, ...ids, timestamp_ms, error: "unreachable" }
    : { fact_type, ...ids, timestamp_ms };
}

const anyFacts = fc
  .array(
    fc.tuple(
      fc.constantFrom(
        "instance_started" as const,
        "instance_stopped" as const,
        "instance_crashed" as const,
        "instance_restarted" as const,
      ),
      fc.nat(2 * HEALTHY_PERIOD_MS),
    ),
    { maxLength: 30 },
  )
  .map((steps) => {
    let atMs = 1_000;
    return steps.map(([type, laterMs]) => fact(type, (atMs += laterMs)));
  });

describe("the facts of an instance", () => {
  it("lead from starting over running and crashed to stopped", () => {
    const facts = [
      fact("instance_started", 1),
      fact("instance_crashed", 2),
      fact("instance_restarted", 3),
      fact("instance_stopped", 4),
    ];
    const statuses = facts.map((_, index) => foldFacts(facts.slice(0, index + 1)).status);
    expect(statuses).toEqual(["running", "crashed", "running", "stopped"]);
  });

  it("a crash while starting is a crash", () => {
    expect(foldFacts([fact("instance_crashed", 5)])).toEqual({
      status: "crashed",
      crashCount: 1,
      sinceMs: 5,
      lastError: "unreachable",
    });
  });

  it("nothing follows a stop, and a fact that cannot follow is refused", () => {
    const stopped = foldFacts([fact("instance_started", 1), fact("instance_stopped", 2)]);
    for (const type of ["instance_started", "instance_stopped", "instance_crashed", "instance_restarted"] as const)
      expect(applyFact(stopped, fact(type, 3))).toBeUndefined();
    expect(applyFact(NEW_INSTANCE, fact("instance_restarted", 1))).toBeUndefined();
    const crashed = foldFacts([fact("instance_started", 1), fact("instance_crashed", 2)]);
    expect(applyFact(crashed, fact("instance_crashed", 3))).toBeUndefined();
    expect(applyFact(crashed, fact("instance_started", 3))).toBeUndefined();
  });

  it("crashes add up until the instance has run for a healthy period", () => {
    const soon = [
      fact("instance_started", 0),
      fact("instance_crashed", 10),
      fact("instance_restarted", 20),
      fact("instance_crashed", 20 + HEALTHY_PERIOD_MS - 1),
    ];
    expect(foldFacts(soon).crashCount).toBe(2);
    const late = [...soon.slice(0, 3), fact("instance_crashed", 20 + HEALTHY_PERIOD_MS)];
    expect(foldFacts(late).crashCount).toBe(1);
  });

  it("property 13: any order of facts folds to one status, the same after storing, and only facts that can follow count", () => {
    fc.assert(
      fc.property(anyFacts, (facts) => {
        const stored = facts.map((each) => instanceFactSchema.parse(JSON.parse(JSON.stringify(each))));
        expect(foldFacts(stored)).toEqual(foldFacts(facts));
        let state = NEW_INSTANCE;
        const kept: InstanceFact[] = [];
        for (const each of facts) {
          const next = applyFact(state, each);
          if (next === undefined) continue;
          kept.push(each);
          state = next;
        }
        expect(foldFacts(kept)).toEqual(foldFacts(facts));
        expect(state.crashCount).toBeLessThanOrEqual(
          kept.filter(({ fact_type }) => fact_type === "instance_crashed").length,
        );
      }),
    );
  });
});
