import * as z from "zod";

import { intent } from "../../../shared/sagas/intent.ts";
import type { IntentDefinition } from "../../../shared/sagas/intent-definition.ts";

interface Ways {
  readonly checkpoint?: "ends";
  readonly durability?: "fast";
}

const threeSteps = (name: string, ways: Ways): IntentDefinition =>
  intent(`cost.${name}`, {
    version: 1,
    description: "Three short steps.",
    input: z.strictObject({}),
    output: z.strictObject({}),
    ...ways,
  })
    .step("reserve", { run: () => ({ done: true }) })
    .step("charge", { run: () => ({ done: true }) })
    .step("ship", { run: () => ({ done: true }) })
    .returns(() => ({}));

/** The same work in the ways in which it can be declared, as a measure for others. */
export const referenceIntents: readonly IntentDefinition[] = [
  threeSteps("three_steps", {}),
  threeSteps("three_steps_ends", { checkpoint: "ends" }),
  threeSteps("three_steps_fast", { durability: "fast" }),
];
