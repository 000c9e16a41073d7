import type { SessionId, TenantId } from "../../shared/ids.ts";
import type { JsonObject, JsonValue } from "../../shared/json.ts";
import { RuntimeError } from "../../shared/errors.ts";
import type { Execution } from "../../shared/executions/execution.ts";
import { worksOf } from "../../shared/sagas/check-plan.ts";
import type { IntentDefinition } from "../../shared/sagas/intent-definition.ts";
import type { RuntimeServices } from "../../shared/services.ts";
import type { Crash } from "./mortal-worker.ts";
import { difference, outcomeOf } from "./outcome.ts";
import { testIds } from "./runtime.ts";
import { Stage } from "./stage.ts";

/** What an intent finds before it begins. */
export interface Preparation {
  readonly services: RuntimeServices;
  readonly tenantId: TenantId;
  readonly sessionId: SessionId;
  /** Runs an intent to its end, of a subject or of none. Throws when it does not complete. */
  run(intent: IntentDefinition, parameters: JsonObject, subjectId?: string): Promise<Execution>;
}

export interface ChaosOptions {
  /** Intents that the plan calls, or that `prepare` runs. */
  readonly children?: readonly IntentDefinition[];
  /** Makes what the intent works on; what it returns goes over the input. It is left undisturbed. */
  readonly prepare?: (preparation: Preparation) => Promise<JsonObject>;
  /** What else differs from play to play, besides ids and times: such as what is encrypted. */
  readonly passing?: RegExp;
  /** What is sent to the awaits of the plan, by their names, as soon as the intent is accepted. */
  readonly signals?: Readonly<Record<string, JsonValue>>;
}

export interface ChaosReport {
  /** Contacts with store, files and bus in the undisturbed run. */
  readonly calls: number;
  /** Crashes that were played. */
  readonly crashes: number;
  /** How the undisturbed run ended. */
  readonly execution: Execution;
}

/**
 * Runs an intent once undisturbed, and then once for each contact with the outside that this took, with the worker dying right
 * before it, and once with the worker dying right after it, the answer lost; a new worker takes over. Each time the promises of
 * `historyFaults` must hold, nothing may be left held or unpublished, and all that is left must be what the undisturbed run left,
 * but for ids and times. A step with `semantics: "at-most-once"` may instead end as `step.outcome_unknown`.
 * Days of waiting take no time. Throws an error that tells the shortest history that breaks something.
 */
export async function chaos(
  intent: IntentDefinition,
  input: JsonObject,
  options: ChaosOptions = {},
): Promise<ChaosReport> {
  const calm = await play(intent, input, options);
  if (calm.faults.length > 0) throw broken(intent, "without any crash", calm);
  const failures: { readonly crash: Crash; readonly played: Played }[] = [];
  let crashes = 0;
  for (let call = 1; call <= calm.calls; call += 1) {
    for (const when of ["before", "after"] as const) {
      const crash = { call, when };
      const played = await play(intent, input, options, crash);
      const faults = [...played.faults, ...differs(intent, calm, played)];
      if (faults.length > 0) failures.push({ crash, played: { ...played, faults } });
      crashes += 1;
    }
  }
  const [shortest] = failures.toSorted((a, b) => a.played.trace.length - b.played.trace.length);
  if (shortest !== undefined) {
    const { crash, played } = shortest;
    const others = failures.length === 1 ? "" : `, the shortest of ${failures.length} histories that break it`;
    throw broken(intent, `when its worker dies ${crash.when} call ${crash.call}${others}`, played);
  }
  if (calm.execution === undefined) throw new RangeError("the undisturbed run left no execution");
  return { calls: calm.calls, crashes, execution: calm.execution };
}

interface Played {
  readonly calls: number;
  readonly execution: Execution | undefined;
  readonly outcome: readonly string[];
  readonly faults: readonly string[];
  readonly trace: readonly string[];
}

async function play(
  intent: IntentDefinition,
  input: JsonObject,
  { children = [], prepare, signals = {}, passing }: ChaosOptions,
  crash?: Crash,
): Promise<Played> {
  await using stage = await Stage.open([intent, ...children]);
  const sessionId = await stage.session();
  const prepared = prepare === undefined ? {} : await stage.passing(prepare(preparation(stage, sessionId)));
  await stage.change(crash);
  stage.trace.splice(0);
  const first = stage.worker;
  let execution: Execution | undefined;
  let stuck: readonly string[] = [];
  try {
    const submission = submissionOf(stage, sessionId, intent, { ...input, ...prepared });
    const answer = await stage.insist(({ services }) => services.lifecycle.submit(submission));
    const { execution_id: id } = answer.execution;
    for (const [name, payload] of Object.entries(signals)) await send(stage, id, name, payload);
    await stage.settle();
    await stage.change();
    execution = (await stage.executions()).find(({ state }) => state.execution_id === id)?.state;
  } catch (error) {
    stuck = [error instanceof Error ? error.message : String(error)];
  }
  const faults = [...stuck, ...(await stage.faults())];
  const outcome = (await outcomeOf(stage)).map((line) =>
    passing === undefined ? line : line.replaceAll(passing, "…"),
  );
  return { calls: first.calls, execution, outcome: outcome.toSorted(), faults, trace: stage.trace };
}

function preparation(stage: Stage, sessionId: SessionId): Preparation {
  const { services } = stage.worker;
  return {
    services,
    tenantId: stage.tenantId,
    sessionId,
    run: async (intent, parameters, subjectId) => {
      const { execution } = await services.lifecycle.submit({
        ...submissionOf(stage, sessionId, intent, parameters),
        idempotencyKey: undefined,
        subjectId,
      });
      const ended = await services.lifecycle.wait(stage.tenantId, execution.execution_id, 60_000);
      if (ended.status !== "completed") throw new Error(`${intent.type} is ${ended.status}: ${ended.error?.message}`);
      return ended;
    },
  };
}

function submissionOf(stage: Stage, sessionId: SessionId, intent: IntentDefinition, parameters: JsonObject) {
  return {
    tenantId: stage.tenantId,
    userId: undefined,
    intentType: intent.type,
    sessionId,
    parameters,
    metadata: {},
    solutionId: undefined,
    intentId: undefined,
    idempotencyKey: "chaos",
    traceId: testIds.trace(),
  };
}

/** The same signal id each time: however often it is sent, it is one signal. */
async function send(stage: Stage, id: Execution["execution_id"], name: string, payload: JsonValue): Promise<void> {
  await stage.insist(async ({ services }) => {
    const signal = { name, payload, signalId: `chaos/${name}` };
    await services.control.signal(stage.tenantId, id, signal).catch((error: unknown) => {
      if (!(error instanceof RuntimeError) || error.code !== "execution.over") throw error;
    });
  });
}

function differs(intent: IntentDefinition, calm: Played, played: Played): readonly string[] {
  const unknown = played.execution?.error?.code === "step.outcome_unknown";
  const works = intent.plan.nodes.flatMap(worksOf);
  if (unknown && works.some(([, work]) => work.semantics === "at-most-once")) return [];
  return difference(calm.outcome, played.outcome);
}

function broken(intent: IntentDefinition, when: string, { faults, trace }: Played): Error {
  const lines = [...faults.map((fault) => `  ${fault}`), "What happened:", ...trace.map((line) => `  ${line}`)];
  // The first digits of an id tell it from the others well enough.
  const text = lines.join("\n").replaceAll(/_([0-9a-f]{4})[0-9a-f]{4}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/g, "_$1");
  return new Error(`${intent.type} breaks ${when}:\n${text}`);
}
