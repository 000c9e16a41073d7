import * as z from "zod";

import { durationMs } from "../duration.ts";
import { idSchemas, type InstanceId, type TenantId } from "../ids.ts";
import { sha256 } from "../json.ts";
import { type ExecutionStore, NO_CHANGE } from "../ports/execution-store.ts";
import { everyPage } from "../ports/paging.ts";
import { ALL, type RecordKind } from "../state/record-kind.ts";
import type { StateSurface } from "../state/state-surface.ts";
import { UnitOfWork } from "../state/unit-of-work.ts";

/** As long as an intent's idempotency key. */
const KEPT_MS = durationMs("24h");
const PAGE = 100;

/** Which instance an idempotency key made, and of what. */
const creationKeySchema = z.object({
  key_digest: z.string(),
  body_digest: z.string(),
  instance_id: idSchemas.instance,
  created_ms: z.int(),
});
export type CreationKey = z.infer<typeof creationKeySchema>;

export const creationKeyKind: RecordKind<CreationKey> = {
  name: "wasm_creation",
  schema: creationKeySchema,
  facets: () => [],
};

export interface CreationClaim {
  readonly key: string;
  readonly bodyDigest: string;
}

/** The record of a key; its id, so that any key fits. */
export function creationKeyOf({ key, bodyDigest }: CreationClaim, instanceId: InstanceId, nowMs: number): CreationKey {
  return { key_digest: sha256(key), body_digest: bodyDigest, instance_id: instanceId, created_ms: nowMs };
}

/** What a key has made already. */
export async function findCreation(
  surface: StateSurface,
  tenantId: TenantId,
  { key }: CreationClaim,
): Promise<CreationKey | undefined> {
  return (await surface.get(tenantId, creationKeyKind, sha256(key)))?.value;
}

/** Drops the keys of a tenant that are older than 24 hours; returns how many. */
export async function dropOldCreations(
  { store, surface }: { readonly store: Pick<ExecutionStore, "write">; readonly surface: StateSurface },
  tenantId: TenantId,
  nowMs: number,
): Promise<number> {
  let dropped = 0;
  for await (const items of everyPage((cursor) =>
    surface.list(tenantId, creationKeyKind, ALL, { limit: PAGE, cursor }),
  )) {
    for (const { value } of items.filter((each) => nowMs - each.value.created_ms >= KEPT_MS)) {
      const unit = new UnitOfWork(surface, tenantId, nowMs);
      if ((await unit.get(creationKeyKind, value.key_digest)) === undefined) continue;
      unit.delete(creationKeyKind, value.key_digest);
      const { outcome } = await store.write(tenantId, { ...NO_CHANGE, records: unit.records });
      if (outcome === "written") dropped += 1;
    }
  }
  return dropped;
}
