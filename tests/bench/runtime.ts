import { createAdapters } from "../../infra/create-adapters.ts";
import { type Config, loadConfig } from "../../shared/config.ts";
import type { Execution } from "../../shared/executions/execution.ts";
import type { JsonObject } from "../../shared/json.ts";
import type { IntentDefinition } from "../../shared/sagas/intent-definition.ts";
import { createServices } from "../../shared/create-services.ts";
import { startUpkeep } from "../../shared/executions/upkeep.ts";
import { asId, type SessionId, type TenantId, trustedTenantId } from "../../shared/ids.ts";
import type { ExecutionStore } from "../../shared/ports/execution-store.ts";
import type { RuntimeServices } from "../../shared/services.ts";
import { PARAMETERS, threeSteps } from "./three-steps.ts";

export const TENANT: TenantId = trustedTenantId("bench");

/** The whole runtime in this process, put together as functions/main.ts does it, with the bench's own intents. */
export interface BenchRuntime {
  readonly config: Config;
  readonly services: RuntimeServices;
  stop(): Promise<void>;
}

/** `watched` may wrap the store, to count what goes through it. */
export async function openRuntime(
  environment: Readonly<Record<string, string | undefined>>,
  watched: (store: ExecutionStore) => ExecutionStore = (store) => store,
  intents: readonly IntentDefinition[] = [threeSteps],
): Promise<BenchRuntime> {
  const config = loadConfig(environment);
  const opened = await createAdapters(config);
  const adapters = { ...opened, store: watched(opened.store) };
  const services = createServices(config, adapters, intents);
  const upkeep = startUpkeep({ ...services, ...adapters });
  return {
    config,
    services,
    stop: async () => {
      await Promise.all([upkeep.stop(), services.lifecycle.stop(config.gracePeriodMs)]);
      await services.relay.drain();
      await adapters.store.close();
    },
  };
}

export async function createSession({ adapters, sessions }: RuntimeServices): Promise<SessionId> {
  const view = await sessions.create({
    tenantId: TENANT,
    userId: "bench",
    context: {},
    metadata: {},
    traceId: adapters.ids.trace(),
  });
  return asId.session(view.session.session_id);
}

/** Accepts one execution of an intent. */
export async function submit(
  { adapters, lifecycle }: RuntimeServices,
  sessionId: SessionId,
  intentType: string,
  parameters: JsonObject = {},
): Promise<Execution> {
  const { execution } = await lifecycle.submit({
    tenantId: TENANT,
    userId: "bench",
    intentType,
    sessionId,
    parameters,
    metadata: {},
    solutionId: undefined,
    intentId: undefined,
    idempotencyKey: undefined,
    traceId: adapters.ids.trace(),
  });
  return execution;
}

/** One saga from its acceptance to its end. Throws when it does not complete. */
export async function runSaga(
  services: RuntimeServices,
  sessionId: SessionId,
  intentType: string = threeSteps.type,
  parameters: JsonObject = PARAMETERS,
): Promise<Execution> {
  const execution = await submit(services, sessionId, intentType, parameters);
  const ended = await services.lifecycle.wait(TENANT, execution.execution_id, 60_000);
  if (ended.status !== "completed") {
    throw new Error(
      `the saga ${execution.execution_id} is ${ended.status}: ${ended.error?.message ?? "it has not ended"}`,
    );
  }
  return ended;
}
