import * as z from "zod";

import { RuntimeError } from "../errors.ts";
import type { TenantId } from "../ids.ts";
import { jsonObject } from "../json.ts";
import { type ExecutionStore, NO_CHANGE } from "../ports/execution-store.ts";
import type { RecordKind } from "../state/record-kind.ts";
import type { StateSurface } from "../state/state-surface.ts";
import { UnitOfWork } from "../state/unit-of-work.ts";

/**
 * Effects that are applied under a key, outside the commit of the step that causes them.
 *  L1  An effect is applied once for a key, however often its step runs.
 *  L2  Undo undoes what was applied, or else buries the key: an effect that comes late, from a worker that was thought dead,
 *      finds the tombstone and is refused.
 *  L3  Undo is idempotent.
 */
export interface EffectScope {
  /** Applies the effect once. Throws `effect.refused` (409) when its key was undone or buried. */
  apply(fact: Effect["fact"]): Promise<"applied" | "applied_before">;
  undo(): Promise<"undone" | "buried">;
}

const effectSchema = z.object({ state: z.enum(["applied", "undone", "buried"]), fact: jsonObject });
export type Effect = z.infer<typeof effectSchema>;

export const effectKind: RecordKind<Effect> = {
  name: "effect",
  schema: effectSchema,
  facets: (effect) => [`state=${effect.state}`],
};

export interface EffectLedgerDeps {
  readonly store: ExecutionStore;
  readonly surface: StateSurface;
  readonly nowMs: () => number;
}

export function createEffectScope(
  { store, surface, nowMs }: EffectLedgerDeps,
  tenantId: TenantId,
  key: string,
): EffectScope {
  /** Compare-and-set until nobody else is faster; a key has two writers at the most, a worker and its zombie. */
  const change = async (next: (current: Effect | undefined) => Effect | undefined): Promise<Effect> => {
    for (;;) {
      const unit = new UnitOfWork(surface, tenantId, nowMs());
      const current = await unit.get(effectKind, key);
      const changed = next(current);
      if (changed === undefined) return current as Effect;
      unit.put(effectKind, key, changed);
      const { outcome } = await store.write(tenantId, { ...NO_CHANGE, records: unit.records });
      if (outcome === "written") return changed;
    }
  };

  return {
    apply: async (fact) => {
      let before = false;
      await change((current) => {
        if (current === undefined) return { state: "applied", fact };
        if (current.state !== "applied") {
          throw new RuntimeError(
            "effect.refused",
            `The effect ${key} was ${current.state}; it cannot be applied any more.`,
            { status: 409 },
          );
        }
        before = true;
        return undefined;
      });
      return before ? "applied_before" : "applied";
    },
    undo: async () => {
      const { state } = await change((current) => {
        if (current === undefined) return { state: "buried", fact: {} };
        return current.state === "applied" ? { ...current, state: "undone" } : undefined;
      });
      return state === "undone" ? "undone" : "buried";
    },
  };
}
