import * as z from "zod";

import { durationMs } from "../duration.ts";
import { rfc3339 } from "../clock.ts";
import { notFound, RuntimeError } from "../errors.ts";
import type { RecordKind } from "../state/record-kind.ts";
import type { UnitOfWork } from "../state/unit-of-work.ts";

const CONTRACT_LIFETIME_MS = durationMs("30d");

/** The agreement under which data of a source may be materialized: asked for at ingestion, authorized before it is READY. */
export const boundaryContractSchema = z.object({
  contract_id: z.string(),
  tenant_id: z.string(),
  status: z.enum(["pending", "active", "fulfilled", "expired", "revoked"]),
  source: z.object({ sha256: z.string(), artifact_id: z.string() }),
  materialization_type: z
    .enum(["reference", "partial_extraction", "deterministic", "semantic_embedding", "full_artifact"])
    .optional(),
  scope: z.object({ session_id: z.string(), user_id: z.string().optional(), solution_id: z.string().optional() }),
  created_at: z.string(),
  updated_at: z.string(),
  expires_at: z.string().optional(),
});
export type BoundaryContract = z.infer<typeof boundaryContractSchema>;

export const boundaryContractKind: RecordKind<BoundaryContract> = {
  name: "boundary_contract",
  schema: boundaryContractSchema,
  facets: (contract) => [`status=${contract.status}`, `source=${contract.source.sha256}`],
};

/** Records the wish to use a source: a contract that is `pending`. */
export function requestDataAccess(
  unit: UnitOfWork,
  contract: Omit<BoundaryContract, "status" | "updated_at">,
): BoundaryContract {
  const pending: BoundaryContract = { ...contract, status: "pending", updated_at: contract.created_at };
  unit.put(boundaryContractKind, contract.contract_id, pending);
  return pending;
}

/**
 * Lets the contract's source be materialized, for 30 days.
 * Throws `boundary_contract.not_found`, or `boundary_contract.not_pending` (409) when it was authorized, revoked or is over.
 */
export async function authorizeMaterialization(
  unit: UnitOfWork,
  contractId: string,
  type: NonNullable<BoundaryContract["materialization_type"]>,
  nowMs: number,
): Promise<BoundaryContract> {
  const contract = await unit.get(boundaryContractKind, contractId);
  if (contract === undefined) throw notFound("boundary contract", contractId);
  if (contract.status !== "pending") {
    throw new RuntimeError(
      "boundary_contract.not_pending",
      `The boundary contract ${contractId} is ${contract.status}.`,
      {
        status: 409,
        details: { status: contract.status },
      },
    );
  }
  const active: BoundaryContract = {
    ...contract,
    status: "active",
    materialization_type: type,
    updated_at: rfc3339(nowMs),
    expires_at: rfc3339(nowMs + CONTRACT_LIFETIME_MS),
  };
  unit.put(boundaryContractKind, contractId, active);
  return active;
}
