import type { JsonObject, JsonValue } from "../json.ts";
import { createExecutionHandle, type ExecutionHandle } from "./execution-handle.ts";
import type { IntentLike, IntentReference, OutputOf } from "./intent-reference.ts";
import { items } from "./pages.ts";
import type { CallOptions, Transport } from "./transport.ts";
import type { Accepted, PendingIntent, PendingStatus } from "./wire-types.ts";

export interface PendingIntentFilter extends CallOptions {
  readonly targetArtifactId?: string | undefined;
  readonly intentType?: string | undefined;
  readonly status?: PendingStatus | undefined;
  readonly pageSize?: number | undefined;
}

export interface PendingIntentRef {
  readonly intent_id: string;
  readonly status: PendingStatus;
}

/** Work that waits for a person or a later session. What creates or withdraws one is sent once. */
export interface PendingIntents {
  /** Newest first. */
  list(filter?: PendingIntentFilter): AsyncIterable<PendingIntent>;
  create(
    pending: {
      readonly intent: string | IntentReference<IntentLike>;
      readonly targetArtifactId: string;
      readonly context?: JsonObject;
      readonly sessionId?: string;
      readonly userId?: string;
    },
    options?: CallOptions,
  ): Promise<PendingIntentRef>;
  /** The same key is the same taking up, also after a lost answer; one is made for each call when none is given. */
  submit<Intent extends IntentLike>(
    intentId: string,
    session: { readonly sessionId: string; readonly parameters?: JsonObject },
    options?: CallOptions & { readonly idempotencyKey?: string },
  ): Promise<ExecutionHandle<IntentLike extends Intent ? JsonValue : OutputOf<Intent>>>;
  cancel(intentId: string, options?: CallOptions): Promise<PendingIntentRef>;
}

export function createPendingIntents(transport: Transport, tenantId: string): PendingIntents {
  const post = <Answer>(tail: string, body: object, { signal }: CallOptions = {}): Promise<Answer> =>
    transport.json({
      method: "POST",
      path: `/intent/pending/${tail}`,
      body: { tenant_id: tenantId, ...body },
      signal,
      repeatable: false,
    });

  return {
    list: ({ targetArtifactId, intentType, status, pageSize, signal } = {}) =>
      items(transport, "intents", {
        method: "POST",
        path: "/intent/pending/list",
        body: {
          tenant_id: tenantId,
          target_artifact_id: targetArtifactId,
          intent_type: intentType,
          status,
          limit: pageSize,
        },
        signal,
      }),
    create: ({ intent, targetArtifactId, context, sessionId, userId }, options) =>
      post(
        "create",
        {
          intent_type: typeof intent === "string" ? intent : intent.type,
          target_artifact_id: targetArtifactId,
          context,
          session_id: sessionId,
          user_id: userId,
        },
        options,
      ),
    submit: async (intentId, { sessionId, parameters }, options = {}) => {
      const { idempotencyKey = transport.host.random.uuid(), signal } = options;
      const { execution_id } = await transport.json<Accepted>({
        method: "POST",
        path: `/intent/pending/${encodeURIComponent(intentId)}/submit`,
        headers: { "idempotency-key": idempotencyKey },
        body: { tenant_id: tenantId, session_id: sessionId, parameters },
        signal,
        repeatable: true,
      });
      return createExecutionHandle(transport, tenantId, execution_id);
    },
    cancel: (intentId, options) => post(`${encodeURIComponent(intentId)}/cancel`, {}, options),
  };
}
