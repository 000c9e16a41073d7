import type { JsonObject } from "../json.ts";
import { effectOverwritten } from "./record-store.ts";
import type { RecordTable } from "./record-tables.ts";

/** A row whose table is known at run time only. */
export type AnyRow = Readonly<Record<string, unknown>> & { readonly id: string; readonly version: number };

export interface EffectWrite {
  readonly table: RecordTable;
  readonly id: string;
  readonly before: AnyRow | null;
  /** What the row was left at; null for one that was deleted. */
  readonly version: number | null;
}

export interface EffectPart {
  readonly part: string;
  readonly result: JsonObject;
  readonly writes: readonly EffectWrite[];
}

/** All that an effect wrote, the last first: the order in which it is taken back. */
export function writesToTakeBack(parts: readonly EffectPart[]): readonly EffectWrite[] {
  return parts.flatMap(({ writes }) => writes).toReversed();
}

/** What stays of an effect that was undone: that there were parts; what they held may be what somebody wants forgotten. */
export function emptied(parts: readonly EffectPart[]): readonly EffectPart[] {
  return parts.map(({ part }) => ({ part, result: {}, writes: [] }));
}

export type TakingBack =
  | { readonly kind: "nothing" }
  | { readonly kind: "remove" }
  | { readonly kind: "put" | "replace"; readonly row: AnyRow };

/**
 * How each write of an effect is taken back, in the order of `writesToTakeBack` (R4): what was there before comes back under a new
 * version, so that whoever read the row between effect and undo finds it changed. It keeps at which version it has left each row itself.
 */
export class EffectUndoing {
  readonly #left = new Map<string, number | null>();

  /** `current` is the row as it is now. Throws `effect.overwritten` where somebody else has written to it since. */
  takeBack({ table, id, before, version }: EffectWrite, current: AnyRow | undefined): TakingBack {
    const place = `${table}/${id}`;
    const left = this.#left.get(place);
    const expected = left === undefined ? version : left;
    // Somebody else deleted what was inserted: there is nothing of it to take back.
    if (before === null && current === undefined) return { kind: "nothing" };
    if ((current?.version ?? null) !== expected) throw effectOverwritten(table, id);
    if (before === null) {
      this.#left.set(place, null);
      return { kind: "remove" };
    }
    const row = { ...before, version: (expected ?? before.version) + 1 };
    this.#left.set(place, row.version);
    return { kind: current === undefined ? "put" : "replace", row };
  }
}
