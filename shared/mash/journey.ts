import { notFound } from "../errors.ts";
import type { Execution, Step } from "../executions/execution.ts";
import { journeyRecordKind } from "../executions/journey-record.ts";
import { loadExecution } from "../executions/stored-execution.ts";
import type { ExecutionId, TenantId, TraceId } from "../ids.ts";
import type { JsonObject, JsonValue } from "../json.ts";
import type { ExecutionStore } from "../ports/execution-store.ts";
import type { IntentCatalog } from "../sagas/intent-catalog.ts";
import { type JourneyMap, type Milestone, MILESTONES } from "../sagas/journey.ts";
import type { ClaimCheck } from "../state/claim-check.ts";
import type { StateSurface } from "../state/state-surface.ts";

/** How far the data of a trace has come: read from the executions of the trace, so that it can say nothing else than they do. */
export interface Journey {
  readonly traceId: TraceId;
  /** Of the newest execution. */
  readonly status: Execution["status"];
  /** In the order of the journey. */
  readonly milestones: readonly ReachedMilestone[];
  readonly failure: Execution["error"];
  /** What the completed stages returned, by their names. */
  readonly results: JsonObject;
  /** The newest first: a journey that was retried has several. */
  readonly executions: readonly Execution[];
}

export interface ReachedMilestone {
  readonly milestone: Milestone;
  readonly reachedAt: string;
  readonly executionId: ExecutionId;
  readonly stepName: string;
}

export interface JourneyDeps {
  readonly store: ExecutionStore;
  readonly surface: StateSurface;
  readonly catalog: IntentCatalog;
  readonly claimCheck: ClaimCheck;
}

/** Retries beyond these are not looked at; the cost of a reading does not grow with the log. */
const MAX_EXECUTIONS = 20;

/** Reads the journey of a trace. Throws `journey.not_found` (404). */
export async function readJourney(deps: JourneyDeps, tenantId: TenantId, traceId: TraceId): Promise<Journey> {
  const { store, surface, catalog, claimCheck } = deps;
  const page = { limit: MAX_EXECUTIONS };
  const { items } = await surface.list(tenantId, journeyRecordKind, `trace=${traceId}`, page);
  const stored = await Promise.all(items.map(({ value }) => store.readExecution(tenantId, value.execution_id)));
  const executions = stored.flatMap((each) => (each === undefined ? [] : [loadExecution(each).state]));
  const [newest] = executions;
  if (newest === undefined) throw notFound("journey", traceId);

  const reached = new Map<Milestone, ReachedMilestone>();
  const results: Record<string, JsonValue> = {};
  for (const execution of executions) {
    const definition = catalog.version(execution.intent_type, execution.intent_version);
    for (const step of execution.steps.filter(({ status }) => status === "completed")) {
      for (const milestone of milestonesOf(definition?.journey, step)) {
        // The oldest time counts: what a retry has copied was reached before.
        reached.set(milestone, {
          milestone,
          reachedAt: step.completed_at ?? step.started_at,
          executionId: execution.execution_id,
          stepName: step.step_name,
        });
      }
      if (definition?.journey !== undefined && Object.hasOwn(definition.journey, step.step_name)) {
        results[step.step_name] ??= await claimCheck.redeem(tenantId, step.outputs ?? null);
      }
    }
  }
  return {
    traceId,
    status: newest.status,
    milestones: MILESTONES.flatMap((milestone) => reached.get(milestone) ?? []),
    failure: newest.error,
    results,
    executions,
  };
}

function milestonesOf(journey: JourneyMap | undefined, { step_name: name }: Step): readonly Milestone[] {
  return journey !== undefined && Object.hasOwn(journey, name) ? (journey[name] ?? []) : [];
}
