import type { Mutation } from "./mutations.ts";
import type { Variant } from "./stub-apply.ts";

/** Mistakes that are made together, because one apply of Terraform takes seconds: each is caught by another policy, by its name. */
export interface Batch {
  readonly variant: Variant;
  readonly mutations: Mutation[];
}

/** So few that a mistake which hides another one is easily found. */
const MOST = 4;

/** Every mistake in one batch; what Terraform itself catches is alone, since it ends the apply. */
export function inBatches(
  mutations: readonly Mutation[],
  variantFor: (policy: string) => Variant,
): ReadonlyMap<Mutation, Batch> {
  const batches: Batch[] = [];
  const placed = mutations.map((mutation): [Mutation, Batch] => {
    const { caughtBy } = mutation;
    const variant = variantFor(caughtBy);
    const fits = (batch: Batch): boolean =>
      caughtBy !== "terraform" &&
      batch.variant === variant &&
      batch.mutations.length < MOST &&
      batch.mutations.every((other) => other.caughtBy !== caughtBy && other.caughtBy !== "terraform");
    const batch = batches.find(fits) ?? { variant, mutations: [] };
    if (batch.mutations.length === 0) batches.push(batch);
    batch.mutations.push(mutation);
    return [mutation, batch];
  });
  return new Map(placed);
}
