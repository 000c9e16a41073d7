import * as z from "zod";

import { followExecution } from "../../shared/client/execution-events.ts";
import type { ClientHost } from "../../shared/client/host.ts";
import { createTransport } from "../../shared/client/transport.ts";
import { RuntimeError } from "../../shared/errors.ts";
import { explainExpiry } from "./expired-token.ts";
import { type LogEntry, logEntrySchema } from "../../shared/state/log-entry.ts";

/** An answer that takes longer than this is not coming. */
const CALL_TIMEOUT_MS = 60_000;

export type Query = Readonly<Record<string, string | undefined>>;

/** A runtime as one caller of one tenant sees it; every call throws a `RuntimeError`: the runtime's problem, or `client.*`. */
export interface Api {
  get<Schema extends z.ZodType>(path: string, schema: Schema, query?: Query): Promise<z.infer<Schema>>;
  post<Schema extends z.ZodType>(
    path: string,
    schema: Schema,
    body: object,
    headers?: Readonly<Record<string, string>>,
  ): Promise<z.infer<Schema>>;
  /** The log of an execution after `sequence` as it is committed, until the execution has ended. */
  events(executionId: string, sequence: number): AsyncIterable<LogEntry>;
}

export interface ApiOptions {
  readonly url: string;
  readonly tenantId: string;
  readonly token: string;
  readonly host: ClientHost;
  readonly signal: AbortSignal;
}

/** The typed client's transport, with the answers checked: what comes is to be printed, folded and hashed. */
export function createApi({ url, tenantId, token, host, signal }: ApiOptions): Api {
  const transport = createTransport({ baseUrl: url, token, host });
  /** A runtime that has answered is worth waiting for; of one that never did a person wants to hear at once. */
  let answered = false;

  const explained = (error: unknown): Promise<never> => explainExpiry(explainTimeout(error), token, host.clock.now());

  const answerOf = async <Schema extends z.ZodType>(
    schema: Schema,
    answer: Promise<unknown>,
  ): Promise<z.infer<Schema>> => {
    const parsed = schema.safeParse(await answer.catch(explained));
    answered = true;
    if (parsed.success) return parsed.data;
    const message = `${url} answered what this version cannot read: ${z.prettifyError(parsed.error)}`;
    throw new RuntimeError("cli.other_version", message);
  };
  const limited = (): AbortSignal => AbortSignal.any([signal, AbortSignal.timeout(CALL_TIMEOUT_MS)]);

  return {
    get: (path, schema, query = {}) => {
      const call = { path, query: { tenant_id: tenantId, ...query }, signal: limited(), repeatable: answered };
      return answerOf(schema, transport.json(call));
    },
    post: (path, schema, body, headers = {}) => {
      const whole = { tenant_id: tenantId, ...body };
      const call = { method: "POST", path, body: whole, headers, signal: limited(), repeatable: false } as const;
      return answerOf(schema, transport.json(call));
    },
    events: async function* (executionId, after) {
      try {
        for await (const entry of followExecution(transport, { tenantId, executionId }, { after, signal }))
          yield logEntrySchema.parse(entry);
      } catch (error) {
        await explained(error);
      }
    },
  };
}

function explainTimeout(error: unknown): unknown {
  if (error instanceof DOMException && error.name === "TimeoutError")
    return new RuntimeError("client.timeout", `No answer within ${CALL_TIMEOUT_MS / 1_000} s.`, {
      status: 504,
      retryable: true,
      cause: error,
    });
  return error;
}
