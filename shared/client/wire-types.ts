import type { JsonObject, JsonValue } from "../json.ts";

/**
 * What the runtime answers, with the members named as they are on the wire. Newer runtimes may send more members, and newer
 * values where a type ends in `string`. tests/types/client-wire.test-d.ts holds these to the schemas of the server.
 */
export type ExecutionStatus =
  | "pending"
  | "running"
  | "suspended"
  | "compensating"
  | "completed"
  | "failed"
  | "compensated"
  | "cancelled"
  | "dead";

export interface Accepted {
  readonly execution_id: string;
  readonly intent_id: string;
  readonly saga_id: string;
  readonly status: ExecutionStatus;
  readonly created_at: string;
}

export interface Failure {
  readonly code: string;
  readonly message: string;
  readonly status: number;
  readonly retryable: boolean;
  readonly step_name?: string | undefined;
  readonly details?: JsonObject | undefined;
}

export interface ExecutionSummary extends Accepted {
  readonly intent_type: string;
  readonly session_id: string;
  readonly error?: Failure | undefined;
  readonly updated_at: string;
}

export interface Step {
  readonly step_id: string;
  readonly step_name: string;
  readonly step_type: string;
  readonly status: "started" | "completed" | "skipped" | "failed" | "compensated";
  readonly attempt: number;
  readonly inputs_digest: string;
  readonly outputs?: JsonValue | undefined;
  /** In place of outputs that do not fit into the answer: `status({ step })` reads those of one step. */
  readonly outputs_bytes?: number | undefined;
  readonly due_at?: string | undefined;
  readonly child_execution_id?: string | undefined;
  readonly error?: Failure | undefined;
  readonly started_at: string;
  readonly completed_at?: string | undefined;
}

export interface EmittedEvent {
  readonly event_id: string;
  readonly event_type: string;
  readonly data: JsonObject;
}

interface ExecutionDetail extends ExecutionSummary {
  readonly trace_id: string;
  readonly steps: readonly Step[];
  readonly artifacts?: readonly JsonObject[] | undefined;
  readonly events?: readonly EmittedEvent[] | undefined;
}

/** An execution at a moment; once it is completed it has its output, and only then. */
export type Execution<Output = JsonValue> =
  | (ExecutionDetail & { readonly status: "completed"; readonly output: Output })
  | (ExecutionDetail & { readonly status: Exclude<ExecutionStatus, "completed"> });

/** One to which nothing more happens by itself: ended, or dead until a person decides. */
export type SettledExecution<Output = JsonValue> = Extract<Execution<Output>, { status: "completed" }> | Unsuccessful;
type Unsuccessful = ExecutionDetail & { readonly status: "failed" | "compensated" | "cancelled" | "dead" };

/** What an intent's own route answers once its execution is completed. */
export interface Outcome<Output = JsonValue> {
  readonly execution_id: string;
  readonly status: "completed";
  readonly artifacts: readonly JsonObject[];
  readonly events: readonly EmittedEvent[];
  readonly output: Output;
}

export interface LogEntry {
  readonly event_id: string;
  readonly sequence: number;
  readonly event_type: string;
  readonly tenant_id: string;
  readonly session_id?: string | undefined;
  readonly execution_id?: string | undefined;
  readonly saga_id?: string | undefined;
  readonly step_name?: string | undefined;
  readonly timestamp: string;
  readonly trace_id: string;
  readonly payload: JsonObject;
  readonly previous_hash: string;
  readonly hash: string;
}

export interface SessionRecord {
  readonly session_id: string;
  readonly tenant_id: string;
  readonly user_id?: string | undefined;
  readonly is_anonymous: boolean;
  readonly status: "active" | "closed" | "expired";
  readonly context: JsonObject;
  readonly metadata: JsonObject;
  readonly active_sagas: readonly string[];
  readonly created_at: string;
  readonly updated_at: string;
  readonly expires_at: string;
}

export type LifecycleState = "PENDING" | "READY" | "FAILED" | "ARCHIVED" | "DELETED";

export interface ArtifactSummary {
  readonly artifact_id: string;
  readonly artifact_type: string;
  readonly lifecycle_state: LifecycleState;
  readonly semantic_descriptor: {
    readonly schema: string;
    readonly record_count?: number | undefined;
    readonly parser_type?: string | undefined;
    readonly embedding_model?: string | undefined;
    readonly columns?: readonly JsonObject[] | undefined;
  };
  readonly created_at: string;
  readonly updated_at: string;
}

export interface Artifact extends ArtifactSummary {
  readonly tenant_id: string;
  readonly produced_by: { readonly intent: string; readonly execution_id: string };
  readonly parent_artifacts: readonly string[];
  readonly failure?: { readonly code: string; readonly message: string } | undefined;
  readonly data_classification: "platform" | "client";
  readonly metadata: JsonObject;
}

export interface ArtifactWithPayload {
  readonly artifact: Artifact;
  /** Up to 1 MiB; larger ones are behind `payload_url`. */
  readonly payload?: JsonValue | undefined;
  readonly payload_encoding?: "json" | "jsonl" | "text" | "base64" | undefined;
  readonly payload_url?: string | undefined;
  readonly payload_url_expires_at?: string | undefined;
}

export type PendingStatus = "pending" | "in_progress" | "completed" | "failed" | "cancelled";

export interface PendingIntent {
  readonly intent_id: string;
  readonly intent_type: string;
  readonly tenant_id: string;
  readonly status: PendingStatus;
  readonly target_artifact_id: string;
  readonly context: JsonObject;
  readonly session_id?: string | undefined;
  readonly user_id?: string | undefined;
  readonly execution_id?: string | undefined;
  readonly created_at: string;
  readonly updated_at: string;
}

export interface UploadTicket {
  readonly upload_id: string;
  readonly upload_url: string;
  readonly method: "PUT";
  readonly headers: Readonly<Record<string, string>>;
  readonly expires_at: string;
}
