import { performance } from "node:perf_hooks";
import { setTimeout as sleep } from "node:timers/promises";

import { expect } from "vitest";
import * as z from "zod";

import { REPOSITORY } from "./runtime-process.ts";

const TERMINAL = ["completed", "failed", "compensated", "cancelled", "dead"];
const POLL_EVERY_MS = 40;

const failure = z.looseObject({ code: z.string(), message: z.string(), status: z.int() });
const accepted = z.looseObject({ execution_id: z.string(), intent_id: z.string(), status: z.string() });
const artifact = z.looseObject({
  artifact_id: z.string(),
  artifact_type: z.string(),
  lifecycle_state: z.string(),
  parent_artifacts: z.array(z.string()),
  semantic_descriptor: z.looseObject({ record_count: z.int().optional(), parser_type: z.string().optional() }),
  metadata: z.record(z.string(), z.unknown()),
});
const event = z.looseObject({ event_id: z.string(), event_type: z.string(), data: z.record(z.string(), z.unknown()) });
const executionShape = z.looseObject({
  execution_id: z.string(),
  intent_id: z.string(),
  status: z.string(),
  output: z.record(z.string(), z.unknown()).optional(),
  error: failure.optional(),
  steps: z.array(
    z.looseObject({ step_name: z.string(), status: z.string(), attempt: z.int(), outputs: z.unknown().optional() }),
  ),
  artifacts: z.array(artifact).optional(),
  events: z.array(event).optional(),
});
const entry = z.looseObject({
  event_id: z.string(),
  sequence: z.int(),
  event_type: z.string(),
  execution_id: z.string().optional(),
  step_name: z.string().optional(),
  trace_id: z.string(),
  payload: z.record(z.string(), z.unknown()),
  previous_hash: z.string(),
  hash: z.string(),
});
const problem = z.looseObject({
  code: z.string(),
  title: z.string(),
  detail: z.string(),
  status: z.int(),
  trace_id: z.string(),
  errors: z.array(z.object({ path: z.string(), message: z.string() })).optional(),
});
const outcome = z.looseObject({
  execution_id: z.string(),
  status: z.string(),
  artifacts: z.array(artifact),
  events: z.array(event),
  output: z.record(z.string(), z.unknown()),
});

/** The shapes of the runtime's answers, as far as the tests look at them. */
export const shapes = {
  accepted,
  artifact,
  entry,
  execution: executionShape,
  outcome,
  problem,
  session: z.looseObject({ session_id: z.string(), context: z.record(z.string(), z.unknown()) }),
  executions: z.object({
    executions: z.array(z.looseObject({ execution_id: z.string(), status: z.string() })),
    next_cursor: z.string().optional(),
  }),
  entries: z.object({ entries: z.array(entry), next_cursor: z.string().optional() }),
  payload: z.looseObject({ artifact, payload: z.unknown().optional(), payload_encoding: z.string().optional() }),
};

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  /** The body as JSON of the given shape. */
  as<Shape extends z.ZodType>(shape: Shape): z.infer<Shape>;
}

export interface Call {
  readonly method?: string;
  readonly path: string;
  /** Sent as JSON. */
  readonly body?: unknown;
  /** Sent as it is. */
  readonly raw?: string | Uint8Array | ReadableStream;
  readonly headers?: Readonly<Record<string, string>>;
}

/** Sends a request and reads the whole answer; fails when the answer shows anything of the inside of the process. */
export async function send(url: string, { method = "GET", path, body, raw, headers }: Call): Promise<Answer> {
  const content = body === undefined ? raw : JSON.stringify(body);
  const response = await fetch(`${url}${path}`, {
    method,
    headers: { ...(content === undefined ? {} : { "content-type": "application/json" }), ...headers },
    ...(content === undefined ? {} : { body: content as string, duplex: "half" }),
    redirect: "manual",
  });
  const text = await response.text();
  expectNothingInternal(text);
  return {
    status: response.status,
    headers: response.headers,
    text,
    as: (shape) => shape.parse(JSON.parse(text)),
  };
}

/** No stack line, no path of the program's files. */
export function expectNothingInternal(text: string): void {
  expect(text).not.toMatch(/(?:\n|\\n)\s*at \S/);
  expect(text).not.toContain(REPOSITORY);
  expect(text).not.toMatch(/node_modules|node:internal|\.ts:\d+/);
}

export interface Submission {
  readonly session_id: string;
  readonly intent_type: string;
  readonly parameters: object;
  readonly [field: string]: unknown;
}

export type Client = Awaited<ReturnType<typeof connect>>;

/** A tenant's client with a token and a session of its own. */
export async function connect(url: string, tenantId = "acme") {
  const issued = await send(url, { method: "POST", path: "/dev/token", body: { tenant_id: tenantId } });
  const { token } = issued.as(z.object({ token: z.string() }));
  const client = createClient(url, tenantId, token);
  return { ...client, sessionId: await client.newSession() };
}

/** A client that brings its token. */
export function createClient(url: string, tenantId: string, token: string) {
  const call = (request: Call): Promise<Answer> =>
    send(url, { ...request, headers: { authorization: `Bearer ${token}`, ...request.headers } });
  const post = (path: string, body: object, headers: Readonly<Record<string, string>> = {}): Promise<Answer> =>
    call({ method: "POST", path, body: { tenant_id: tenantId, ...body }, headers });
  const get = (path: string, query: Readonly<Record<string, string>> = {}): Promise<Answer> =>
    call({ path: `${path}?${new URLSearchParams({ tenant_id: tenantId, ...query }).toString()}` });

  const execution = async (id: string) => {
    const answer = await get(`/execution/${id}/status`, { include_artifacts: "true", include_events: "true" });
    return answer.as(shapes.execution);
  };
  const submit = (submission: Submission, headers: Readonly<Record<string, string>> = {}) =>
    post("/intent/submit", submission, headers);

  return {
    url,
    tenantId,
    token,
    call,
    get,
    post,
    submit,
    execution,

    newSession: async (): Promise<string> => {
      const answer = await post("/session/create", {});
      expectStatus(answer, 201);
      return answer.as(shapes.session).session_id;
    },

    /** Submits what must be accepted; the id of its execution. */
    accept: async (submission: Submission, headers: Readonly<Record<string, string>> = {}): Promise<string> => {
      const answer = await submit(submission, headers);
      expectStatus(answer, 202);
      return answer.as(accepted).execution_id;
    },

    /** The execution once it is terminal; fails when it is not within the time. */
    ended: async (id: string, withinMs = 15_000) => {
      for (const giveUpMs = performance.now() + withinMs; ; await sleep(POLL_EVERY_MS)) {
        const found = await execution(id);
        if (TERMINAL.includes(found.status)) return found;
        if (performance.now() > giveUpMs) throw new Error(`${id} is still ${found.status} after ${withinMs} ms`);
      }
    },

    /** The status of every execution of the tenant once all of them are terminal; fails when they are not within the time. */
    allEnded: async (withinMs = 20_000): Promise<ReadonlyMap<string, string>> => {
      for (const giveUpMs = performance.now() + withinMs; ; await sleep(POLL_EVERY_MS)) {
        const { executions } = (await get("/executions", { limit: "1000" })).as(shapes.executions);
        const open = executions.filter(({ status }) => !TERMINAL.includes(status));
        if (open.length === 0) return new Map(executions.map(({ execution_id, status }) => [execution_id, status]));
        if (performance.now() > giveUpMs) throw new Error(`${open.length} executions still run after ${withinMs} ms`);
      }
    },

    /** All log entries of one execution, in order. */
    log: async (executionId: string) => {
      const answer = await get("/wal", { execution_id: executionId, order: "chronological", limit: "1000" });
      return answer.as(shapes.entries).entries;
    },
  };
}

/** The answer must have this status; a failure shows what it says instead. */
export function expectStatus({ status, text }: Answer, wanted: number): void {
  expect({ status, text }).toEqual({ status: wanted, text });
}

/** The answer must be a problem of this status and code, whole and well-formed. */
export function expectProblem(answer: Answer, status: number, code: string): z.infer<typeof problem> {
  expect([answer.status, answer.text]).toEqual([status, expect.stringContaining(`"code":"${code}"`)]);
  expect(answer.headers.get("content-type")).toBe("application/problem+json");
  expect(answer.headers.get("traceparent")).toMatch(/^00-[0-9a-f]{32}-[0-9a-f]{16}-\d\d$/);
  const found = answer.as(problem);
  expect(found).toMatchObject({ status, code, title: expect.stringMatching(/./), detail: expect.stringMatching(/./) });
  return found;
}
