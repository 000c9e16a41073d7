import { RuntimeError } from "../errors.ts";
import { faultOfType } from "../state/cloud-event.ts";
import type { IntentDefinition } from "./intent-definition.ts";
import type { PlanNode, Work } from "./plan.ts";

/** One commit begins all steps of a plan that commits at its ends, and one more ends them, with what they changed (ADR 0046). */
const MAX_STEPS_AT_ENDS = 128;

/** The definition itself when its plan can work. Throws `plan.*` at build time, naming the intent, the node and what to do. */
export function checkPlan(definition: IntentDefinition): IntentDefinition {
  const { nodes, checkpoint } = definition.plan;
  if (nodes.length === 0) throw fault(definition, "empty", "has no step; add one before returns()");
  checkLength(definition);
  checkEventTypes(definition);
  const names = new Set<string>();
  let pivot: string | undefined;
  for (const node of nodes) {
    if (names.has(node.name))
      throw fault(definition, "duplicate_name", `has two nodes named ${node.name}; give each its own name`);
    names.add(node.name);
    checkDurability(definition, node);
    checkSealable(definition, node);
    for (const [name, work] of worksOf(node)) {
      if (work.timeoutMs > definition.functionTimeoutMs) {
        throw fault(
          definition,
          "step_outlives_function",
          `${name} may take ${work.timeoutMs} ms, but its function ends after ${definition.functionTimeoutMs} ms; shorten the step, or raise functionTimeout`,
        );
      }
      if (pivot !== undefined && work.undo !== undefined) {
        throw fault(
          definition,
          "undo_after_pivot",
          `${name} has an undo, but after the pivot ${pivot} nothing is undone any more; remove it, or move the step`,
        );
      }
    }
    if (node.kind === "await" && (node.timeoutMs ?? 0) > definition.timeoutMs) {
      throw fault(
        definition,
        "await_outlives_intent",
        `${node.name} waits up to ${node.timeoutMs} ms, but the intent ends after ${definition.timeoutMs} ms; shorten the wait, or raise timeout`,
      );
    }
    if (checkpoint === "ends" && (node.kind !== "step" || node.pivot || node.semantics === "at-most-once")) {
      throw fault(
        definition,
        "ends_needs_steps",
        `${node.name} cannot be in a plan with checkpoint "ends", which holds idempotent steps only; use checkpoint "each"`,
      );
    }
    if (node.kind === "step" && node.pivot) pivot = node.name;
  }
  return definition;
}

function checkLength(definition: IntentDefinition): void {
  const { nodes, checkpoint } = definition.plan;
  if (checkpoint !== "ends" || nodes.length <= MAX_STEPS_AT_ENDS) return;
  throw fault(
    definition,
    "ends_too_long",
    `has ${nodes.length} steps, but a plan with checkpoint "ends" has ${MAX_STEPS_AT_ENDS} at the most, which one commit takes; use checkpoint "each"`,
  );
}

function checkEventTypes(definition: IntentDefinition): void {
  for (const type of Object.keys(definition.events)) {
    const wrong = faultOfType(type);
    if (wrong !== undefined) throw fault(definition, "bad_event_type", `the type of an event ${wrong}`);
  }
}

/** Of a subject's data nothing leaves a step but what is sealed: other nodes keep signals, items, keys or children of their own. */
function checkSealable(definition: IntentDefinition, node: PlanNode): void {
  if (!definition.sealable) return;
  const plain = node.kind === "step" && node.guest === undefined;
  if (plain && definition.concurrency === undefined && definition.journey === undefined) return;
  const message = `cannot be sealable with ${node.name}: it has steps of its own only, no concurrency and no journey`;
  throw fault(definition, "not_sealable", message);
}

/** What fails for good in an undo or behind a pivot becomes a record for a person, and a fast intent changes no records. */
function checkDurability(definition: IntentDefinition, node: PlanNode): void {
  if (definition.durability !== "fast") return;
  const isPivot = node.kind === "step" && node.pivot;
  const undoing = worksOf(node).find(([, work]) => work.undo !== undefined);
  if (!isPivot && undoing === undefined) return;
  const what = isPivot ? `${node.name} is a pivot` : `${undoing?.[0]} has an undo`;
  throw fault(definition, "fast_cannot_undo", `${what}, which a fast intent cannot have; declare it strict`);
}

/** The works of a node, by the names under which they are recorded. */
export function worksOf(node: PlanNode): readonly (readonly [string, Work])[] {
  switch (node.kind) {
    case "step":
      return [[node.name, node]];
    case "parallel":
      return Object.entries(node.branches).map(([branch, work]) => [`${node.name}/${branch}`, work]);
    case "map":
      return [[node.name, node.work]];
    case "await":
    case "sleep":
    case "call":
    case "emit":
      return [];
  }
}

function fault(definition: IntentDefinition, code: string, message: string): RuntimeError {
  return new RuntimeError(`plan.${code}`, `${definition.type}: ${message}.`);
}
