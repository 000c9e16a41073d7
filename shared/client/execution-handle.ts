import type { JsonObject, JsonValue } from "../json.ts";
import { type FollowOptions, followExecution, isTerminal } from "./execution-events.ts";
import { ProblemError } from "./problem-error.ts";
import { eitherOf, SILENCE_MS, unlessSilent } from "./silence.ts";
import { type CallOptions, retryDelayMs, type Transport } from "./transport.ts";
import type { Accepted, Execution, LogEntry, SettledExecution } from "./wire-types.ts";

/** How often `wait` looks: at once, then after a quarter of the time that it has waited already, within these bounds. */
const FIRST_LOOK_MS = 20;
const LATEST_LOOK_MS = 2_000;
/** How long the runtime may be away before `wait` says so. */
const OUTAGE_MS = 60_000;

export interface RepeatOptions extends CallOptions {
  /** Where the new execution belongs; default the session of this one, which may be over (409 `session.not_active`). */
  readonly sessionId?: string | undefined;
  /** The same key is the same new execution. One is made for each call when none is given. */
  readonly idempotencyKey?: string | undefined;
}

export interface WaitOptions extends CallOptions {
  /** Default: as long as it takes. */
  readonly timeoutMs?: number | undefined;
}

/** One execution, to be watched and steered; it holds no connection. */
export interface ExecutionHandle<Output = JsonValue> {
  readonly tenantId: string;
  readonly executionId: string;
  status(
    options?: CallOptions & {
      readonly includeArtifacts?: boolean;
      readonly includeEvents?: boolean;
      /** Only this step, its outputs however large. */
      readonly step?: string;
    },
  ): Promise<Execution<Output>>;
  /**
   * The execution once nothing more happens to it by itself, however it went: look at its `status`. Asks again and again rather
   * than hold a connection, of which a browser has six. Throws `client.timeout`; the execution goes on regardless.
   */
  wait(options?: WaitOptions): Promise<SettledExecution<Output>>;
  /** The output; throws the execution's own failure when it did not complete, with `details.execution_id`. */
  result(options?: WaitOptions): Promise<Output>;
  /** Its log entries as they are committed, until it is terminal, over lost connections and restarts. */
  events(options?: FollowOptions): AsyncIterable<LogEntry>;
  /** Seen at its next commit; unless `compensate` is false, what it did is undone first. */
  cancel(options?: CallOptions & { readonly compensate?: boolean }): Promise<Accepted>;
  /** Kept until it is awaited. Sent again with the same `signalId` it is the same signal; one is made when none is given. */
  signal(name: string, payload?: JsonValue, options?: CallOptions & { readonly signalId?: string }): Promise<Accepted>;
  /**
   * From the failed step, or from the start of what was undone: the new execution, or this one where it was dead.
   * Throws `execution.retried` (409) with `details.retried_by` when it is repeated already.
   */
  retry(options?: RepeatOptions): Promise<ExecutionHandle<Output>>;
  /** A new execution that begins at a step of this one. */
  fork(
    fromStep: string,
    options?: RepeatOptions & { readonly parameters?: JsonObject },
  ): Promise<ExecutionHandle<Output>>;
}

export function createExecutionHandle<Output>(
  transport: Transport,
  tenantId: string,
  executionId: string,
): ExecutionHandle<Output> {
  const { clock, random } = transport.host;
  const path = `/execution/${encodeURIComponent(executionId)}`;

  const post = (tail: string, body: object, { signal }: CallOptions = {}, repeatable = false): Promise<Accepted> =>
    transport.json({
      method: "POST",
      path: `${path}/${tail}`,
      body: { tenant_id: tenantId, ...body },
      signal,
      repeatable,
    });
  /** One look, given up when nothing comes: `wait` itself looks again. */
  const look = (withinMs: number, signal: AbortSignal | undefined): Promise<Execution<Output>> => {
    const connection = new AbortController();
    const call = { path: `${path}/status`, query: { tenant_id: tenantId }, repeatable: false };
    const work = transport.json<Execution<Output>>({ ...call, signal: eitherOf(signal, connection) });
    return unlessSilent(transport.host, connection, work, Math.max(withinMs, FIRST_LOOK_MS));
  };
  const repeat = async (tail: "retry" | "fork", body: object, options: RepeatOptions) => {
    const { sessionId, idempotencyKey = random.uuid(), signal } = options;
    const { execution_id } = await transport.json<Accepted>({
      method: "POST",
      path: `${path}/${tail}`,
      headers: { "idempotency-key": idempotencyKey },
      body: { tenant_id: tenantId, session_id: sessionId, ...body },
      signal,
      repeatable: true,
    });
    return createExecutionHandle<Output>(transport, tenantId, execution_id);
  };

  const handle: ExecutionHandle<Output> = {
    tenantId,
    executionId,

    status: ({ signal, includeArtifacts, includeEvents, step } = {}) =>
      transport.json({
        path: `${path}/status`,
        query: { tenant_id: tenantId, include_artifacts: includeArtifacts, include_events: includeEvents, step },
        signal,
        repeatable: true,
      }),

    wait: async ({ timeoutMs = Number.POSITIVE_INFINITY, signal } = {}) => {
      const sinceMs = clock.now();
      let heardMs = sinceMs;
      for (;;) {
        let delayMs = 0;
        try {
          const execution = await look(Math.min(SILENCE_MS, timeoutMs - (clock.now() - sinceMs)), signal);
          if (isSettled(execution)) return execution;
          heardMs = clock.now();
        } catch (error) {
          signal?.throwIfAborted();
          // The execution outlives its runtime's restart, and so does waiting for it.
          const againMs = retryDelayMs(transport.host, error, 1);
          const isOver = clock.now() - sinceMs >= timeoutMs;
          if (againMs === undefined || (clock.now() - heardMs > OUTAGE_MS && !isOver)) throw error;
          delayMs = againMs;
        }
        const waitedMs = clock.now() - sinceMs;
        if (waitedMs >= timeoutMs) throw timedOut(executionId, timeoutMs);
        const nextMs = Math.max(delayMs, Math.min(LATEST_LOOK_MS, Math.max(FIRST_LOOK_MS, waitedMs / 4)));
        await clock.sleep(Math.min(nextMs, timeoutMs - waitedMs), signal);
        signal?.throwIfAborted();
      }
    },

    result: async (options) => {
      const settled = await handle.wait(options);
      if (settled.status === "completed") return settled.output;
      throw failureOf(settled);
    },

    events: (options) => followExecution(transport, { tenantId, executionId }, options),
    cancel: ({ compensate = true, ...options } = {}) => post("cancel", { compensate }, options),
    signal: (name, payload = null, { signalId = random.uuid(), ...options } = {}) =>
      post(`signal/${encodeURIComponent(name)}`, { payload, signal_id: signalId }, options, true),
    retry: (options = {}) => repeat("retry", {}, options),
    fork: (fromStep, { parameters, ...options } = {}) => repeat("fork", { from_step: fromStep, parameters }, options),
  };
  return handle;
}

function isSettled<Output>(execution: Execution<Output>): execution is SettledExecution<Output> {
  return isTerminal(execution.status) || execution.status === "dead";
}

function timedOut(executionId: string, timeoutMs: number): ProblemError {
  return new ProblemError({
    code: "client.timeout",
    title: "Timeout",
    detail: `${executionId} had not ended after ${timeoutMs} ms. It goes on; wait again.`,
    status: 0,
    retryable: true,
    details: { execution_id: executionId },
  });
}

function failureOf({ execution_id, status, error }: Exclude<SettledExecution, { status: "completed" }>): ProblemError {
  return new ProblemError({
    code: error?.code ?? `execution.${status}`,
    title: `The execution is ${status}`,
    detail: error?.message ?? `The execution is ${status}.`,
    status: error?.status ?? 409,
    retryable: error?.retryable ?? false,
    details: {
      ...error?.details,
      execution_id,
      status,
      ...(error?.step_name === undefined ? {} : { step_name: error.step_name }),
    },
  });
}
