import * as z from "zod";

import { acceptedAnswer, executionAnswer } from "../../shared/http/routes/execution-view.ts";
import { type LogEntry, logEntrySchema } from "../../shared/state/log-entry.ts";
import type { Api, Query } from "./api.ts";

const PAGE = 1_000;

export type ExecutionAnswer = z.infer<typeof executionAnswer>;
export type Accepted = z.infer<typeof acceptedAnswer>;

/** The state of an execution as the runtime has it. Throws `execution.not_found`. */
export function readExecution(api: Api, executionId: string): Promise<ExecutionAnswer> {
  return api.get(`/execution/${encodeURIComponent(executionId)}/status`, executionAnswer);
}

/** Tells an execution something: `/cancel`, `/retry`, `/signal/<name>`. */
export function tellExecution(
  api: Api,
  executionId: string,
  what: string,
  body: object,
  headers?: Readonly<Record<string, string>>,
): Promise<Accepted> {
  return api.post(`/execution/${encodeURIComponent(executionId)}/${what}`, acceptedAnswer, body, headers);
}

const entriesPage = z.object({ entries: z.array(logEntrySchema), next_cursor: z.string().optional() });

/** Log entries that match, as many as `limit`, fetched page by page. */
export async function* readEntries(api: Api, filter: Query, limit = Number.POSITIVE_INFINITY): AsyncIterable<LogEntry> {
  let left = limit;
  let cursor: string | undefined;
  do {
    const page = await api.get("/wal", entriesPage, { ...filter, limit: String(Math.min(PAGE, left)), cursor });
    yield* page.entries;
    left -= page.entries.length;
    cursor = page.next_cursor;
  } while (cursor !== undefined && left > 0);
}
