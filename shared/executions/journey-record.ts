import * as z from "zod";

import { idSchemas } from "../ids.ts";
import type { RecordKind } from "../state/record-kind.ts";

const journeyRecordSchema = z.object({ execution_id: idSchemas.execution, trace_id: idSchemas.trace });

/** That an execution is part of a journey, written when it is accepted; how far it is, only its own state says. */
export const journeyRecordKind: RecordKind<z.infer<typeof journeyRecordSchema>> = {
  name: "journey",
  schema: journeyRecordSchema,
  facets: ({ trace_id }) => [`trace=${trace_id}`],
};
