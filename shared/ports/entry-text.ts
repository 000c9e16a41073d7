import type { EventId, ExecutionId, SagaId, SessionId, TenantId, TraceId } from "../ids.ts";

/** Whose chain it is. Entries of an execution form one chain, entries of a session outside any execution another (ADR 0002). */
export interface ChainOwner {
  readonly tenantId: TenantId;
  readonly sessionId: SessionId;
  readonly executionId?: ExecutionId;
  readonly sagaId?: SagaId;
  readonly traceId: TraceId;
}

/** What an entry says beyond what its chain shares. Ids, types, times and hashes need no escaping. */
export interface EntryParts {
  readonly eventId: EventId;
  readonly sequence: number;
  readonly eventType: string;
  readonly stepName: string | undefined;
  /** RFC 3339. */
  readonly timestamp: string;
  /** As JSON text. */
  readonly payload: string;
  readonly previousHash: string;
}

/** Writes entries of one chain as JSON texts without their last member, the hash, which covers exactly this text (ADR 0002). */
export type WriteEntry = (parts: EntryParts) => string;

/** What all entries of a chain share is made into text once. */
export function entryWriter({ tenantId, sessionId, executionId, sagaId, traceId }: ChainOwner): WriteEntry {
  const shared = { tenant_id: tenantId, session_id: sessionId, execution_id: executionId, saga_id: sagaId };
  const owned = `",${JSON.stringify(shared).slice(1, -1)},`;
  const traced = `","trace_id":${JSON.stringify(traceId)},"payload":`;

  return ({ eventId, sequence, eventType, stepName, timestamp, payload, previousHash }) => {
    const step = stepName === undefined ? "" : `"step_name":${JSON.stringify(stepName)},`;
    // Joined at once: a text that is put together from pieces one by one is a tree, which hashing and storing would have to flatten.
    return [
      '{"event_id":"',
      eventId,
      '","sequence":',
      sequence,
      ',"event_type":"',
      eventType,
      owned,
      step,
      '"timestamp":"',
      timestamp,
      traced,
      payload,
      ',"previous_hash":"',
      previousHash,
      '"}',
    ].join("");
  };
}

/** The whole text of an entry, as it is stored and served. */
export function sealedText(unsealed: string, hash: string): string {
  return `${unsealed.slice(0, -1)},"hash":"${hash}"}`;
}
