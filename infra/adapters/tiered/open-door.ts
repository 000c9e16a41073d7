import type { TenantId } from "../../../shared/ids.ts";
import type { AcceptOutcome, ExecutionStore, RecordRequirement } from "../../../shared/ports/execution-store.ts";

/** A record without an end, for acceptances whose own requirement was checked elsewhere. */
const DOOR = { kind: "$tiers", id: "open" } as const;

/** Accepts against a requirement that is always met, and makes the record that meets it where it is missing: in a new or wiped store. */
export async function openDoor(
  store: ExecutionStore,
  tenantId: TenantId,
  accept: (requires: RecordRequirement) => Promise<AcceptOutcome>,
): Promise<AcceptOutcome> {
  const requires = { ...DOOR, atMs: 0, prolongToMs: 0 };
  const outcome = await accept(requires);
  if (outcome.outcome !== "requirement_unmet") return outcome;
  const record = { ...DOOR, expectedVersion: 0, body: {}, facets: [], sortMs: 0 };
  // A conflict means that somebody else has just made it.
  await store.write(tenantId, { records: [record], log: [], outbox: [], mail: [] });
  return accept(requires);
}
