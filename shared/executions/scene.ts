import { parseRfc3339 } from "../clock.ts";
import { type JsonObject, type JsonValue, toJson } from "../json.ts";
import type { IntentDefinition } from "../sagas/intent-definition.ts";
import type { MapNode, ParallelNode, PlanNode, PlanView, Work } from "../sagas/plan.ts";
import type { ClaimCheck } from "../state/claim-check.ts";
import type { Execution, Step } from "./execution.ts";
import type { Journal } from "./journal.ts";

/** One piece of work as it is recorded: a step of its own, or a member of a group under `group/member`. */
export interface Member {
  readonly name: string;
  readonly work: Work;
  readonly item?: JsonValue;
}

/**
 * Where a saga stands: its plan, its journal, and the values that its nodes returned.
 * Values are kept whole here; the journal may hold claim checks in their stead.
 */
export class Scene {
  readonly definition: IntentDefinition;
  readonly journal: Journal;
  readonly input: JsonObject;
  readonly claimCheck: ClaimCheck;
  /** What the nodes returned, as conditions and steps see it. */
  readonly outputs: Record<string, JsonValue> = {};
  readonly #nodes: ReadonlyMap<string, PlanNode>;
  readonly #pivots: readonly string[];
  readonly #values = new Map<string, JsonValue>();
  readonly #members = new Map<string, readonly Member[]>();
  /** How many members of a group, from its first on, are done. */
  readonly #doneMembers = new Map<string, number>();
  /** Where each step lies in the state, as far as they were counted. */
  readonly #positions = new Map<string, number>();
  /** Calls that were looked at since mail was last read: their children say by mail when there is more to see. */
  readonly awaited = new Set<string>();
  #counted = 0;
  #cursor = 0;
  /** What `#endsMs` was counted from. */
  #since = "";
  #endsMs = 0;

  constructor(definition: IntentDefinition, journal: Journal, input: JsonObject, claimCheck: ClaimCheck) {
    this.definition = definition;
    this.journal = journal;
    this.input = input;
    this.claimCheck = claimCheck;
    const { nodes } = definition.plan;
    this.#nodes = new Map(nodes.map((node) => [node.name, node]));
    this.#pivots = nodes.filter((node) => node.kind === "step" && node.pivot).map((node) => node.name);
  }

  get state(): Execution {
    return this.journal.state;
  }

  /** When the execution's time is over, in epoch milliseconds. */
  get endsMs(): number {
    const since = this.state.revived_at ?? this.state.created_at;
    if (since !== this.#since) {
      this.#since = since;
      this.#endsMs = parseRfc3339(since) + this.definition.timeoutMs;
    }
    return this.#endsMs;
  }

  get ends(): boolean {
    return this.definition.plan.checkpoint === "ends";
  }

  /** Fetches what the journal holds by reference; once, when an execution is taken up. */
  async load(): Promise<void> {
    const { tenantId } = this.journal.owner;
    for (const step of this.state.steps) {
      if (step.outputs !== undefined) this.keep(step.step_name, await this.claimCheck.redeem(tenantId, step.outputs));
      if (step.items !== undefined) this.keepItems(step.step_name, await this.claimCheck.redeem(tenantId, step.items));
    }
    for (const node of this.#nodes.values()) this.keepGroup(node);
  }

  step(name: string): Step | undefined {
    const { steps } = this.state;
    for (; this.#counted < steps.length; this.#counted += 1) {
      this.#positions.set(steps[this.#counted]?.step_name ?? "", this.#counted);
    }
    const position = this.#positions.get(name);
    return position === undefined ? undefined : steps[position];
  }

  /** The first node that is not done; the cursor only moves on, so a long plan costs no more at its end than at its start. */
  next(): PlanNode | undefined {
    const { nodes } = this.definition.plan;
    for (let node = nodes[this.#cursor]; node !== undefined; node = nodes[this.#cursor]) {
      const step = this.step(node.name);
      if (step === undefined || !isDone(step)) return node;
      this.#cursor += 1;
    }
    return undefined;
  }

  /** After a conflict the journal forgets; what it forgot must be found again. */
  rewind(): void {
    this.#cursor = 0;
    this.#counted = 0;
    this.#positions.clear();
    this.#doneMembers.clear();
  }

  keep(name: string, value: JsonValue): void {
    this.#values.set(name, value);
    if (this.#nodes.has(name)) this.outputs[name] = value;
  }

  /** A group's output is what its members returned; it is not stored a second time. */
  keepGroup(node: PlanNode): void {
    if ((node.kind !== "parallel" && node.kind !== "map") || this.step(node.name)?.status !== "completed") return;
    const results = this.members(node).map(
      ({ name }) => [name.slice(node.name.length + 1), this.#memberOutput(node, name)] as const,
    );
    this.outputs[node.name] = toJson(
      node.kind === "map" ? results.map(([, value]) => value) : Object.fromEntries(results),
    );
  }

  value(name: string): JsonValue | undefined {
    return this.#values.get(name);
  }

  keepItems(name: string, items: JsonValue): void {
    const node = this.#nodes.get(name);
    if (node?.kind !== "map" || !Array.isArray(items)) return;
    const list = items as readonly JsonValue[];
    this.#members.set(
      name,
      list.map((item, index) => ({ name: `${name}/${index}`, work: node.work, item })),
    );
  }

  /** The members of a group, in order, as they are recorded. */
  members(node: ParallelNode | MapNode): readonly Member[] {
    const known = this.#members.get(node.name);
    if (known !== undefined) return known;
    if (node.kind === "map") return [];
    const members = Object.entries(node.branches).map(([branch, work]) => ({ name: `${node.name}/${branch}`, work }));
    this.#members.set(node.name, members);
    return members;
  }

  /** How many members of a group, from its first on, need no more looking at. */
  doneMembers(node: ParallelNode | MapNode): number {
    const members = this.members(node);
    let done = this.#doneMembers.get(node.name) ?? 0;
    for (let step = this.step(members[done]?.name ?? ""); step !== undefined && isDone(step);) {
      done += 1;
      step = this.step(members[done]?.name ?? "");
    }
    this.#doneMembers.set(node.name, done);
    return done;
  }

  /** The node that a recorded step belongs to. */
  nodeOf(step: Step): PlanNode | undefined {
    const [name = ""] = step.step_name.split("/");
    return this.#nodes.get(name);
  }

  workOf(step: Step): Work | undefined {
    const node = this.nodeOf(step);
    if (node === undefined) return undefined;
    switch (node.kind) {
      case "step":
        return node;
      case "parallel":
        return node.branches[step.step_name.slice(node.name.length + 1)];
      case "map":
        return step.step_name === node.name ? undefined : node.work;
      case "await":
      case "sleep":
      case "call":
      case "emit":
        return undefined;
    }
  }

  /** Whether a step must be undone, if the saga goes back: it was begun, done or not, and has an undo or a child. */
  needsUndo(step: Step): boolean {
    if (step.status === "compensated" || step.status === "skipped") return false;
    // A journey keeps what it has reached: a retry goes on from there.
    if (this.definition.journey !== undefined && step.status === "completed") return false;
    return step.child_execution_id !== undefined || this.workOf(step)?.undo !== undefined;
  }

  /** Whether the saga has passed a pivot: then it only goes forward. */
  get pastPivot(): boolean {
    return this.#pivots.some((name) => this.step(name)?.status === "completed");
  }

  /** What conditions, lists and results are computed from. */
  get view(): PlanView {
    return { input: this.input, outputs: this.outputs } as unknown as PlanView;
  }

  #memberOutput(node: PlanNode & { readonly onFailure: string }, name: string): JsonValue | undefined {
    const value = this.#values.get(name);
    if (node.onFailure !== "collect") return value;
    const error = this.step(name)?.error;
    if (this.step(name)?.status === "failed" && error !== undefined) {
      return { ok: false, error: { code: error.code, message: error.message } };
    }
    return value === undefined ? undefined : { ok: true, output: value };
  }
}

/** Whether a step needs nothing more for the saga to go on. */
export function isDone(step: Step): boolean {
  return step.status !== "started";
}
