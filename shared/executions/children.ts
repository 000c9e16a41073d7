import { RuntimeError } from "../errors.ts";
import type { ExecutionId, TenantId } from "../ids.ts";
import type { Intent } from "../intents/intent.ts";
import { type JsonObject, type JsonValue, toJson } from "../json.ts";
import type { CallNode } from "../sagas/plan.ts";
import { type Execution, type Failure, isTerminal, type Step } from "./execution.ts";
import { failureOf } from "./failure.ts";
import type { Scene } from "./scene.ts";
import type { AttemptResult } from "./step-runner.ts";

/** A child to be accepted: its id was recorded by its parent first, so that however often it is tried there is one child. */
export interface NewChild {
  readonly parent: Execution;
  /** What the parent was asked: a child is done for the same user, and for the same solution. */
  readonly asked: Intent;
  readonly stepName: string;
  readonly executionId: ExecutionId;
  readonly intentType: string;
  readonly parameters: JsonObject;
}

/** Executions that are started and ended by others. */
export interface Children {
  find(tenantId: TenantId, executionId: ExecutionId): Promise<Execution | undefined>;
  /** Accepts the child unless it was accepted before. */
  accept(tenantId: TenantId, child: NewChild): Promise<void>;
  /** Takes the child's id out of use, for one that was never accepted: a late acceptance, by a zombie, then finds it ended. */
  bury(tenantId: TenantId, child: NewChild): Promise<void>;
  /** Asks an execution to turn back; the same asking twice is one. */
  cancel(tenantId: TenantId, executionId: ExecutionId, mailId: string): Promise<void>;
  /** The output of a completed execution, whole. */
  output(tenantId: TenantId, execution: Execution): Promise<JsonValue>;
}

export type ChildResult =
  | { readonly kind: "done"; readonly output: JsonValue }
  | Extract<AttemptResult, { readonly kind: "failed" | "stopped" }>
  /** Its end will come by mail. */
  | { readonly kind: "child_waits" }
  | { readonly kind: "child_over" };

/** The saga that calls, and what it was asked. */
export interface Caller {
  readonly scene: Scene;
  readonly intent: Intent;
}

/** How a child stands, from its own state; one that is not there yet is accepted first. */
export async function lookAtChild(
  children: Children,
  { scene, intent }: Caller,
  step: Step,
  node: CallNode,
): Promise<ChildResult> {
  const { tenantId } = scene.journal.owner;
  const executionId = step.child_execution_id;
  if (executionId === undefined) return failed(step, new RangeError("a call without a child"));
  try {
    const child = await children.find(tenantId, executionId);
    if (child === undefined) {
      const parameters = toJson(node.input(scene.view));
      const parent = scene.journal.state;
      await children.accept(tenantId, {
        parent,
        asked: intent,
        stepName: step.step_name,
        executionId,
        intentType: node.intentType,
        parameters,
      });
      return { kind: "child_waits" };
    }
    if (child.status === "completed") return { kind: "done", output: await children.output(tenantId, child) };
    if (!isTerminal(child.status)) return { kind: "child_waits" };
    return { kind: "failed", failure: causeOf(child, step), retryAfterMs: undefined };
  } catch (error) {
    // A store that does not answer says nothing of the child: whoever takes the parent up looks again.
    if (error instanceof RuntimeError && error.retryable) throw error;
    return failed(step, error);
  }
}

/** Passes the turning back down; over when the child has ended in any way but completion, which only its own undo could undo. */
export async function stopChild(children: Children, { scene, intent }: Caller, step: Step): Promise<ChildResult> {
  const { tenantId, executionId: parentId } = scene.journal.owner;
  const executionId = step.child_execution_id;
  if (executionId === undefined) return { kind: "child_over" };
  const child = await children.find(tenantId, executionId);
  if (child === undefined) {
    await bury(children, { scene, intent }, step, executionId);
    // Buried now, or accepted by a zombie in the meantime: the next look tells.
    return stopChild(children, { scene, intent }, step);
  }
  if (isTerminal(child.status)) return { kind: "child_over" };
  await children.cancel(tenantId, executionId, `${parentId}/turned_back`);
  return { kind: "child_waits" };
}

/** Makes sure that a letter to the child, which stops it, finds it: one that nobody accepted yet never begins. */
export async function barChild(children: Children, { scene, intent }: Caller, step: Step): Promise<ChildResult> {
  const executionId = step.child_execution_id;
  if (executionId !== undefined && (await children.find(scene.journal.owner.tenantId, executionId)) === undefined) {
    await bury(children, { scene, intent }, step, executionId);
  }
  return { kind: "child_waits" };
}

async function bury(
  children: Children,
  { scene, intent }: Caller,
  step: Step,
  executionId: ExecutionId,
): Promise<void> {
  const node = scene.nodeOf(step);
  await children.bury(scene.journal.owner.tenantId, {
    parent: scene.journal.state,
    asked: intent,
    stepName: step.step_name,
    executionId,
    intentType: node?.kind === "call" ? node.intentType : "",
    parameters: {},
  });
}

function failed(step: Step, error: unknown): ChildResult {
  return { kind: "failed", failure: failureOf(error, step.step_name), retryAfterMs: undefined };
}

function causeOf(child: Execution, step: Step): Failure {
  const { execution_id, status, error } = child;
  return {
    code: error?.code ?? `execution.${status}`,
    message: error?.message ?? `The child ${execution_id} is ${status}.`,
    status: error?.status ?? 409,
    retryable: false,
    step_name: step.step_name,
    details: { child_execution_id: execution_id, child_status: status },
  };
}
