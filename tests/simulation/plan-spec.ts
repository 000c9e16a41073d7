import fc from "fast-check";

import { UNDO_RETRY } from "../../shared/sagas/retry-policy.ts";

/** How a piece of work goes: well, well from some attempt on, or never. */
export type Fate =
  | { readonly kind: "ok" }
  | { readonly kind: "flaky"; readonly failures: number }
  | { readonly kind: "fails" }
  | { readonly kind: "hangs" };

export interface WorkSpec {
  readonly fate: Fate;
  readonly ms: number;
  /** Absent means that it cannot be undone; the number says how often its undo fails first. */
  readonly undo?: number;
  readonly once: boolean;
  /** Returns more than a commit may hold. */
  readonly large: boolean;
  readonly emits: boolean;
}

interface Conditional {
  /** Left out by its condition. */
  readonly skipped: boolean;
}

export type NodeSpec = Conditional &
  (
    | { readonly kind: "step"; readonly work: WorkSpec }
    | { readonly kind: "pivot"; readonly work: WorkSpec }
    | { readonly kind: "parallel"; readonly works: readonly WorkSpec[]; readonly collect: boolean }
    | {
        readonly kind: "map";
        readonly works: readonly WorkSpec[];
        readonly concurrency: number;
        readonly collect: boolean;
      }
    | { readonly kind: "sleep"; readonly ms: number }
    | {
        readonly kind: "await";
        readonly timeoutMs: number | undefined;
        readonly compensates: boolean;
        /** When its signal is sent, after the acceptance; undefined means never. */
        readonly signalAfterMs: number | undefined;
      }
    /** The child calls one of its own between its first step and the others, when there are works for that one. */
    | { readonly kind: "call"; readonly child: readonly WorkSpec[]; readonly grandchild: readonly WorkSpec[] }
    | { readonly kind: "emit" }
  );

export interface PlanSpec {
  readonly nodes: readonly NodeSpec[];
  readonly ends: boolean;
}

const fate: fc.Arbitrary<Fate> = fc.oneof(
  { arbitrary: fc.constant({ kind: "ok" } as const), weight: 24 },
  {
    arbitrary: fc.record({ kind: fc.constant("flaky" as const), failures: fc.integer({ min: 1, max: 2 }) }),
    weight: 4,
  },
  { arbitrary: fc.constant({ kind: "fails" } as const), weight: 2 },
  { arbitrary: fc.constant({ kind: "hangs" } as const), weight: 1 },
);

/** Mostly short; now and then long enough for a worker to be taken for dead over it. */
const workMs = fc.oneof(
  { arbitrary: fc.integer({ min: 0, max: 20 }), weight: 9 },
  fc.integer({ min: 500, max: 6_000 }),
);
const rarely = (weight: number) => fc.oneof({ arbitrary: fc.constant(false), weight }, fc.constant(true));

const work: fc.Arbitrary<WorkSpec> = fc.record(
  {
    fate,
    ms: workMs,
    undo: fc.oneof(
      { arbitrary: fc.constant(0), weight: 8 },
      { arbitrary: fc.integer({ min: 1, max: 3 }), weight: 2 },
      // More often than an undo is tried by itself: the execution becomes dead, until a person lets it go on.
      fc.constant(UNDO_RETRY.maxAttempts + 1),
    ),
    once: rarely(14),
    large: rarely(30),
    emits: rarely(4),
  },
  { requiredKeys: ["fate", "ms", "once", "large", "emits"] },
);
/** For plans that commit at their ends, which hold idempotent steps only. */
const idempotent = work.map((spec) => ({ ...spec, once: false }));

const node: fc.Arbitrary<NodeSpec> = fc
  .tuple(
    fc.oneof(
      { arbitrary: fc.record({ kind: fc.constant("step" as const), work }), weight: 8 },
      { arbitrary: fc.record({ kind: fc.constant("pivot" as const), work }), weight: 1 },
      {
        arbitrary: fc.record({
          kind: fc.constant("parallel" as const),
          works: fc.array(work, { minLength: 1, maxLength: 3 }),
          collect: fc.boolean(),
        }),
        weight: 2,
      },
      {
        arbitrary: fc.record({
          kind: fc.constant("map" as const),
          works: fc.array(work, { maxLength: 4 }),
          concurrency: fc.integer({ min: 1, max: 3 }),
          collect: fc.boolean(),
        }),
        weight: 2,
      },
      {
        arbitrary: fc.record({ kind: fc.constant("sleep" as const), ms: fc.integer({ max: 40_000, min: 1 }) }),
        weight: 1,
      },
      {
        arbitrary: fc.record({
          kind: fc.constant("await" as const),
          timeoutMs: fc.option(fc.integer({ min: 1, max: 30_000 }), { nil: undefined }),
          compensates: fc.boolean(),
          signalAfterMs: fc.option(fc.integer({ min: 0, max: 20_000 }), { nil: undefined }),
        }),
        weight: 2,
      },
      {
        arbitrary: fc.record({
          kind: fc.constant("call" as const),
          child: fc.array(work, { minLength: 1, maxLength: 2 }),
          grandchild: fc.array(work, { maxLength: 2 }),
        }),
        weight: 2,
      },
      { arbitrary: fc.record({ kind: fc.constant("emit" as const) }), weight: 1 },
    ),
    rarely(12),
  )
  .map(([spec, skipped]) => ({ ...spec, skipped }));

/** A wait that nobody ends would never end: it gets a signal, or a time. */
function ending(spec: NodeSpec): NodeSpec {
  if (spec.kind !== "await" || spec.timeoutMs !== undefined || spec.signalAfterMs !== undefined) return spec;
  return { ...spec, signalAfterMs: 0 };
}

export const planSpec: fc.Arbitrary<PlanSpec> = fc.oneof(
  {
    arbitrary: fc
      .array(node, { minLength: 1, maxLength: 6 })
      .map((nodes): PlanSpec => ({ nodes: nodes.map(ending), ends: false })),
    weight: 6,
  },
  fc
    .array(fc.record({ kind: fc.constant("step" as const), work: idempotent, skipped: rarely(12) }), {
      minLength: 1,
      maxLength: 4,
    })
    .map((nodes): PlanSpec => ({ nodes, ends: true })),
);
