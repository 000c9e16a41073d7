import { type Clock, rfc3339 } from "../clock.ts";
import { durationMs } from "../duration.ts";
import { faultsOf, notFound, RuntimeError } from "../errors.ts";
import { type Ids, type TenantId, trustedTenantId } from "../ids.ts";
import type { Intent } from "../intents/intent.ts";
import { toJson } from "../json.ts";
import { type ExecutionStore, NO_CHANGE } from "../ports/execution-store.ts";
import type { IntentCatalog } from "../sagas/intent-catalog.ts";
import type { ClaimCheck } from "../state/claim-check.ts";
import type { Accept, NewExecution } from "./acceptance.ts";
import type { Children, NewChild } from "./children.ts";
import { type Execution, isTerminal } from "./execution.ts";
import type { Recovery } from "./recovery.ts";
import { loadExecution, type LoadedExecution } from "./stored-execution.ts";

/** A child's key outlives any parent that could still ask for it. */
const KEY_LIFETIME_MS = durationMs("400d");

export interface ChildExecutionsDeps {
  readonly store: ExecutionStore;
  readonly catalog: IntentCatalog;
  readonly claimCheck: ClaimCheck;
  readonly accept: Accept;
  readonly clock: Clock;
  readonly ids: Ids;
  /** Runs an execution that this worker holds. */
  readonly take: (held: LoadedExecution) => void;
  readonly wake: Recovery["wake"];
}

/** Child intents: executions of their own, tied to the step that calls them. */
export function createChildExecutions(deps: ChildExecutionsDeps): Children {
  const { store, catalog, claimCheck, accept, clock, ids } = deps;

  const find: Children["find"] = async (tenantId, executionId) => {
    const stored = await store.readExecution(tenantId, executionId);
    return stored === undefined ? undefined : loadExecution(stored).state;
  };

  const toExecution = async (child: NewChild): Promise<NewExecution> => {
    const { parent, asked, stepName, executionId, intentType } = child;
    const tenantId = trustedTenantId(parent.tenant_id);
    const definition = catalog.find(intentType);
    if (definition === undefined)
      throw new RuntimeError("intent.no_handler", `No handler found for intent type: ${intentType}`);
    const parsed = definition.input.safeParse(child.parameters);
    const input = parsed.data ?? child.parameters;
    const intent: Intent = {
      intent_id: ids.intent(),
      intent_type: definition.type,
      version: definition.version,
      tenant_id: parent.tenant_id,
      session_id: parent.session_id,
      ...inheritedFrom(asked),
      parameters: await claimCheck.park(tenantId, toJson(input)),
      metadata: {},
      created_at: rfc3339(clock.now()),
    };
    return {
      executionId,
      definition,
      intent,
      input,
      traceId: parent.trace_id,
      // The id was recorded by the parent before: it is the key that makes every try the same child.
      idempotency: { key: `child/${executionId}`, digest: executionId, expiresMs: clock.now() + KEY_LIFETIME_MS },
      links: { parent: { execution_id: parent.execution_id, step_name: stepName } },
    };
  };

  return {
    find,

    accept: async (_tenantId, child) => {
      const execution = await toExecution(child);
      const { error } = execution.definition.input.safeParse(child.parameters);
      if (error !== undefined) {
        const faults = faultsOf(error).map(({ path, message }) => `${path}: ${message}`);
        throw new RuntimeError(
          "intent.bad_parameters",
          `${execution.definition.type} cannot take these parameters: ${faults.join("; ")}.`,
          { status: 422 },
        );
      }
      const { outcome, held } = await accept(execution);
      if (outcome.outcome === "requirement_unmet") throw notFound("session", child.parent.session_id);
      if (outcome.outcome === "accepted" && !isTerminal(held.state.status)) deps.take(held);
    },

    bury: async (_tenantId, child) => {
      const execution = await toExecution(child);
      await accept({
        ...execution,
        prologue: ({ state: { execution_id, intent_id } }) => [
          { event_type: "execution_cancelled", payload: { execution_id, intent_id, compensated: false } },
        ],
      });
    },

    cancel: async (tenantId: TenantId, executionId, mailId) => {
      const mail = [{ mailId, executionId, body: { kind: "cancel", compensate: true } }];
      await store.write(tenantId, { ...NO_CHANGE, mail });
      deps.wake({ tenantId, executionId });
    },

    output: (tenantId: TenantId, execution: Execution) => claimCheck.redeem(tenantId, execution.output ?? null),
  };
}

/** Who it is done for, and under whose rules; a subject's data is never a child's (`plan.not_sealable`). */
function inheritedFrom({ user_id, solution_id, roles }: Intent): Pick<Intent, "user_id" | "solution_id" | "roles"> {
  return {
    ...(user_id === undefined ? {} : { user_id }),
    ...(solution_id === undefined ? {} : { solution_id }),
    ...(roles === undefined ? {} : { roles }),
  };
}
