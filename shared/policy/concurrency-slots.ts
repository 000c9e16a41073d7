import * as z from "zod";

import { rfc3339 } from "../clock.ts";
import { type ExecutionId, idSchemas, type TenantId } from "../ids.ts";
import { sha256 } from "../json.ts";
import type { RecordKind } from "../state/record-kind.ts";
import type { StateSurface } from "../state/state-surface.ts";
import type { UnitOfWork } from "../state/unit-of-work.ts";

const slotSchema = z.object({
  /** Digest of the intent type and the author's key. */
  group: z.string(),
  intent_type: z.string(),
  key: z.string(),
  slot: z.int(),
  execution_id: idSchemas.execution,
  taken_at: z.string(),
});
type Slot = Readonly<z.infer<typeof slotSchema>>;

export const slotKind: RecordKind<Slot> = {
  name: "concurrency_slot",
  schema: slotSchema,
  facets: ({ group }) => [`group=${group}`],
};

/** What an execution wants a slot of. */
export interface SlotWish {
  readonly intentType: string;
  readonly key: string;
  readonly limit: number;
  readonly executionId: ExecutionId;
  readonly nowMs: number;
}

/**
 * At most `limit` executions of an intent type and key that are not over: each is named by a slot, a record.
 *  C1  A slot is taken by the commit that accepts its execution, on condition that it is as it was seen: of two that want it, one is
 *      accepted, and an execution that was not accepted holds none.
 *  C2  A slot is free when its execution is over or gone, which is what the store says of that execution. Nothing gives slots back,
 *      so no crash can keep one.
 *  C3  An execution that is dead, waiting for a person, is not over: what it left undone still stands in the way.
 */
export interface ConcurrencySlots {
  /** Puts the taking of a free slot into the unit. When none is free it puts what cannot be committed, so that only a repeat is answered. */
  take(unit: UnitOfWork, wish: SlotWish): Promise<"free" | "full">;
}

export interface ConcurrencySlotsDeps {
  readonly surface: StateSurface;
  /** Whether an execution has ended, or is gone. */
  readonly isOver: (tenantId: TenantId, executionId: ExecutionId) => Promise<boolean>;
}

export function createConcurrencySlots({ surface, isOver }: ConcurrencySlotsDeps): ConcurrencySlots {
  /** Those that count: where the limit was higher before there are more of them. */
  const slotsOf = async (tenantId: TenantId, group: string, limit: number): Promise<ReadonlyMap<number, Slot>> => {
    const found = new Map<number, Slot>();
    for (let cursor: string | undefined, more = true; more; more = cursor !== undefined && found.size < limit) {
      const page = await surface.list(tenantId, slotKind, `group=${group}`, { limit, cursor });
      for (const { value } of page.items) if (value.slot < limit) found.set(value.slot, value);
      cursor = page.nextCursor;
    }
    return found;
  };

  return {
    take: async (unit, { intentType, key, limit, executionId, nowMs }) => {
      const group = sha256(JSON.stringify([intentType, key]));
      const idOf = (slot: number): string => `${group}/${slot}`;
      const taken = (slot: number): Slot => ({
        group,
        intent_type: intentType,
        key,
        slot,
        execution_id: executionId,
        taken_at: rfc3339(nowMs),
      });
      const used = await slotsOf(unit.tenantId, group, limit);
      const unused = Array.from({ length: limit }, (_, slot) => slot).filter((slot) => !used.has(slot));
      // Any of those that were never used, so that many that come at once do not all want the same.
      const fresh = unused[Number.parseInt(sha256(executionId).slice(0, 8), 16) % Math.max(1, unused.length)];
      if (fresh !== undefined) {
        unit.put(slotKind, idOf(fresh), taken(fresh));
        return "free";
      }
      const over = await Promise.all(
        [...used.values()].map(async (slot) => ((await isOver(unit.tenantId, slot.execution_id)) ? [slot] : [])),
      );
      for (const slot of over.flat()) {
        const now = await unit.get(slotKind, idOf(slot.slot));
        if (now?.execution_id !== slot.execution_id) continue;
        unit.put(slotKind, idOf(slot.slot), taken(slot.slot));
        return "free";
      }
      // On condition that nobody ever held it, which somebody does; what was read of it above must not make that come true.
      unit.create(slotKind, idOf(0), taken(0));
      return "full";
    },
  };
}
