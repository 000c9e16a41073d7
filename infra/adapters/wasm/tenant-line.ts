import type { TenantId } from "../../../shared/ids.ts";

/**
 * Calls that wait, a line for each tenant, served in turns.
 *  L1  A tenant has no more than `slots` calls under way; what it has beyond that waits and holds nobody up.
 *  L2  Of the tenants that may go on, the one that was served longest ago is next; within a tenant what came first.
 */
export class TenantLine<Item> {
  readonly #slots: number;
  /** Whose turn it is comes first; a tenant is here as long as something of it waits. */
  readonly #waiting = new Map<TenantId, Item[]>();
  readonly #underWay = new Map<TenantId, number>();
  #length = 0;

  constructor(slots: number) {
    this.#slots = slots;
  }

  get length(): number {
    return this.#length;
  }

  lengthOf(tenantId: TenantId): number {
    return this.#waiting.get(tenantId)?.length ?? 0;
  }

  push(tenantId: TenantId, item: Item): void {
    const line = this.#waiting.get(tenantId);
    if (line === undefined) this.#waiting.set(tenantId, [item]);
    else line.push(item);
    this.#length += 1;
  }

  /** Takes the next item out, of those tenants that `may` go on, and gives its tenant a slot, to be given back by `release`. */
  take(may: (tenantId: TenantId) => boolean = () => true): Item | undefined {
    for (const [tenantId, line] of this.#waiting) {
      const underWay = this.#underWay.get(tenantId) ?? 0;
      if (underWay >= this.#slots || !may(tenantId)) continue;
      const item = line.shift();
      // Behind all others, or out of the line.
      this.#waiting.delete(tenantId);
      if (line.length > 0) this.#waiting.set(tenantId, line);
      if (item === undefined) continue;
      this.#underWay.set(tenantId, underWay + 1);
      this.#length -= 1;
      return item;
    }
    return undefined;
  }

  release(tenantId: TenantId): void {
    const underWay = (this.#underWay.get(tenantId) ?? 0) - 1;
    if (underWay > 0) this.#underWay.set(tenantId, underWay);
    else this.#underWay.delete(tenantId);
  }

  /** Takes an item out wherever it is; false when it does not wait. */
  remove(tenantId: TenantId, item: Item): boolean {
    const line = this.#waiting.get(tenantId);
    const index = line?.indexOf(item) ?? -1;
    if (line === undefined || index === -1) return false;
    line.splice(index, 1);
    if (line.length === 0) this.#waiting.delete(tenantId);
    this.#length -= 1;
    return true;
  }

  /** Takes all out. */
  clear(): readonly Item[] {
    const items = [...this.#waiting.values()].flat();
    this.#waiting.clear();
    this.#length = 0;
    return items;
  }
}
