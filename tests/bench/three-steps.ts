import * as z from "zod";

import { intent } from "../../shared/sagas/intent.ts";
import type { IntentDefinition } from "../../shared/sagas/intent-definition.ts";

/** Three steps that do next to nothing: what remains is the price of running them durably. */
export const threeSteps: IntentDefinition = intent("bench.three_steps", {
  version: 1,
  description: "Three trivial steps.",
  input: z.strictObject({ amount: z.number() }),
  output: z.object({ total: z.number() }),
})
  .step("reserve", { run: ({ input }) => ({ reserved: input.amount }) })
  .step("charge", { run: ({ outputs }) => ({ charged: outputs.reserve.reserved + 1 }) })
  .step("ship", { run: ({ outputs }) => ({ shipped: outputs.charge.charged + 1 }) })
  .returns(({ outputs }) => ({ total: outputs.ship.shipped }));

export const PARAMETERS = { amount: 40 };
