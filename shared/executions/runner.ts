import { rfc3339 } from "../clock.ts";
import type { RuntimeError } from "../errors.ts";
import type { JsonObject, JsonValue } from "../json.ts";
import type { IntentCatalog } from "../sagas/intent-catalog.ts";
import type { ClaimCheck } from "../state/claim-check.ts";
import type { LogDraft } from "../state/log-entry.ts";
import { isErased } from "../state/subjects.ts";
import { UnitOfWork } from "../state/unit-of-work.ts";
import type { Agenda, RunTask, Task } from "./agenda.ts";
import { barChild, type ChildResult, type Children, lookAtChild, stopChild } from "./children.ts";
import { becomeDead, endWithoutResult, type SettleDeps } from "./ending.ts";
import { type Execution, isSettled, isTerminal } from "./execution.ts";
import { contended, failureOf } from "./failure.ts";
import { failStep } from "./fail-step.ts";
import { findPlan } from "./find-plan.ts";
import { guestCall } from "./guest-step.ts";
import { Journal, type JournalDeps } from "./journal.ts";
import { killsWorkers, outcomeUnknown } from "./lost-attempts.ts";
import { readMail } from "./mail.ts";
import { recordResult } from "./results.ts";
import { Scene } from "./scene.ts";
import { settle } from "./settle.ts";
import { isRefusedChange } from "./step-limits.ts";
import { isStoreAway, letGoUntilStoreIsBack } from "./store-away.ts";
import { type AttemptResult, runAttempt, type StepRunnerDeps } from "./step-runner.ts";
import type { LoadedExecution } from "./stored-execution.ts";
import { UNDO_RETRY } from "../sagas/retry-policy.ts";

/** How often one step may be begun anew after its worker died, before it counts as what kills workers. */
const MAX_CLAIMS_OF_A_STEP = 10;
/** How often in a row a commit may lose to other writers of the same records. */
const MAX_CONFLICTS = 5;
/** How often in a row a store may refuse a commit for what it is: the result of a step, and what fails that step. */
const MAX_REFUSALS = 2;

export interface RunnerDeps extends StepRunnerDeps, Omit<JournalDeps, "store" | "ids" | "clock"> {
  readonly catalog: IntentCatalog;
  readonly claimCheck: ClaimCheck;
  readonly children: Children;
}

/** How and when the process wants to stop. */
export interface StopSignals {
  /** Between steps. */
  readonly draining: AbortSignal;
  /** At once. */
  readonly stopping: AbortSignal;
  /** When the function is over, in epoch milliseconds: a step whose time does not fit before is handed on. */
  readonly functionEndsMs: number | undefined;
}

/**
 * Runs an execution that this worker holds, as far as it can get.
 *  E1  The commit that records a result also records the start of what follows it; the end rides on the last result:
 *      n steps, n + 1 commits, or 2 when the plan commits at its ends.
 *  E2  A step's result, records, log entries and events are one commit under the worker's epoch.
 *  E3  Fenced means silent: the worker stops and writes nothing more.
 *  E4  Whatever it registered as PENDING is FAILED with the very commit that ends the execution without success: what is more than
 *      one commit takes fails in commits before.
 *  E5  What has nothing to do is let go of: a waiting execution is held by nobody.
 *  E6  What the store will never take is not tried again: what led to it fails for good.
 *  E7  Nothing is recorded after the end.
 * Resolves to the last state that this worker committed.
 */
export async function runExecution(deps: RunnerDeps, held: LoadedExecution, stop: StopSignals): Promise<Execution> {
  const journal = Journal.resume(deps, held.epoch, held.state);
  if (isTerminal(held.state.status)) return held.epoch === 1 ? held.state : close(journal);
  const found = await findPlan(deps, held.state);
  if (found.definition === undefined) {
    const { letGoWithoutPlan } = await import("./without-plan.ts");
    return letGoWithoutPlan(deps, held, journal);
  }
  const { definition } = found;
  const tenantId = journal.owner.tenantId;
  // What was stored is what the input schema made of the parameters when they were accepted: it is not applied again.
  let scene: Scene;
  try {
    const input = (await deps.claimCheck.redeem(tenantId, held.intent.parameters)) as JsonObject;
    scene = new Scene(definition, journal, input, deps.claimCheck.of(held.intent.subject_id));
    await scene.load();
  } catch (error) {
    if (isStoreAway(error)) return letGoUntilStoreIsBack(deps, journal);
    if (!isErased(error)) throw error;
    const { endErased } = await import("./without-plan.ts");
    return endErased(deps, held, journal, { definition, error });
  }
  const run = new Run(deps, held, scene, stop);
  if (held.epoch > 1) run.resume(found.adopted ? definition.version : undefined);
  return run.go();
}

/** An archive may hold all of an execution, its end too, before it is told that this is the end: then the end is all that is written. */
async function close(journal: Journal): Promise<Execution> {
  await journal.commit({ wakeAtMs: undefined });
  return journal.committed;
}

type Result = { readonly task: Task; readonly result: AttemptResult | ChildResult };

class Run {
  readonly #deps: RunnerDeps & SettleDeps;
  readonly #scene: Scene;
  readonly #stop: StopSignals;
  /** What is at work, by step name. */
  readonly #atWork = new Map<string, Promise<Result>>();
  /** Aborts works whose saga turned back; made when it is first asked for. */
  #unwanted: AbortController | undefined;
  /** What the steps of a plan that commits at its ends have changed so far. */
  #base: UnitOfWork | undefined;
  #conflicts = 0;
  #refusals = 0;
  /** That it was taken up, until it is committed. */
  #resumption: LogDraft | undefined;
  /** What the last result was of, until it is committed. */
  #last: Task | undefined;

  constructor(deps: RunnerDeps, held: LoadedExecution, scene: Scene, stop: StopSignals) {
    this.#deps = { ...deps, intent: held.intent };
    this.#scene = scene;
    this.#stop = stop;
  }

  /** Records that the execution was taken up; a step that is begun anew runs only after this is committed. */
  resume(adopted?: number): void {
    this.#resumption = resumed(this.#scene.journal, adopted);
    this.#scene.journal.record(this.#resumption);
  }

  async go(): Promise<Execution> {
    const { journal } = this.#scene;
    for (;;) {
      if (journal.mail) await readMail(this.#deps, this.#scene);
      // Nothing is undone while something is still being done.
      const turnedBack = this.#scene.state.status !== "running";
      if (turnedBack) this.#abandonWork();
      const agenda =
        turnedBack && this.#atWork.size > 0
          ? { tasks: [], wakeAtMs: undefined }
          : await settle(this.#deps, this.#scene);
      const tasks = agenda.tasks.filter((task) => !this.#atWork.has(task.step.step_name));
      const verdict = await this.#commit(agenda, tasks);
      if (verdict === "over") return journal.committed;
      if (verdict === "again") continue;
      if (!this.#stop.draining.aborted) {
        for (const task of tasks) if (this.#fits(task)) this.#atWork.set(task.step.step_name, this.#work(task));
      }
      // It was told to stop during the commit: what it began on record only, it hands on.
      if (this.#atWork.size === 0) continue;
      const finished = await this.#nextResult(agenda);
      if (finished === undefined) continue;
      const { task, result } = finished;
      this.#atWork.delete(task.step.step_name);
      if (result.kind === "stopped") {
        if (this.#atWork.size === 0) return journal.committed;
      } else {
        this.#last = task;
        await recordResult(this.#deps, this.#scene, task, result, this.#base);
      }
    }
  }

  /** The next result of what is at work; undefined when something else is due before. */
  #nextResult({ wakeAtMs }: Agenda): Promise<Result | undefined> {
    const results = Promise.race(this.#atWork.values());
    if (wakeAtMs === undefined) return results;
    const { clock } = this.#deps;
    const patience = new AbortController();
    const due = clock.sleep(wakeAtMs - clock.now(), patience.signal).then(() => undefined);
    return Promise.race([results, due]).finally(() => patience.abort());
  }

  /** Commits what was recorded, unless it can wait; lets go when nothing is to be done. */
  async #commit(agenda: Agenda, tasks: readonly Task[]): Promise<"work" | "again" | "over"> {
    const { journal, ends } = this.#scene;
    const { status } = journal.state;
    const release = this.#release(agenda, tasks);
    const canWait = ends && status === "running" && tasks.length > 0 && this.#resumption === undefined;
    if (canWait && release === undefined) return "work";
    if (release !== undefined && !isSettled(status)) journal.record(suspended(this.#scene, release, tasks.length > 0));
    if (!journal.dirty) return release === undefined ? "work" : "over";
    const result = await journal.commit(release).catch((error: unknown) => {
      if (isRefusedChange(error)) return error;
      throw error;
    });
    if (result instanceof Error) return this.#afterRefusal(result);
    switch (result) {
      case "fenced":
      case "let_go":
        this.#abandonWork();
        return "over";
      case "conflict":
        return this.#afterConflict();
      case "held":
        this.#conflicts = 0;
        this.#refusals = 0;
        this.#resumption = undefined;
        this.#last = undefined;
        // Mail may turn the saga back: it is read before more work begins, and while other work goes on.
        if (release === undefined) return journal.mail ? "again" : "work";
        if (!isSettled(status)) this.resume();
        return "again";
    }
  }

  /** Whether to let go of the execution: it is over, it only waits, or what is next does not fit into what the process has left. */
  #release(agenda: Agenda, tasks: readonly Task[]): { readonly wakeAtMs: number | undefined } | undefined {
    if (isSettled(this.#scene.state.status)) return { wakeAtMs: undefined };
    if (this.#atWork.size > 0 || agenda.more === true) return undefined;
    if (tasks.length === 0) return { wakeAtMs: agenda.wakeAtMs };
    const handOn = this.#stop.draining.aborted || tasks.some((task) => !this.#fits(task));
    return handOn ? { wakeAtMs: this.#deps.clock.now() } : undefined;
  }

  /** Everything since the last commit is forgotten; what led to it runs again, but not for ever, nor what runs once at the most. */
  async #afterConflict(): Promise<"again"> {
    this.#forget();
    this.#conflicts += 1;
    const step = this.#last?.step;
    if (step === undefined || this.#scene.state.status !== "running") return "again";
    if (this.#conflicts > MAX_CONFLICTS || this.#scene.workOf(step)?.semantics === "at-most-once") {
      await failStep(this.#deps, this.#scene, step, failureOf(contended(step.step_name), step.step_name));
    }
    return "again";
  }

  /** What was refused is forgotten; the step that led to it fails, and if the store refuses that too, the execution itself. */
  async #afterRefusal(error: RuntimeError): Promise<"again"> {
    this.#refusals += 1;
    if (this.#refusals > MAX_REFUSALS) throw error;
    this.#scene.journal.reset();
    this.#forget();
    const last = this.#refusals === 1 ? this.#last : undefined;
    const failure = failureOf(error, last?.step.step_name);
    if (last?.kind === "run" || last?.kind === "call") await failStep(this.#deps, this.#scene, last.step, failure);
    else if (this.#scene.state.status === "running") await endWithoutResult(this.#deps, this.#scene, failure);
    else becomeDead(this.#deps, this.#scene, failure);
    return "again";
  }

  /** After a commit that was not made: what was recorded since the last one is gone. */
  #forget(): void {
    this.#scene.rewind();
    if (this.#resumption !== undefined) this.#scene.journal.record(this.#resumption);
    this.#base = undefined;
  }

  get #caller() {
    return { scene: this.#scene, intent: this.#deps.intent };
  }

  #fits(task: Task): boolean {
    const { functionEndsMs } = this.#stop;
    const timeoutMs = this.#scene.workOf(task.step)?.timeoutMs ?? 0;
    return functionEndsMs === undefined || this.#deps.clock.now() + timeoutMs <= functionEndsMs;
  }

  async #work(task: Task): Promise<Result> {
    const { step } = task;
    switch (task.kind) {
      case "run":
        return { task, result: await this.#run(task) };
      case "undo":
        return { task, result: await this.#undo(task.step) };
      case "call":
        return { task, result: await lookAtChild(this.#deps.children, this.#caller, step, task.node) };
      case "end_child":
        return { task, result: await stopChild(this.#deps.children, this.#caller, step) };
      case "bar_child":
        return { task, result: await barChild(this.#deps.children, this.#caller, step) };
    }
  }

  #run({ step, member: { work, item } }: RunTask): AttemptResult | Promise<AttemptResult> {
    const { epoch } = this.#scene.journal;
    const lost = epoch - step.epoch;
    if (step.attempt + lost > 1 && work.semantics === "at-most-once") return outcomeUnknown(step.step_name);
    if (lost >= MAX_CLAIMS_OF_A_STEP) return killsWorkers(step.step_name, lost);
    if (this.#scene.ends)
      this.#base ??= new UnitOfWork(this.#deps.surface, this.#scene.journal.owner.tenantId, this.#deps.clock.now());
    const { guest } = work;
    const run = work.run as (ctx: unknown, item?: JsonValue) => unknown;
    return runAttempt(this.#deps, {
      ...this.#surroundings(step.step_name),
      call: guest === undefined ? (ctx) => run(ctx, item) : guestCall(this.#deps.guestSteps, guest, epoch, run),
      timeoutMs: work.timeoutMs,
      retry: work.semantics === "at-most-once" ? { ...work.retry, maxAttempts: 1 } : work.retry,
      attempt: step.attempt + lost,
      patient: work.semantics !== "at-most-once",
      base: this.#base,
      unwanted: () => this.#whenUnwanted().signal,
    });
  }

  #undo(step: Task["step"]): Promise<AttemptResult> {
    const work = this.#scene.workOf(step);
    const undo = work?.undo as ((ctx: unknown) => unknown) | undefined;
    return runAttempt(this.#deps, {
      ...this.#surroundings(step.step_name),
      call: (ctx) => undo?.(ctx),
      timeoutMs: work?.timeoutMs ?? 0,
      retry: UNDO_RETRY,
      output: this.#scene.value(step.step_name),
      attempt: (step.undo_attempts ?? 0) + 1,
      patient: true,
    });
  }

  /** Tells what is at work that the saga has no use for its results any more. */
  #abandonWork(): void {
    if (this.#atWork.size > 0) this.#whenUnwanted().abort();
  }

  #whenUnwanted(): AbortController {
    this.#unwanted ??= new AbortController();
    return this.#unwanted;
  }

  #surroundings(stepName: string) {
    const { journal, input, outputs } = this.#scene;
    return {
      stepName,
      tenantId: journal.owner.tenantId,
      execution: journal.state,
      intent: this.#deps.intent,
      input,
      outputs,
      stopping: this.#stop.stopping,
    };
  }
}

function suspended({ journal }: Scene, { wakeAtMs }: { readonly wakeAtMs: number | undefined }, handedOn: boolean) {
  const payload = {
    execution_id: journal.state.execution_id,
    epoch: journal.epoch,
    reason: handedOn ? "handed_on" : "waiting",
    wake_at: wakeAtMs === undefined ? null : rfc3339(wakeAtMs),
  };
  return { event_type: "execution_suspended", payload } as const;
}

function resumed({ state, epoch }: Journal, adopted?: number) {
  const payload = {
    execution_id: state.execution_id,
    epoch,
    ...(adopted === undefined ? {} : { adopted_version: adopted }),
  };
  return { event_type: "execution_resumed", payload } as const;
}
