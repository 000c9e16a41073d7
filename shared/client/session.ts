import type { JsonObject } from "../json.ts";
import { createExecutionHandle, type ExecutionHandle } from "./execution-handle.ts";
import type { InputOf, IntentLike, IntentReference, OutputOf } from "./intent-reference.ts";
import type { Call, CallOptions, Transport } from "./transport.ts";
import type { Accepted, Outcome, SessionRecord } from "./wire-types.ts";

/** How long `run` lets the runtime hold its request, before it asks by itself. */
const MAX_HELD_MS = 30_000;

export interface SessionOptions {
  /** Goes on in a session that exists; absent makes one when it is first needed. */
  readonly sessionId?: string | undefined;
  /** Of a new session: without it the session is anonymous. */
  readonly userId?: string | undefined;
  readonly context?: JsonObject | undefined;
  readonly metadata?: JsonObject | undefined;
}

export interface SubmitOptions extends CallOptions {
  /** The same key with the same input is the same execution, for 24 hours at least. One is made for each submission when none is given. */
  readonly idempotencyKey?: string | undefined;
  readonly solutionId?: string | undefined;
  /** Whose data the input is: a pseudonym of 1 to 128 letters, digits, or . _ : -. What is kept of it can be erased. */
  readonly subjectId?: string | undefined;
  readonly metadata?: JsonObject | undefined;
}

export interface RunOptions extends SubmitOptions {
  /** Default: as long as it takes. */
  readonly timeoutMs?: number | undefined;
}

/** A session of one tenant, in which intents are submitted. */
export interface Session {
  readonly tenantId: string;
  /** Its id; the session is made when it does not exist yet. */
  id(options?: CallOptions): Promise<string>;
  get(options?: CallOptions): Promise<SessionRecord>;
  /** Resolves once the intent is durable: from then on it reaches an end, whatever dies. */
  submit<Intent extends IntentLike>(
    intent: Intent | IntentReference<Intent>,
    input: InputOf<Intent>,
    options?: SubmitOptions,
  ): Promise<ExecutionHandle<OutputOf<Intent>>>;
  /** Submits and waits for the output, in one request when it ends soon. Throws the failure of what did not complete, and `client.timeout`. */
  run<Intent extends IntentLike>(
    intent: Intent | IntentReference<Intent>,
    input: InputOf<Intent>,
    options?: RunOptions,
  ): Promise<OutputOf<Intent>>;
  mergeContext(context: JsonObject, options?: CallOptions): Promise<SessionRecord>;
  /** Makes an anonymous session a user's. */
  upgrade(userId: string, options?: CallOptions & { readonly metadata?: JsonObject }): Promise<SessionRecord>;
  close(options?: CallOptions): Promise<SessionRecord>;
}

export function createSession(transport: Transport, tenantId: string, wanted: SessionOptions): Session {
  const { clock, random } = transport.host;
  let id: Promise<string> | undefined = wanted.sessionId === undefined ? undefined : Promise.resolve(wanted.sessionId);

  const create = async ({ signal }: CallOptions): Promise<string> => {
    const { userId, context, metadata } = wanted;
    const body = { tenant_id: tenantId, user_id: userId, context, metadata };
    // Made again after a lost answer it would be another session, which nobody uses and which ends by itself.
    const call: Call = { method: "POST", path: "/session/create", body, signal, repeatable: true };
    return (await transport.json<SessionRecord>(call)).session_id;
  };
  /** One creation for all who come at once; one that failed is not kept. */
  const sessionId = async ({ signal }: CallOptions = {}): Promise<string> => {
    id ??= create({ signal }).catch((error: unknown) => {
      id = undefined;
      throw error;
    });
    return id;
  };

  const submission = async (input: unknown, options: SubmitOptions) => ({
    method: "POST" as const,
    headers: { "idempotency-key": options.idempotencyKey ?? random.uuid() },
    body: {
      tenant_id: tenantId,
      session_id: await sessionId(options),
      parameters: input,
      solution_id: options.solutionId,
      subject_id: options.subjectId,
      metadata: options.metadata,
    },
    signal: options.signal,
    repeatable: true,
  });

  const change = async (tail: string, body: object, { signal }: CallOptions = {}): Promise<SessionRecord> =>
    transport.json({
      method: "PATCH",
      path: `/session/${encodeURIComponent(await sessionId({ signal }))}${tail}`,
      body: { tenant_id: tenantId, ...body },
      signal,
      repeatable: false,
    });

  return {
    tenantId,
    id: sessionId,

    get: async ({ signal } = {}) => {
      const path = `/session/${encodeURIComponent(await sessionId({ signal }))}`;
      return transport.json({ path, query: { tenant_id: tenantId }, signal, repeatable: true });
    },

    submit: async (intent, input, options = {}) => {
      const call = await submission(input, options);
      const body = { intent_type: intent.type, ...call.body };
      const { execution_id } = await transport.json<Accepted>({ ...call, path: "/intent/submit", body });
      return createExecutionHandle(transport, tenantId, execution_id);
    },

    run: async <Intent extends IntentLike>(
      intent: Intent | IntentReference<Intent>,
      input: InputOf<Intent>,
      { timeoutMs = Number.POSITIVE_INFINITY, ...options }: RunOptions = {},
    ) => {
      type Output = OutputOf<Intent>;
      const sinceMs = clock.now();
      const call = await submission(input, options);
      const heldMs = Math.min(timeoutMs, MAX_HELD_MS);
      const answer = await transport.json<Outcome<Output> | Accepted>({
        ...call,
        path: `/${intent.type.replace(".", "/")}`,
        headers: { ...call.headers, prefer: `wait=${Math.floor(heldMs / 1_000)}` },
      });
      if (answer.status === "completed" && "output" in answer) return answer.output;
      const handle = createExecutionHandle<Output>(transport, tenantId, answer.execution_id);
      return handle.result({ timeoutMs: timeoutMs - (clock.now() - sinceMs), signal: options.signal });
    },

    mergeContext: (context, options) => change("", { context }, options),
    upgrade: (userId, { metadata, ...options } = {}) => change("/upgrade", { user_id: userId, metadata }, options),
    close: (options) => change("/close", {}, options),
  };
}
