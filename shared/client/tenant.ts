import type { JsonValue } from "../json.ts";
import { type Artifacts, createArtifacts } from "./artifacts.ts";
import { createExecutionHandle, type ExecutionHandle } from "./execution-handle.ts";
import type { IntentLike, IntentReference, OutputOf } from "./intent-reference.ts";
import { items } from "./pages.ts";
import { createPendingIntents, type PendingIntents } from "./pending-intents.ts";
import { createSession, type Session, type SessionOptions } from "./session.ts";
import type { CallOptions, Transport } from "./transport.ts";
import { uploadFile, type UploadOptions } from "./uploads.ts";
import type { ExecutionStatus, ExecutionSummary, LogEntry } from "./wire-types.ts";

export interface ExecutionFilter extends CallOptions {
  readonly status?: ExecutionStatus | undefined;
  readonly intentType?: string | undefined;
  readonly sessionId?: string | undefined;
  readonly pageSize?: number | undefined;
}

export interface LogFilter extends CallOptions {
  readonly type?: string | undefined;
  readonly sessionId?: string | undefined;
  readonly executionId?: string | undefined;
  /** RFC 3339, inclusive. */
  readonly from?: string | undefined;
  /** RFC 3339, exclusive. */
  readonly to?: string | undefined;
  /** Default newest. */
  readonly order?: "newest" | "chronological" | undefined;
  readonly pageSize?: number | undefined;
}

/** One tenant, which must be the token's. */
export interface Tenant {
  readonly tenantId: string;
  session(options?: SessionOptions): Session;
  /** An execution that exists; typed when its intent is given. Nothing is asked until the handle is. */
  execution(executionId: string): ExecutionHandle;
  execution<Intent extends IntentLike>(
    executionId: string,
    intent: Intent | IntentReference<Intent>,
  ): ExecutionHandle<OutputOf<Intent>>;
  /** Newest first. */
  executions(filter?: ExecutionFilter): AsyncIterable<ExecutionSummary>;
  /** The write-ahead log. */
  wal(filter?: LogFilter): AsyncIterable<LogEntry>;
  /** Sends a file to the object store; resolves with the `upload_id` that `content.ingest_file` takes. */
  upload(file: Blob, options?: UploadOptions): Promise<string>;
  readonly artifacts: Artifacts;
  readonly pendingIntents: PendingIntents;
}

export function createTenant(transport: Transport, tenantId: string): Tenant {
  return {
    tenantId,
    session: (options = {}) => createSession(transport, tenantId, options),
    execution: (executionId: string) => createExecutionHandle<JsonValue>(transport, tenantId, executionId) as never,
    executions: ({ status, intentType, sessionId, pageSize, signal } = {}) =>
      items(transport, "executions", {
        path: "/executions",
        query: { tenant_id: tenantId, status, intent_type: intentType, session_id: sessionId, limit: pageSize },
        signal,
      }),
    wal: ({ sessionId, executionId, pageSize, signal, ...filter } = {}) =>
      items(transport, "entries", {
        path: "/wal",
        query: { tenant_id: tenantId, session_id: sessionId, execution_id: executionId, limit: pageSize, ...filter },
        signal,
      }),
    upload: (file, options = {}) => uploadFile(transport, tenantId, file, options),
    artifacts: createArtifacts(transport, tenantId),
    pendingIntents: createPendingIntents(transport, tenantId),
  };
}
