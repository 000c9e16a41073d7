import { trustedTenantId } from "../ids.ts";
import type { ExecutionStore } from "../ports/execution-store.ts";
import { diffPlans, mayAdopt } from "../sagas/diff-plans.ts";
import type { IntentCatalog } from "../sagas/intent-catalog.ts";
import type { IntentDefinition } from "../sagas/intent-definition.ts";
import { logEntrySchema } from "../state/log-entry.ts";
import type { Execution } from "./execution.ts";
import { executionPayloads } from "./execution-events.ts";

export type FoundPlan =
  | { readonly definition: IntentDefinition; readonly adopted: boolean }
  | { readonly definition: undefined; readonly adopted: false };

/**
 * The plan that an execution goes on under: the version that it began with, while the build has it; else the newest, when that
 * one leaves all that the execution has begun as it was; else none, and it stays pinned.
 */
export async function findPlan(
  { store, catalog }: { readonly store: ExecutionStore; readonly catalog: IntentCatalog },
  state: Execution,
): Promise<FoundPlan> {
  const definition = catalog.version(state.intent_type, state.intent_version);
  if (definition !== undefined) return { definition, adopted: false };
  const newest = catalog.find(state.intent_type);
  if (newest === undefined) return { definition: undefined, adopted: false };
  const filter = { executionId: state.execution_id, eventType: "saga_started", order: "chronological" } as const;
  const page = await store.readLog(trustedTenantId(state.tenant_id), filter, { limit: 1 });
  const entry = logEntrySchema.parse(JSON.parse(page.items[0] ?? "{}"));
  const { plan } = executionPayloads.saga_started.parse(entry.payload);
  const diff = diffPlans({ version: state.intent_version, nodes: plan }, newest.outline);
  const begun = state.steps.map((step) => step.step_name);
  return mayAdopt(diff, begun).adopt
    ? { definition: newest, adopted: true }
    : { definition: undefined, adopted: false };
}
