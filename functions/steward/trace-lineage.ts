import * as z from "zod";

import { jsonValue } from "../../shared/json.ts";
import { intent } from "../../shared/sagas/intent.ts";
import { dataClassification, id } from "./classification.ts";

const input = z.strictObject({
  data_id: id.describe("a file, parsed or semantic id"),
  data_classification: dataClassification,
  direction: z.enum(["in", "out", "both"]).default("both"),
});

/** What came of a file, or where something came from. */
export const traceLineage = intent("steward.trace_lineage", {
  version: 1,
  description: "Trace what data came from, and what came of it.",
  input,
  output: z.object({ nodes: z.array(jsonValue), edges: z.array(jsonValue) }),
})
  .step("trace", {
    run: ({ input: asked, steward }) =>
      steward.governance.lineageOf(asked.data_classification, asked.data_id, asked.direction),
  })
  .returns(({ outputs: { trace } }) => ({ nodes: [...trace.nodes], edges: [...trace.edges] }));
