import fc from "fast-check";

import { type PlanSpec, planSpec } from "./plan-spec.ts";

/** What goes wrong at a contact with the outside: the n-th of the whole run, whoever makes it. */
export interface Fault {
  readonly call: number;
  readonly kind: "fails" | "answer_lost" | "late" | "crash_before" | "crash_after" | "freeze";
  /** How long a freeze lasts, or how long after it was given up a call is carried out. */
  readonly ms: number;
}

export interface SubmissionSpec {
  readonly plan: number;
  readonly atMs: number;
  /** When the same submission arrives again, after the first. */
  readonly againAfterMs: number | undefined;
  readonly cancel: { readonly afterMs: number; readonly compensate: boolean } | undefined;
  /** When two clients at once want it repeated, if it has ended without success by then. */
  readonly retryAfterMs: number | undefined;
}

/** Everything that is decided from outside; the rest follows from the seed. */
export interface Scenario {
  readonly seed: number;
  readonly workers: number;
  readonly plans: readonly PlanSpec[];
  readonly submissions: readonly SubmissionSpec[];
  readonly faults: readonly Fault[];
}

export interface Size {
  readonly executions: number;
  readonly faults: number;
}

export function scenarioOf({ executions, faults }: Size): fc.Arbitrary<Scenario> {
  const kind = fc.constantFrom<Fault["kind"]>("fails", "answer_lost", "late", "crash_before", "crash_after", "freeze");
  return fc.record({
    seed: fc.integer({ min: 0, max: 0xffff_ffff }),
    workers: fc.integer({ min: 1, max: 4 }),
    plans: fc.array(planSpec, { minLength: 1, maxLength: 4 }),
    submissions: fc.array(
      fc.record({
        plan: fc.nat({ max: 3 }),
        atMs: fc.integer({ min: 0, max: 10_000 }),
        againAfterMs: fc.option(fc.integer({ min: 0, max: 15_000 }), { nil: undefined, freq: 4 }),
        cancel: fc.option(fc.record({ afterMs: fc.integer({ min: 0, max: 10_000 }), compensate: fc.boolean() }), {
          nil: undefined,
          freq: 4,
        }),
        retryAfterMs: fc.option(fc.integer({ min: 0, max: 20_000 }), { nil: undefined, freq: 3 }),
      }),
      { minLength: 1, maxLength: executions, size: "max" },
    ),
    faults: fc.array(
      fc.record({
        call: fc.integer({ min: 1, max: executions * 15 }),
        kind,
        ms: fc.integer({ min: 500, max: 9_000 }),
      }),
      { maxLength: faults, size: "max" },
    ),
  });
}
