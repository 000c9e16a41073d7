import { parseRfc3339, rfc3339 } from "../clock.ts";
import { RuntimeError } from "../errors.ts";
import { digestOf, type JsonValue, toJson } from "../json.ts";
import type { MapNode, ParallelNode, PlanNode } from "../sagas/plan.ts";
import { type Agenda, NOTHING, type RunTask } from "./agenda.ts";
import { untilNextLook } from "./awaited-child.ts";
import { complete, endCancelled, openCalls, type SettleDeps } from "./ending.ts";
import { goBack } from "./compensation.ts";
import type { Step } from "./execution.ts";
import type { ExecutionDraft } from "./execution-events.ts";
import { failStep } from "./fail-step.ts";
import { failureOf } from "./failure.ts";
import { parkEvent, publishEvents } from "./parked-events.ts";
import { isDone, type Scene } from "./scene.ts";
import { expectEventType, MAX_MEMBERS_AT_WORK } from "./step-limits.ts";

/**
 * Records everything that follows from the state without any work, and says what work is next.
 *  T1  It starts what it names: a step is in the journal as started before its work is on an agenda.
 *  T2  Settling a settled state records nothing.
 */
export async function settle(deps: SettleDeps, scene: Scene): Promise<Agenda> {
  for (;;) {
    const { status } = scene.state;
    if (status !== "running" && status !== "compensating") return NOTHING;
    const move = status === "running" ? goForward(deps, scene) : goBack(deps, scene);
    // Most moves wait for nothing, and a promise for each would be what a step mostly costs here.
    const agenda = move instanceof Promise ? await move : move;
    if (agenda !== undefined) return agenda;
  }
}

/** An agenda, or undefined when something was recorded and the state must be looked at again. */
type Move = Agenda | undefined | Promise<Agenda | undefined>;

/** One move forward. */
function goForward(deps: SettleDeps, scene: Scene): Move {
  if (scene.state.cancelled === "stop") return stopHere(deps, scene);
  const node = scene.next();
  if (node === undefined) return complete(deps, scene);
  if (scene.ends) beginAll(deps, scene);
  const step = scene.step(node.name);
  if (step === undefined) return begin(deps, scene, node);
  const { endsMs } = scene;
  if (deps.clock.now() >= endsMs) return failStep(deps, scene, step, failureOf(outOfTime(scene), step.step_name));
  const agenda = lookAt(deps, scene, node, step);
  // Whatever it waits for, the execution's own end comes first.
  if (agenda === undefined || agenda instanceof Promise || agenda.tasks.length > 0) return agenda;
  return { ...agenda, wakeAtMs: Math.min(agenda.wakeAtMs ?? endsMs, endsMs) };
}

/** Ends where it is, once every child that it called can be told so: a letter to one that nobody accepted yet would be lost. */
function stopHere(deps: SettleDeps, scene: Scene): Move {
  const unseen = openCalls(scene.state).filter(({ step_name }) => !scene.awaited.has(step_name));
  if (unseen.length === 0) return endCancelled(deps, scene, false);
  return { tasks: unseen.map((step) => ({ kind: "bar_child", step })), wakeAtMs: undefined };
}

function lookAt(deps: SettleDeps, scene: Scene, node: PlanNode, step: Step): Move {
  const dueMs = step.due_at === undefined ? undefined : parseRfc3339(step.due_at);
  const isDue = dueMs !== undefined && dueMs <= deps.clock.now();
  switch (node.kind) {
    case "step":
      if (scene.ends && !holds(scene, node)) return skip(scene, step);
      return whenDue(deps, [{ kind: "run", step, member: { name: node.name, work: node } }]);
    case "await": {
      const signal = scene.state.signals?.find(({ name }) => name === node.name);
      if (signal !== undefined) return finish(scene, step, signal.payload, signal.signal_id);
      if (!isDue) return { tasks: [], wakeAtMs: dueMs };
      if (node.onTimeout === "continue") return finish(scene, step, null);
      const message = `No signal ${node.name} came within ${node.timeoutMs} ms.`;
      return failStep(
        deps,
        scene,
        step,
        failureOf(new RuntimeError("await.timed_out", message, { status: 504 }), node.name),
      );
    }
    case "sleep":
      return isDue ? finish(scene, step, null) : { tasks: [], wakeAtMs: dueMs };
    case "parallel":
    case "map":
      return lookAtGroup(deps, scene, node, step);
    case "call":
      return scene.awaited.has(step.step_name)
        ? untilNextLook(deps, node, step)
        : { tasks: [{ kind: "call", step, node }], wakeAtMs: undefined };
    case "emit":
      return finish(scene, step, null);
  }
}

interface Beginning {
  readonly started: Partial<StartedPayload>;
  readonly wanted: boolean;
  readonly problem: unknown;
}

/** Records that a node began; what needs no work is done at once. */
function begin(deps: SettleDeps, scene: Scene, node: PlanNode): Move {
  const nowMs = deps.clock.now();
  const started: Partial<StartedPayload> = {};
  let items: readonly JsonValue[] | undefined;
  let problem: unknown;
  let wanted = true;
  try {
    wanted = holds(scene, node);
    if (wanted && node.kind === "map") items = toJson(node.over(scene.view)) as readonly JsonValue[];
  } catch (error) {
    problem = error;
  }
  if (node.kind === "sleep") started.due_at = rfc3339(nowMs + node.delayMs);
  if (node.kind === "await" && node.timeoutMs !== undefined) started.due_at = rfc3339(nowMs + node.timeoutMs);
  if (node.kind === "call") started.child_execution_id = deps.ids.execution();
  if (items === undefined) return recordBeginning(deps, scene, node, { started, wanted, problem });
  scene.keepItems(node.name, items);
  return scene.claimCheck
    .park(scene.journal.owner.tenantId, items)
    .then((parked) => recordBeginning(deps, scene, node, { started: { items: parked }, wanted, problem }));
}

function recordBeginning(
  deps: SettleDeps,
  scene: Scene,
  node: PlanNode,
  { started, wanted, problem }: Beginning,
): Move {
  start(deps, scene, node.name, node.kind, started);
  const step = scene.step(node.name);
  if (step === undefined) return undefined;
  if (problem !== undefined) return failStep(deps, scene, step, failureOf(problem, node.name));
  if (!wanted) return skip(scene, step);
  return node.kind === "emit" ? emit(deps, scene, node, step) : undefined;
}

async function emit(
  deps: SettleDeps,
  scene: Scene,
  node: PlanNode & { readonly kind: "emit" },
  step: Step,
): Promise<Agenda | undefined> {
  let told: ReturnType<typeof node.event>;
  try {
    const { type, data } = node.event(scene.view);
    expectEventType(type);
    told = { type, data: toJson(data) };
  } catch (error) {
    return failStep(deps, scene, step, failureOf(error, node.name));
  }
  // What throws from here on is a store's: the execution is given up, and taken up again.
  const event = await parkEvent(scene, deps.ids.event(), told);
  publishEvents(scene, [event]);
  record(scene, step, { outputs: null, events: [event] });
  scene.keep(node.name, null);
  return undefined;
}

/** Starts as many members as may be at work, and ends the group when all are done. */
function lookAtGroup(deps: SettleDeps, scene: Scene, node: ParallelNode | MapNode, group: Step): Agenda | undefined {
  const members = scene.members(node);
  const limit = Math.min(node.kind === "map" ? node.concurrency : members.length, MAX_MEMBERS_AT_WORK);
  const open: RunTask[] = [];
  for (const member of members.slice(scene.doneMembers(node))) {
    if (open.length >= limit) break;
    if (scene.step(member.name) === undefined) start(deps, scene, member.name, "step", {});
    const step = scene.step(member.name);
    if (step !== undefined && !isDone(step)) open.push({ kind: "run", step, member });
  }
  if (open.length > 0) return whenDue(deps, open);
  record(scene, group, { outputs: null });
  scene.keepGroup(node);
  return undefined;
}

/** A plan that commits at its ends has all its steps on record before the first of them runs. */
function beginAll(deps: SettleDeps, scene: Scene): void {
  for (const node of scene.definition.plan.nodes) {
    if (scene.step(node.name) === undefined) start(deps, scene, node.name, node.kind, {});
  }
}

type StartedPayload = Extract<ExecutionDraft, { readonly event_type: "step_started" }>["payload"];

function start(
  deps: SettleDeps,
  scene: Scene,
  name: string,
  type: StartedPayload["step_type"],
  more: Partial<StartedPayload>,
): void {
  const previous = scene.state.steps.at(-1);
  // A chain of digests covers everything that came before, at a cost that does not grow with it.
  const inputs =
    previous === undefined
      ? [deps.intent.subject_id === undefined ? scene.input : deps.intent.parameters]
      : [previous.inputs_digest, previous.outputs ?? null];
  scene.journal.record({
    event_type: "step_started",
    step_name: name,
    payload: {
      step_id: deps.ids.step(),
      step_type: type,
      attempt: 1,
      epoch: scene.journal.epoch,
      inputs_digest: digestOf(inputs),
      ...more,
    },
  });
}

function whenDue(deps: SettleDeps, tasks: readonly RunTask[]): Agenda {
  const dueMs = (task: RunTask): number => (task.step.due_at === undefined ? 0 : parseRfc3339(task.step.due_at));
  const due = tasks.filter((task) => dueMs(task) <= deps.clock.now());
  const later = tasks.filter((task) => !due.includes(task)).map(dueMs);
  return { tasks: due, wakeAtMs: later.length === 0 ? undefined : Math.min(...later) };
}

function holds(scene: Scene, node: PlanNode): boolean {
  return node.when === undefined || node.when(scene.view);
}

function skip(scene: Scene, step: Step): undefined {
  record(scene, step, { outputs: null, skipped: true });
  scene.keep(step.step_name, null);
}

function finish(scene: Scene, step: Step, value: JsonValue, signalId?: string): undefined {
  record(scene, step, { outputs: value, ...(signalId === undefined ? {} : { signal_id: signalId }) });
  scene.keep(step.step_name, value);
}

type CompletedPayload = Extract<ExecutionDraft, { readonly event_type: "step_completed" }>["payload"];

function record(scene: Scene, step: Step, more: Partial<CompletedPayload> & Pick<CompletedPayload, "outputs">): void {
  scene.journal.record({
    event_type: "step_completed",
    step_name: step.step_name,
    payload: { step_id: step.step_id, attempt: step.attempt, events: [], ...more },
  });
}

function outOfTime({ definition }: Scene): RuntimeError {
  const message = `${definition.type} did not end within ${definition.timeoutMs} ms.`;
  return new RuntimeError("execution.timed_out", message, { status: 504 });
}
