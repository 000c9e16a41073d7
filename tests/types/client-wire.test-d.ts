import type * as z from "zod";

import type {
  Accepted,
  Artifact,
  ArtifactSummary,
  Execution,
  ExecutionSummary,
  LogEntry,
  Outcome,
  PendingIntent,
} from "../../shared/client/wire-types.ts";
import type { artifactSchema } from "../../shared/artifacts/artifact.ts";
import type {
  acceptedAnswer,
  executionAnswer,
  executionSummary,
  outcomeAnswer,
} from "../../shared/http/routes/execution-view.ts";
import type { pendingIntentSchema } from "../../shared/intents/pending-intent.ts";
import type { logEntrySchema } from "../../shared/state/log-entry.ts";

type ServedExecution = z.infer<typeof executionAnswer>;

/** Never run: that what the server's schemas let out is what the client's types say is proven by compiling. */
export const served = {
  accepted: (answer: z.infer<typeof acceptedAnswer>): Accepted => answer,
  summary: (answer: z.infer<typeof executionSummary>): ExecutionSummary => answer,
  outcome: (answer: z.infer<typeof outcomeAnswer>): Outcome => answer,
  entry: (answer: z.infer<typeof logEntrySchema>): LogEntry => answer,
  artifact: (answer: z.infer<typeof artifactSchema>): Artifact & ArtifactSummary => answer,
  pendingIntent: (answer: z.infer<typeof pendingIntentSchema>): PendingIntent => answer,
  unfinished: (answer: ServedExecution & { readonly status: "running" }): Execution => answer,
  completed: (answer: ServedExecution & { readonly status: "completed"; readonly output: string }): Execution => answer,
  /** And no status that the client does not know. */
  status: (answer: ServedExecution["status"]): Execution["status"] => answer,
};
