import { canonicalJson, toJson } from "../json.ts";
import type { NodeDescription, PlanDescription } from "./describe-plan.ts";

export interface PlanDiff {
  readonly from: number;
  readonly to: number;
  readonly added: readonly string[];
  readonly removed: readonly string[];
  /** Nodes of both whose description differs: kind, times, undo. What their functions do cannot be seen. */
  readonly changed: readonly string[];
  /** How many nodes, from the first on, are the same in both. */
  readonly commonPrefix: number;
}

/** What changed from one version of a plan to another. */
export function diffPlans(from: PlanDescription, to: PlanDescription): PlanDiff {
  const before = new Map(from.nodes.map((node) => [node.name, node]));
  const after = new Map(to.nodes.map((node) => [node.name, node]));
  let commonPrefix = 0;
  while (commonPrefix < from.nodes.length && same(from.nodes[commonPrefix], to.nodes[commonPrefix])) commonPrefix += 1;
  return {
    from: from.version,
    to: to.version,
    added: to.nodes.filter(({ name }) => !before.has(name)).map(({ name }) => name),
    removed: from.nodes.filter(({ name }) => !after.has(name)).map(({ name }) => name),
    changed: to.nodes
      .filter((node) => before.has(node.name) && !same(before.get(node.name), node))
      .map(({ name }) => name),
    commonPrefix: from.checkpoint === to.checkpoint ? commonPrefix : 0,
  };
}

export type Adoption = { readonly adopt: true } | { readonly adopt: false; readonly why: string };

/**
 * Whether an in-flight execution of the old version may go on under the new one: when every node that it has begun is the same
 * in both, and stands where it stood. Else it stays pinned to the version that it began with.
 */
export function mayAdopt(diff: PlanDiff, from: PlanDescription, begun: readonly string[]): Adoption {
  const same = new Set(from.nodes.slice(0, diff.commonPrefix).map(({ name }) => name));
  const foreign = begun.map((name) => name.split("/")[0] ?? name).find((name) => !same.has(name));
  if (foreign === undefined) return { adopt: true };
  return { adopt: false, why: `it has begun ${foreign}, which version ${diff.to} changes, moves or drops` };
}

function same(one: NodeDescription | undefined, other: NodeDescription | undefined): boolean {
  return one !== undefined && other !== undefined && canonicalJson(toJson(one)) === canonicalJson(toJson(other));
}
