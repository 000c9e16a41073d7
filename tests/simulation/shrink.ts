import type { NodeSpec, PlanSpec } from "./plan-spec.ts";
import type { Scenario } from "./scenario.ts";
import { createDice } from "./virtual-time.ts";

/** How often the faults of a smaller scenario are aimed anew: fewer executions make fewer calls, and each comes earlier. */
const AIMS = 6;

/**
 * Leaves out of a failing scenario what it also fails without, as long as there is time.
 * fast-check makes values smaller one by one; what makes a simulation smaller is to leave things out, and to aim again.
 */
export async function shrink(
  failing: Scenario,
  fails: (scenario: Scenario) => Promise<boolean>,
  isOver: () => boolean,
): Promise<Scenario> {
  const dice = createDice(failing.seed);
  let smallest = failing;
  for (let progress = true; progress && !isOver();) {
    progress = false;
    for (const smaller of smallerThan(smallest)) {
      if (isOver()) break;
      const found = await firstFailing(aims(smaller, dice), fails);
      if (found === undefined) continue;
      smallest = found;
      progress = true;
      break;
    }
  }
  return smallest;
}

async function firstFailing(
  scenarios: Iterable<Scenario>,
  fails: (scenario: Scenario) => Promise<boolean>,
): Promise<Scenario | undefined> {
  for (const scenario of scenarios) if (await fails(scenario)) return scenario;
  return undefined;
}

function* aims(scenario: Scenario, dice: () => number): Iterable<Scenario> {
  yield scenario;
  const perExecution = 25 * scenario.submissions.length;
  for (let aim = 0; aim < AIMS && scenario.faults.length > 0; aim += 1) {
    const faults = scenario.faults.map((fault) => ({ ...fault, call: 1 + Math.floor(dice() * perExecution) }));
    yield { ...scenario, seed: Math.floor(dice() * 1e9), faults };
  }
}

/** Each way of leaving something out, the largest pieces first. */
function* smallerThan(scenario: Scenario): Iterable<Scenario> {
  const { submissions, faults, plans, workers } = scenario;
  for (const fewer of without(submissions, 1)) yield { ...scenario, submissions: fewer };
  for (const fewer of without(faults, 0)) yield { ...scenario, faults: fewer };
  if (plans.length > 1) for (const plan of plans) yield { ...scenario, plans: [plan] };
  for (const [index, plan] of plans.entries()) {
    for (const smaller of smallerPlans(plan)) yield { ...scenario, plans: plans.with(index, smaller) };
  }
  if (workers > 1) yield { ...scenario, workers: workers - 1 };
  for (const [index, spec] of submissions.entries()) {
    const { cancel, againAfterMs, retryAfterMs } = spec;
    if (cancel !== undefined)
      yield { ...scenario, submissions: submissions.with(index, { ...spec, cancel: undefined }) };
    if (againAfterMs !== undefined)
      yield { ...scenario, submissions: submissions.with(index, { ...spec, againAfterMs: undefined }) };
    if (retryAfterMs !== undefined)
      yield { ...scenario, submissions: submissions.with(index, { ...spec, retryAfterMs: undefined }) };
  }
}

function* smallerPlans(plan: PlanSpec): Iterable<PlanSpec> {
  for (const nodes of without(plan.nodes, 1)) yield { ...plan, nodes };
  for (const [index, node] of plan.nodes.entries()) {
    for (const smaller of smallerNodes(node)) yield { ...plan, nodes: plan.nodes.with(index, smaller) };
  }
}

function* smallerNodes(node: NodeSpec): Iterable<NodeSpec> {
  if (node.kind === "parallel" || node.kind === "map") {
    for (const works of without(node.works, 1)) yield { ...node, works };
  }
  if (node.kind === "call") for (const child of without(node.child, 1)) yield { ...node, child };
}

/** The list without a part of it, of half its length down to one item; at least `least` stay. */
function* without<Item>(items: readonly Item[], least: number): Iterable<readonly Item[]> {
  for (let size = items.length >> 1; size >= 1; size >>= 1) {
    for (let from = 0; from < items.length; from += size) {
      const rest = items.toSpliced(from, size);
      if (rest.length >= least && rest.length < items.length) yield rest;
    }
  }
  if (items.length === 1 && least === 0) yield [];
}
