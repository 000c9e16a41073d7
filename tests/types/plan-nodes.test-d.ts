import * as z from "zod";

import { type Collected, intent } from "../../shared/sagas/intent.ts";
import type { IntentDefinition } from "../../shared/sagas/intent-definition.ts";

const header = {
  version: 1,
  description: "typed",
  input: z.object({ ids: z.array(z.string()), urgent: z.boolean() }),
  output: z.object({ total: z.number() }),
};

/** Never run: that a value has exactly this type is the test. */
function is<Expected>() {
  return <Actual>(_: Actual, ..._same: Same<Expected, Actual> extends true ? [] : [never]): void => undefined;
}
type Same<A, B> = [A, B] extends [B, A] ? true : false;

const child: IntentDefinition<{ id: string }, { price: number }> = intent("test.child", {
  ...header,
  input: z.object({ id: z.string() }),
  output: z.object({ price: z.number() }),
})
  .step("only", { run: () => ({ price: 1 }) })
  .returns(({ outputs }) => outputs.only);

/** Outputs flow through every kind of node. */
export function typesFlowThroughEveryNode(): IntentDefinition {
  return intent("test.nodes", header)
    .step("count", { run: ({ input }) => ({ n: input.ids.length }) })
    .await("approval", { schema: z.object({ by: z.string() }), timeout: "1h" })
    .await("answer", { schema: z.number(), timeout: "1h", onTimeout: "continue" })
    .sleep("pause", { delay: "1s" })
    .parallel("both", { branches: { left: { run: () => ({ l: 1 }) }, right: { run: async () => ({ r: "x" }) } } })
    .parallel("tried", { branches: { left: { run: () => ({ l: 1 }) } }, onFailure: "collect" })
    .map("each", { over: ({ input }) => input.ids, run: (_, id) => ({ id, length: id.length }) })
    .map("tried_each", { over: () => [1, 2], run: (_, n) => ({ n }), onFailure: "collect" })
    .call("price", { intent: child, input: ({ outputs }) => ({ id: outputs.approval.by }) })
    .emit("told", { event: ({ outputs }) => ({ type: "priced", data: { price: outputs.price.price } }) })
    .pivot("charge", { run: ({ outputs }) => ({ paid: outputs.price.price }) })
    .returns(({ outputs }) => {
      is<{ n: number }>()(outputs.count);
      is<{ by: string }>()(outputs.approval);
      is<number | null>()(outputs.answer);
      is<number>()(outputs.both.left.l);
      is<string>()(outputs.both.right.r);
      const left: Collected<{ readonly l: number }> = outputs.tried.left;
      void left;
      const each: readonly { readonly id: string; readonly length: number }[] = outputs.each;
      void each;
      const triedEach: readonly Collected<{ readonly n: number }>[] = outputs.tried_each;
      void triedEach;
      is<{ price: number }>()(outputs.price);
      is<{ paid: number }>()(outputs.charge);
      // @ts-expect-error -- a sleep has no output
      void outputs.pause;
      // @ts-expect-error -- an emit has no output
      void outputs.told;
      // @ts-expect-error -- a branch that was not declared
      void outputs.both.middle;
      // @ts-expect-error -- what is collected must be asked whether it went well
      void outputs.tried.left.output;
      return { total: outputs.charge.paid };
    });
}

/** A node that may be skipped may be null. */
export function conditionsMakeOutputsNullable(): IntentDefinition {
  return intent("test.maybe", header)
    .step("step", { when: ({ input }) => input.urgent, run: () => ({ n: 1 }) })
    .await("await", { when: ({ outputs }) => outputs.step !== null, schema: z.string() })
    .parallel("both", { when: () => true, branches: { left: { run: () => ({ l: 1 }) } } })
    .map("each", { when: () => true, over: ({ input }) => input.ids, run: (_, id) => ({ id }) })
    .call("price", { when: () => true, intent: child, input: () => ({ id: "x" }) })
    .returns(({ outputs }) => {
      is<{ n: number } | null>()(outputs.step);
      is<string | null>()(outputs.await);
      is<readonly { id: string }[] | null>()(outputs.each);
      is<{ price: number } | null>()(outputs.price);
      // @ts-expect-error -- all of its branches may have been skipped
      void outputs.both.left;
      // @ts-expect-error -- it may have been skipped
      void outputs.step.n;
      return { total: outputs.step?.n ?? 0 };
    });
}

/** What must not compile, one by one. */
export function mistakes(): void {
  const start = intent("test.nodes", header).step("count", { run: () => ({ n: 1 }) });
  // @ts-expect-error -- an item has the type of its list
  start.map("each", { over: ({ input }) => input.ids, run: (_, id: number) => ({ id }) });
  // @ts-expect-error -- a child takes its own input
  start.call("price", { intent: child, input: () => ({ id: 7 }) });
  // @ts-expect-error -- an event's data is computed from nodes before it
  start.emit("told", { event: ({ outputs }) => ({ type: "t", data: outputs.later }) });
  // @ts-expect-error -- an await that goes on needs to know when
  start.await("go", { schema: z.string(), onTimeout: "continue" });
  // @ts-expect-error -- an await knows what it waits for
  start.await("go", { timeout: "1h" });
  // @ts-expect-error -- a sleep has a unit
  start.sleep("pause", { delay: 5 });
  // @ts-expect-error -- a condition says yes or no
  start.step("two", { when: () => "yes", run: () => ({}) });
  // @ts-expect-error -- an undo sees what its own step returned
  start.step("two", { run: () => ({ id: 1 }), undo: ({ output }) => void output?.name });
  // @ts-expect-error -- an undo cannot be sure of an output
  start.step("two", { run: () => ({ id: 1 }), undo: ({ output }) => void output.id });
  // @ts-expect-error -- a branch returns an object
  start.parallel("both", { branches: { left: { run: () => 5 } } });
  // @ts-expect-error -- there are two ways to take a failure
  start.parallel("both", { branches: { left: { run: () => ({}) } }, onFailure: "ignore" });
  // @ts-expect-error -- a pivot has no condition: it is passed or not
  start.pivot("charge", { when: () => true, run: () => ({}) });
}
