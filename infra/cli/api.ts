import * as z from "zod";

import { RuntimeError } from "../../shared/errors.ts";
import { problemSchema } from "../../shared/http/problem.ts";
import { type LogEntry, logEntrySchema } from "../../shared/state/log-entry.ts";

/** An answer that takes longer than this is not coming. */
const CALL_TIMEOUT_MS = 60_000;

export type Query = Readonly<Record<string, string | undefined>>;

/** A runtime as one caller of one tenant sees it; every call throws a `RuntimeError`: the runtime's own, or `runtime.unreachable`. */
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
  readonly signal: AbortSignal;
}

export function createApi({ url, tenantId, token, signal }: ApiOptions): Api {
  const authorization = `Bearer ${token}`;
  const pathWith = (path: string, query: Query): string => {
    const members = Object.entries({ tenant_id: tenantId, ...query }).filter(
      (member): member is [string, string] => member[1] !== undefined,
    );
    return `${path}?${new URLSearchParams(members).toString()}`;
  };
  return {
    get: (path, schema, query = {}) =>
      call(url, { path: pathWith(path, query), headers: { authorization }, signal }, schema),
    post: (path, schema, body, headers = {}) =>
      call(
        url,
        { path, body: { tenant_id: tenantId, ...body }, headers: { authorization, ...headers }, signal },
        schema,
      ),
    events: (executionId, sequence) =>
      streamEntries(url, {
        path: pathWith(`/execution/${encodeURIComponent(executionId)}/events`, {}),
        headers: { authorization, accept: "text/event-stream", "last-event-id": String(sequence) },
        signal,
      }),
  };
}

interface Request {
  readonly path: string;
  /** Sent as JSON by POST. */
  readonly body?: object;
  readonly headers: Readonly<Record<string, string>>;
  readonly signal: AbortSignal;
}

/** One request and its JSON answer. */
export async function call<Schema extends z.ZodType>(
  url: string,
  request: Request,
  schema: Schema,
): Promise<z.infer<Schema>> {
  const signal = AbortSignal.any([request.signal, AbortSignal.timeout(CALL_TIMEOUT_MS)]);
  const response = await send(url, { ...request, signal });
  const answer = schema.safeParse(await json(url, response));
  if (answer.success) return answer.data;
  throw new RuntimeError(
    "runtime.other_version",
    `${url} answered what this version cannot read: ${z.prettifyError(answer.error)}`,
  );
}

/** An answer of a success; throws what a problem says. */
async function send(url: string, { path, body, headers, signal }: Request): Promise<Response> {
  let response: Response;
  try {
    response = await fetch(new URL(path, url), {
      signal,
      headers: body === undefined ? headers : { "content-type": "application/json", ...headers },
      ...(body === undefined ? {} : { method: "POST", body: JSON.stringify(body) }),
    });
  } catch (error) {
    throw unreachable(url, error);
  }
  if (response.ok) return response;
  const problem = problemSchema.safeParse(await json(url, response).catch(() => undefined));
  if (!problem.success) {
    throw new RuntimeError(
      "runtime.other_server",
      `${url} answers ${response.status} without a problem: is it a Symphainy runtime?`,
      {
        status: response.status,
      },
    );
  }
  const { code, detail, status, retryable, errors = [], details, trace_id } = problem.data;
  throw new RuntimeError(code, detail, { status, retryable, faults: errors, details: { ...details, trace_id } });
}

async function json(url: string, response: Response): Promise<unknown> {
  let text: string;
  try {
    text = await response.text();
  } catch (error) {
    throw unreachable(url, error);
  }
  try {
    return JSON.parse(text) as unknown;
  } catch {
    throw new RuntimeError("runtime.other_server", `${url} does not answer in JSON: is it a Symphainy runtime?`, {
      status: 502,
    });
  }
}

async function* streamEntries(url: string, request: Request): AsyncIterable<LogEntry> {
  const response = await send(url, request);
  const decoder = new TextDecoder();
  let buffered = "";
  try {
    for await (const bytes of (response.body ?? []) as AsyncIterable<Uint8Array>) {
      buffered += decoder.decode(bytes, { stream: true });
      const events = buffered.split("\n\n");
      buffered = events.pop() ?? "";
      for (const event of events) {
        const data = /^data: (.*)$/m.exec(event)?.[1];
        if (data !== undefined) yield logEntrySchema.parse(JSON.parse(data));
      }
    }
  } catch (error) {
    if (error instanceof z.ZodError) throw error;
    throw unreachable(url, error);
  }
}

function unreachable(url: string, cause: unknown): RuntimeError {
  const why = cause instanceof Error && cause.cause instanceof Error ? cause.cause : cause;
  const code = why instanceof Error && "code" in why ? String(why.code) : "";
  const reason = code === "" ? (why instanceof Error ? why.message : String(why)) : code;
  return new RuntimeError("runtime.unreachable", `Nothing answers at ${url} (${reason}).`, {
    status: 503,
    retryable: true,
    cause,
  });
}
