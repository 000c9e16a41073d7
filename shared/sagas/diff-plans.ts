import { digestOf, toJson } from "../json.ts";
import type { PlanDescription } from "./describe-plan.ts";
import type { PlanOutline } from "./plan.ts";

const DIGEST_CHARS = 12;

export interface PlanDiff {
  readonly from: number;
  readonly to: number;
  readonly added: readonly string[];
  readonly removed: readonly string[];
  /** Nodes of both whose description differs: kind, times, undo. What their functions do cannot be seen. */
  readonly changed: readonly string[];
  /** The nodes, from the first on, that are the same in both and stand where they stood. */
  readonly unchangedPrefix: readonly string[];
}

export type Adoption = { readonly adopt: true } | { readonly adopt: false; readonly why: string };

export function outlineOf({ version, checkpoint, nodes }: PlanDescription): PlanOutline {
  return {
    version,
    nodes: nodes.map((node) => `${node.name}#${digestOf(toJson({ checkpoint, node })).slice(0, DIGEST_CHARS)}`),
  };
}

/** What changed from one version of a plan to another. */
export function diffPlans(from: PlanOutline, to: PlanOutline): PlanDiff {
  const before = new Map(from.nodes.map((node) => [nameOf(node), node]));
  const after = new Map(to.nodes.map((node) => [nameOf(node), node]));
  const differs = from.nodes.findIndex((node, index) => node !== to.nodes[index]);
  return {
    from: from.version,
    to: to.version,
    added: [...after.keys()].filter((name) => !before.has(name)),
    removed: [...before.keys()].filter((name) => !after.has(name)),
    changed: [...after].filter(([name, node]) => before.has(name) && before.get(name) !== node).map(([name]) => name),
    unchangedPrefix: from.nodes.slice(0, differs === -1 ? undefined : differs).map(nameOf),
  };
}

/**
 * Whether an in-flight execution of the old version may go on under the new one: when every node that it has begun is the same
 * in both, and stands where it stood. Else it stays pinned to the version that it began with.
 */
export function mayAdopt(diff: PlanDiff, begun: readonly string[]): Adoption {
  const foreign = begun.map(memberOf).find((name) => !diff.unchangedPrefix.includes(name));
  if (foreign === undefined) return { adopt: true };
  return { adopt: false, why: `it has begun ${foreign}, which version ${diff.to} changes, moves or drops` };
}

function nameOf(node: string): string {
  return node.slice(0, node.lastIndexOf("#"));
}

/** The node of a recorded step: a member of a group is recorded as `group/member`. */
function memberOf(stepName: string): string {
  return stepName.split("/")[0] ?? stepName;
}
