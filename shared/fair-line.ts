/**
 * A line for each tenant, served by deficit round robin (Shreedhar and Varghese, 1995): whose turn it is gains QUANTUM and goes
 * first while what it gained pays for what is first in its line.
 *  Q1  Of tenants that wait, none is served more than QUANTUM plus one item's cost ahead of another, however long their lines are.
 *  Q2  Within a tenant what came first goes first.
 *  Q3  A tenant whose line is empty keeps no claim.
 */
export interface FairLine<Item> {
  readonly length: number;
  lengthOf(tenantId: string): number;
  push(tenantId: string, cost: number, item: Item): void;
  shift(): Item | undefined;
}

/** What a turn pays for. Of executions, whose cost is their commits: a saga of seven steps. */
export const QUANTUM = 8;
/** What an item costs at the most here: one very long saga must not make others wait for hundreds of rounds. */
const MAX_COST = 8 * QUANTUM;

interface Waiting<Item> {
  readonly tenantId: string;
  readonly items: { readonly cost: number; readonly item: Item }[];
  /** Where in `items` the line begins; what is before is served. */
  begin: number;
  deficit: number;
}

export function createFairLine<Item>(): FairLine<Item> {
  const tenants = new Map<string, Waiting<Item>>();
  /** Whose turn it is comes first. */
  let round: Waiting<Item>[] = [];
  let length = 0;

  const endTurn = (): void => {
    const [first, ...others] = round;
    round = first === undefined ? [] : [...others, first];
    const next = round[0];
    if (next !== undefined) next.deficit += QUANTUM;
  };
  const served = (tenant: Waiting<Item>): void => {
    tenant.begin += 1;
    length -= 1;
    if (tenant.begin < tenant.items.length) {
      // Seldom, because it moves the rest of the line.
      if (tenant.begin > 1_000 && tenant.begin * 2 > tenant.items.length) {
        tenant.items.splice(0, tenant.begin);
        tenant.begin = 0;
      }
      return;
    }
    tenants.delete(tenant.tenantId);
    round = round.slice(1);
    const next = round[0];
    if (next !== undefined) next.deficit += QUANTUM;
  };

  return {
    get length() {
      return length;
    },
    lengthOf: (tenantId) => {
      const tenant = tenants.get(tenantId);
      return tenant === undefined ? 0 : tenant.items.length - tenant.begin;
    },
    push: (tenantId, cost, item) => {
      let tenant = tenants.get(tenantId);
      if (tenant === undefined) {
        tenant = { tenantId, items: [], begin: 0, deficit: round.length === 0 ? QUANTUM : 0 };
        tenants.set(tenantId, tenant);
        round.push(tenant);
      }
      tenant.items.push({ cost: Math.min(Math.max(1, cost), MAX_COST), item });
      length += 1;
    },
    shift: () => {
      for (;;) {
        const tenant = round[0];
        const first = tenant?.items[tenant.begin];
        if (tenant === undefined || first === undefined) return undefined;
        if (first.cost <= tenant.deficit) {
          tenant.deficit -= first.cost;
          served(tenant);
          return first.item;
        }
        endTurn();
      }
    },
  };
}
