import { RuntimeError } from "../../../shared/errors.ts";
import type { TenantId } from "../../../shared/ids.ts";
import {
  type AcceptOutcome,
  type ExecutionStore,
  NO_CHANGE,
  type RecordRequirement,
} from "../../../shared/ports/execution-store.ts";

/** A record without an end, for acceptances whose own requirement was checked elsewhere. */
const DOOR = { kind: "$tiers", id: "open" } as const;

/** A store may be wiped again just after the record was made. */
const ATTEMPTS = 5;

/**
 * Accepts against a requirement that is always met, and makes the record that meets it where it is missing: in a new or wiped store.
 * Throws `store.unavailable` (503, retryable) while the store is wiped again and again: that says nothing of the caller's own requirement.
 */
export async function openDoor(
  store: Pick<ExecutionStore, "write">,
  tenantId: TenantId,
  accept: (requires: RecordRequirement) => Promise<AcceptOutcome>,
): Promise<AcceptOutcome> {
  const requires = { ...DOOR, atMs: 0, prolongToMs: 0 };
  const record = { ...DOOR, expectedVersion: 0, body: {}, facets: [], sortMs: 0 };
  for (let attempt = 1; attempt <= ATTEMPTS; attempt += 1) {
    const outcome = await accept(requires);
    if (outcome.outcome !== "requirement_unmet") return outcome;
    // A conflict means that somebody else has just made it.
    await store.write(tenantId, { ...NO_CHANGE, records: [record] });
  }
  const message = "The store forgets what was just written to it. Try again.";
  throw new RuntimeError("store.unavailable", message, { status: 503, retryable: true });
}
