import * as z from "zod";

import { jsonObject } from "../../shared/json.ts";
import { intent } from "../../shared/sagas/intent.ts";
import type { IntentDefinition } from "../../shared/sagas/intent-definition.ts";

const header = {
  version: 1,
  description: "typed",
  input: z.object({ file_id: z.string(), depth: z.number().default(1) }),
  output: z.object({ rows: z.number() }),
};

/** Never run: that this file compiles, with each expected error, is the test. */
export function typesFlowThroughAPlan(): IntentDefinition {
  return intent("test.typed", { ...header, target: { input: "file_id", artifactType: "file" } })
    .step("count", {
      run: ({ input, tenantId, sessionId }) => {
        const file: string = input.file_id;
        const depth: number = input.depth;
        // @ts-expect-error -- the input has no such member
        void input.missing;
        // @ts-expect-error -- a member has its own type
        const wrong: number = input.file_id;
        // @ts-expect-error -- tenant and session are told apart
        const swapped: typeof tenantId = sessionId;
        return { lines: file.length + depth, wrong, swapped };
      },
    })
    .step("double", {
      timeout: "5s",
      run: async ({ outputs }) => {
        const lines: number = outputs.count.lines;
        // @ts-expect-error -- no step before this one is named so
        void outputs.cuont;
        // @ts-expect-error -- a step does not see its own output
        void outputs.double;
        // @ts-expect-error -- the step before returned no such member
        void outputs.count.rows;
        // @ts-expect-error -- a member has its own type
        const wrong: string = outputs.count.lines;
        return await Promise.resolve({ doubled: lines * 2, wrong });
      },
    })
    .returns(({ input, outputs }) => ({ rows: outputs.double.doubled + outputs.count.lines + input.depth }));
}

/** What must not compile, one by one. */
export function mistakes(): void {
  const start = intent("test.typed", header);
  // @ts-expect-error -- the result must have the declared shape
  start.step("one", { run: () => ({}) }).returns(() => ({ rows: "many" }));
  // @ts-expect-error -- the result sees only the steps of the plan
  start.step("one", { run: () => ({}) }).returns(({ outputs }) => ({ rows: outputs.two }));
  // @ts-expect-error -- a step returns JSON, and a function is none
  start.step("one", { run: () => ({ callback: () => 1 }) });
  // @ts-expect-error -- a step returns an object, so that members can be added to it later
  start.step("one", { run: () => 5 });
  // @ts-expect-error -- a time-out is a duration with its unit
  start.step("one", { timeout: 5_000, run: () => ({}) });
  // @ts-expect-error -- an unknown unit
  start.step("one", { timeout: "5 weeks", run: () => ({}) });
  // @ts-expect-error -- an intent's type has a realm
  intent("typed", header);
  // @ts-expect-error -- the target is a member of the input
  intent("test.typed", { ...header, target: { input: "file", artifactType: "file" } });
  // @ts-expect-error -- the output is an object
  intent("test.typed", { ...header, output: z.string() });
  // @ts-expect-error -- parameters are an object with known members
  intent("test.typed", { ...header, input: jsonObject });
}
