import { afterAll, describe, expect, it } from "vitest";

import { POLICIES } from "../../infra/dev/terraform/policies/every-policy.ts";
import { openProviderHost } from "../../infra/dev/terraform/provider-host.ts";
import { copyTerraformTree, type TerraformTree } from "../../infra/dev/terraform/terraform-tree.ts";
import { withParts } from "../kit/parts.ts";
import { lazy, type Lazy } from "./lazy.ts";
import { GUEST_MUTATIONS } from "./guest-mutations.ts";
import { type Batch, inBatches } from "./mutation-batches.ts";
import { MUTATIONS } from "./mutations.ts";
import { WATCHING_MUTATIONS } from "./watching-mutations.ts";
import { makeSmall, replaceOnce } from "./small-deployment.ts";
import { DEV, PROD, PROD_WITH_ALL, stubApply, type Variant } from "./stub-apply.ts";

/** Only production is protected and takes guests, and only without an edge is there a service that the internet must not reach at all. */
const VARIANTS: Readonly<Record<string, Variant>> = {
  databasesAreKept: PROD,
  alertsTellSomebody: PROD,
  guestsAreSealed: PROD_WITH_ALL,
  runnerIsReachedInside: PROD_WITH_ALL,
  timersAreWatched: PROD,
  runnerIsWatched: PROD_WITH_ALL,
};
const variantFor = (policy: string): Variant => VARIANTS[policy] ?? DEV;

withParts(["terraform"], () => {
  const host = lazy(openProviderHost);
  afterAll(async () => (await host.made())?.[Symbol.asyncDispose]());

  /** What the checks say of the code as it is in `tree`, each line led by the check's name. */
  const complaints = async (tree: TerraformTree, variant: Variant): Promise<readonly string[]> => {
    const applied = await stubApply(await host(), tree, variant).catch((error: unknown) => error);
    if (applied instanceof Error) return [`terraform: ${applied.message.replaceAll(/\s+/g, " ")}`];
    const { deployment } = applied as Awaited<ReturnType<typeof stubApply>>;
    return Object.entries(POLICIES).flatMap(([name, policy]) => policy(deployment).map((fault) => `${name}: ${fault}`));
  };

  describe("the checks of the Terraform code", () => {
    it.each([DEV, PROD, PROD_WITH_ALL])(
      "say nothing of a small deployment of $root without a mistake",
      async (variant) => {
        using tree = copyTerraformTree();
        makeSmall(tree);
        expect(await complaints(tree, variant)).toEqual([]);
      },
    );

    const mutations = [...MUTATIONS, ...GUEST_MUTATIONS, ...WATCHING_MUTATIONS];
    const batches = inBatches(mutations, variantFor);
    const found = new Map<Batch, Lazy<Promise<readonly string[]>>>(
      [...new Set(batches.values())].map((batch) => [batch, lazy(() => complaintsOf(batch))]),
    );
    const complaintsOf = async (batch: Batch): Promise<readonly string[]> => {
      using tree = copyTerraformTree();
      makeSmall(tree);
      for (const { file, find, replacement } of batch.mutations) replaceOnce(tree, file, find, replacement);
      // Awaited here: the tree is gone when this returns.
      return await complaints(tree, batch.variant);
    };

    it.each(mutations)("notice when $mistake", async (mutation) => {
      const { caughtBy, says } = mutation;
      const batch = batches.get(mutation);
      const said = batch === undefined ? [] : await found.get(batch)?.();
      expect(said).toContainEqual(expect.stringMatching(new RegExp(`^${caughtBy}: .*(?:${says.source})`, says.flags)));
    });
  });
});
