import type { JsonObject, JsonValue } from "../../shared/json.ts";
import type { NodeSpec, PlanSpec, WorkSpec } from "./plan-spec.ts";

/** What can be said of an execution's end, knowing its plan and what is done to it, whatever dies meanwhile. */
export interface Forecast {
  readonly ends: ReadonlySet<string>;
  /** Its output, when it is certain to complete. */
  readonly output: JsonObject | undefined;
}

type Chance = "never" | "perhaps" | "surely";

/**
 * An execution that somebody may cancel may end as cancelled, or not. One that becomes dead is let go on by a person, and given
 * up when that does not help.
 */
export function forecast(plan: PlanSpec, isCancelled: boolean): Forecast {
  const ends = new Set<string>(isCancelled ? ["cancelled"] : []);
  let pastPivot = false;
  let certain = !isCancelled;
  for (const node of plan.nodes) {
    const fails = node.skipped ? "never" : failing(node);
    if (fails !== "never") {
      certain = false;
      if (pastPivot) ends.add("cancelled");
      else ends.add("failed").add("compensated");
      if (fails === "surely") return { ends, output: undefined };
    }
    pastPivot ||= node.kind === "pivot" && !node.skipped;
  }
  ends.add("completed");
  return { ends, output: certain ? outputOf(plan) : undefined };
}

function failing(node: NodeSpec): Chance {
  switch (node.kind) {
    case "step":
    case "pivot":
      return chanceOf([node.work]);
    case "parallel":
    case "map":
      return node.collect ? "never" : chanceOf(node.kind === "map" ? node.works.map(repeatable) : node.works);
    case "call":
      return chanceOf([...node.child, ...node.grandchild]);
    case "await":
      if (node.timeoutMs === undefined || !node.compensates) return "never";
      return node.signalAfterMs === undefined ? "surely" : "perhaps";
    case "sleep":
    case "emit":
      return "never";
  }
}

/** An at-most-once step whose worker dies fails; no other is harmed by that. */
function chanceOf(works: readonly WorkSpec[]): Chance {
  if (works.some(({ fate: { kind } }) => kind === "fails" || kind === "hangs")) return "surely";
  return works.some(({ once, fate }) => once || (fate.kind === "flaky" && fate.failures > 2)) ? "perhaps" : "never";
}

/** The items of a map share one semantics, which is at least once. */
function repeatable(spec: WorkSpec): WorkSpec {
  return { ...spec, once: false };
}

function outputOf({ nodes }: PlanSpec): JsonObject {
  return Object.fromEntries(nodes.map((node, at) => [`n${at}`, node.skipped ? null : valueOf(node)]));
}

/** What a node returns when all goes well; undefined when that depends on what comes first. */
function valueOf(node: NodeSpec): JsonValue | undefined {
  switch (node.kind) {
    case "step":
    case "pivot":
      return node.work.large ? undefined : {};
    case "parallel":
      return Object.fromEntries(node.works.map((work, at) => [`b${at}`, memberValue(work, node.collect)]));
    case "map":
      return undefined;
    case "call":
      return Object.fromEntries(node.child.map((_, at) => [`n${at}`, {}]));
    case "await":
      return node.timeoutMs === undefined ? "signal" : undefined;
    case "sleep":
    case "emit":
      return null;
  }
}

function memberValue({ fate, once, large }: WorkSpec, collect: boolean): JsonValue | undefined {
  if (large || once || fate.kind === "fails" || fate.kind === "hangs") return undefined;
  return collect ? { ok: true, output: {} } : {};
}
