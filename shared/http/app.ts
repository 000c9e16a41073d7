import type { RuntimeServices } from "../services.ts";
import type { HttpAnswer } from "./http-answer.ts";
import type { HttpRequest } from "./http-request.ts";
import { createRouter } from "./router.ts";
import { addArtifactRoutes } from "./routes/artifacts.ts";
import { addCatalogRoutes } from "./routes/catalog.ts";
import { addConsoleRoute } from "./routes/console.ts";
import { addContractRoutes } from "./routes/contracts.ts";
import { addDevTokenRoute } from "./routes/dev-token.ts";
import { addDocsRoutes } from "./routes/docs.ts";
import { addExecutionRoutes } from "./routes/executions.ts";
import { addExecutionControlRoutes } from "./routes/execution-control.ts";
import { addFileRoutes } from "./routes/files.ts";
import { addHealthRoutes } from "./routes/health.ts";
import { addIntentRoutes } from "./routes/intents.ts";
import { addJourneyRoute } from "./routes/journey.ts";
import { addPendingIntentRoutes } from "./routes/pending-intents.ts";
import { addPushRoute } from "./routes/push.ts";
import { addServedObjectRoutes } from "./routes/served-objects.ts";
import { addSessionRoutes } from "./routes/sessions.ts";
import { addWalRoutes } from "./routes/wal.ts";
import { addWasmCapabilityRoutes } from "./routes/wasm-capabilities.ts";
import { addWasmInstanceRoutes } from "./routes/wasm-instances.ts";
import { addWasmNodeRoute } from "./routes/wasm-nodes.ts";

/** The whole HTTP surface as one function; it needs no server to be called. */
export interface App {
  /** Never rejects: every error is an answer. */
  handle(request: HttpRequest): Promise<HttpAnswer>;
}

/** Builds the app over services that exist already: routes build nothing long-lived. */
export function createApp(services: RuntimeServices): App {
  const { adapters } = services;
  const router = createRouter(services);

  addPushRoute(router, services);
  if (adapters.objects.served !== undefined) addServedObjectRoutes(router, adapters.objects, adapters.objects.served);

  addSessionRoutes(router, services);
  addIntentRoutes(router, services);
  addExecutionRoutes(router, services);
  addExecutionControlRoutes(router, services);
  addJourneyRoute(router, services);
  addWalRoutes(router, services);
  addFileRoutes(router, services);
  addArtifactRoutes(router, services);
  addPendingIntentRoutes(router, services);
  if (services.registeredNodes !== undefined) addWasmNodeRoute(router, services.registeredNodes, adapters);
  addWasmCapabilityRoutes(router, services);
  addWasmInstanceRoutes(router, services);
  addCatalogRoutes(router, services);
  addHealthRoutes(router, services);
  if (adapters.devTokens !== undefined) addDevTokenRoute(router, adapters.devTokens);
  addDocsRoutes(router, services);
  if (adapters.console !== undefined) addConsoleRoute(router, adapters.console);
  addContractRoutes(router, services);

  return router;
}
