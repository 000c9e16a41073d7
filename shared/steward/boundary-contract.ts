import { durationMs } from "../duration.ts";
import { parseRfc3339 } from "../clock.ts";
import type { DataClassification } from "../data-classification.ts";
import { RuntimeError } from "../errors.ts";
import type { SessionId } from "../ids.ts";
import type { Intent } from "../intents/intent.ts";
import type { RecordRow } from "../ports/record-tables.ts";

/** How long an authorization holds, unless it says otherwise. */
export const CONTRACT_LIFETIME_MS: number = durationMs("30d");

export const CONTRACT_STATUSES = ["pending", "active", "fulfilled", "expired", "revoked"] as const;
export type ContractStatus = (typeof CONTRACT_STATUSES)[number];

export const MATERIALIZATION_TYPES = [
  "reference",
  "partial_extraction",
  "deterministic",
  "semantic_embedding",
  "full_artifact",
] as const;
export type MaterializationType = (typeof MATERIALIZATION_TYPES)[number];

export const BACKING_STORES = ["gcs", "postgres", "none"] as const;
export type BackingStore = (typeof BACKING_STORES)[number];

/**
 * The agreement under which data of a source may be materialized: asked for (`pending`), authorized (`active`, for 30 days), and
 * then fulfilled, expired or revoked. Its one place is the record store (ADR 0021).
 */
export type BoundaryContract = RecordRow<"data_boundary_contracts">;

/** Where data comes from: known by its bytes, or by what another system calls it. */
export interface ContractSource {
  readonly sha256?: string | undefined;
  readonly externalId?: string | undefined;
  readonly artifactId?: string | undefined;
}

/** For whom it may be used. A contract without a user is for all of the tenant; sessions come and go, and bind nobody. */
export interface ContractScope {
  readonly user_id?: string;
  readonly session_id: string;
  readonly solution_id?: string;
}

/** The scope of what an execution asks for. */
export function contractScope({
  sessionId,
  intent,
  solutionId,
}: {
  readonly sessionId: SessionId;
  readonly intent: Pick<Intent, "user_id">;
  readonly solutionId: string | undefined;
}): ContractScope {
  return {
    session_id: sessionId,
    ...(intent.user_id === undefined ? {} : { user_id: intent.user_id }),
    ...(solutionId === undefined ? {} : { solution_id: solutionId }),
  };
}

export interface AccessRequest {
  readonly dataClassification: DataClassification;
  readonly source: ContractSource;
  readonly scope: ContractScope;
}

const NEXT: Readonly<Record<ContractStatus, readonly ContractStatus[]>> = {
  pending: ["active", "fulfilled", "revoked"],
  active: ["fulfilled", "expired", "revoked"],
  fulfilled: [],
  expired: [],
  revoked: [],
};

/** Throws `boundary_contract.life_cycle` (409) for a move that a contract does not make. */
export function checkMove(contract: BoundaryContract, to: ContractStatus): void {
  if (NEXT[contract.status as ContractStatus].includes(to)) return;
  throw new RuntimeError(
    "boundary_contract.life_cycle",
    `The boundary contract ${contract.id} is ${contract.status}; it cannot become ${to}.`,
    { status: 409, details: { from: contract.status, to } },
  );
}

/** Whether it is over by its time, whatever its status says so far. */
export function hasExpired(contract: BoundaryContract, nowMs: number): boolean {
  return contract.expires_at !== null && parseRfc3339(contract.expires_at) <= nowMs;
}

/** Whether a contract serves a request of this scope: its user's and its solution's, or everybody's. */
export function covers(contract: BoundaryContract, scope: ContractScope): boolean {
  const { user_id, solution_id } = contract.scope as Partial<ContractScope>;
  return user_id === scope.user_id && solution_id === scope.solution_id;
}
