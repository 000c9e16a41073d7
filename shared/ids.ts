import * as z from "zod";

import type { Random } from "./random.ts";

type Id<Kind extends string> = string & z.core.$brand<Kind>;

/**
 * The proof that a tenant was verified. A tenant named in a request is only a `string`: it becomes a TenantId by matching
 * the caller's token (`http/principal.ts`), so reading with an unproven tenant does not compile.
 */
export type TenantId = Id<"tenant">;
export type SessionId = Id<"session">;
export type IntentId = Id<"intent">;
export type ExecutionId = Id<"execution">;
export type SagaId = Id<"saga">;
export type StepId = Id<"step">;
export type EventId = Id<"event">;
export type ArtifactId = Id<"artifact">;
export type TraceId = Id<"trace">;
export type WorkerId = Id<"worker">;
/** A Wasm instance, and a node that runs instances. */
export type InstanceId = Id<"instance">;
export type NodeId = Id<"node">;

/** The tenant of a verified token or of a stored row. Nothing else may call this. */
export function trustedTenantId(text: string): TenantId {
  return text as TenantId;
}

/** What a tenant may be called: tenants name folders, keys and documents. */
export const TENANT_NAME: RegExp = /^(?!\.+$)[\w.-]{1,128}$/;

/** The casts for ids that were read from a request or a store: a foreign id only ever leads to "not found". */
export const asId = {
  session: (text: string): SessionId => text as SessionId,
  intent: (text: string): IntentId => text as IntentId,
  execution: (text: string): ExecutionId => text as ExecutionId,
  saga: (text: string): SagaId => text as SagaId,
  trace: (text: string): TraceId => text as TraceId,
  artifact: (text: string): ArtifactId => text as ArtifactId,
  event: (text: string): EventId => text as EventId,
  instance: (text: string): InstanceId => text as InstanceId,
  node: (text: string): NodeId => text as NodeId,
} as const;

/** The trace id of a uuid-shaped W3C trace id. */
export function traceIdOf(uuid: string): TraceId {
  return `trace_${uuid}` as TraceId;
}

/** New ids, `<kind>_<uuid v4>`, from the injected randomness. */
export function createIds(random: Random) {
  return {
    session: (): SessionId => `session_${random.uuid()}` as SessionId,
    intent: (): IntentId => `intent_${random.uuid()}` as IntentId,
    execution: (): ExecutionId => `execution_${random.uuid()}` as ExecutionId,
    saga: (): SagaId => `saga_${random.uuid()}` as SagaId,
    step: (): StepId => `step_${random.uuid()}` as StepId,
    event: (): EventId => `event_${random.uuid()}` as EventId,
    artifact: (): ArtifactId => `artifact_${random.uuid()}` as ArtifactId,
    /** A file is an artifact: its file id is its artifact id. */
    file: (): ArtifactId => `file_${random.uuid()}` as ArtifactId,
    parsed: (): ArtifactId => `parsed_${random.uuid()}` as ArtifactId,
    contract: (): string => `contract_${random.uuid()}`,
    upload: (): string => `upload_${random.uuid()}`,
    materialization: (): string => `materialization_${random.uuid()}`,
    trace: (): TraceId => `trace_${random.uuid()}` as TraceId,
    worker: (): WorkerId => `worker_${random.uuid()}` as WorkerId,
    instance: (): InstanceId => `instance_${random.uuid()}` as InstanceId,
    node: (): NodeId => `node_${random.uuid()}` as NodeId,
    capability: (): string => `capability_${random.uuid()}`,
  };
}

export type Ids = ReturnType<typeof createIds>;

function idSchema<Kind extends string>(example: string): z.ZodType<Id<Kind>> {
  return z.string().min(1).max(128).meta({ example }) as unknown as z.ZodType<Id<Kind>>;
}

/** Schemas for rows of our own stores, where the kind of an id is known to be right. */
export const idSchemas = {
  tenant: idSchema<"tenant">("acme"),
  session: idSchema<"session">("session_7f9c24e5-2f4e-4a50-9a0b-1f2d3c4b5a69"),
  intent: idSchema<"intent">("intent_7f9c24e5-2f4e-4a50-9a0b-1f2d3c4b5a69"),
  execution: idSchema<"execution">("execution_7f9c24e5-2f4e-4a50-9a0b-1f2d3c4b5a69"),
  saga: idSchema<"saga">("saga_7f9c24e5-2f4e-4a50-9a0b-1f2d3c4b5a69"),
  step: idSchema<"step">("step_7f9c24e5-2f4e-4a50-9a0b-1f2d3c4b5a69"),
  event: idSchema<"event">("event_7f9c24e5-2f4e-4a50-9a0b-1f2d3c4b5a69"),
  artifact: idSchema<"artifact">("file_7f9c24e5-2f4e-4a50-9a0b-1f2d3c4b5a69"),
  trace: idSchema<"trace">("trace_7f9c24e5-2f4e-4a50-9a0b-1f2d3c4b5a69"),
  instance: idSchema<"instance">("instance_7f9c24e5-2f4e-4a50-9a0b-1f2d3c4b5a69"),
  node: idSchema<"node">("node_7f9c24e5-2f4e-4a50-9a0b-1f2d3c4b5a69"),
} as const;
