import { createArtifactBytes } from "./artifacts/artifact-bytes.ts";
import type { Config } from "./config.ts";
import { createExecutionFeed } from "./executions/execution-feed.ts";
import { createExecutionLifecycle } from "./executions/execution-lifecycle.ts";
import { createPendingIntents } from "./executions/pending-intents.ts";
import { createPresence } from "./executions/presence.ts";
import { createRecovery } from "./executions/recovery.ts";
import { createWorkshop } from "./executions/workshop.ts";
import { createIntentCatalog } from "./sagas/intent-catalog.ts";
import type { IntentDefinition } from "./sagas/intent-definition.ts";
import type { Adapters, RuntimeServices } from "./services.ts";
import { createSessionService } from "./sessions/session-service.ts";
import { createClaimCheck } from "./state/claim-check.ts";
import { createOutboxRelay } from "./state/outbox-relay.ts";
import { createStateSurface } from "./state/state-surface.ts";
import { createWriteAheadLog } from "./state/write-ahead-log.ts";

/**
 * Builds the services over the adapters, each after what it stands on: execution store → state surface and artifacts →
 * write-ahead log → intent catalog → execution lifecycle. Nothing runs yet when this returns.
 */
export function createServices(
  config: Config,
  adapters: Adapters,
  intents: readonly IntentDefinition[],
): RuntimeServices {
  const { clock, ids, logger, store, objects, bus } = adapters;

  const surface = createStateSurface(store);
  const claimCheck = createClaimCheck(objects);
  const artifactBytes = createArtifactBytes({ objects, clock, ids });
  const log = createWriteAheadLog(store);
  const catalog = createIntentCatalog(intents);
  const sessions = createSessionService({ store, surface, clock, ids });
  const relay = createOutboxRelay({ store, bus, clock, logger });
  const feed = createExecutionFeed();

  const presence = createPresence({ store, clock, logger, workerId: ids.worker() });
  const workshop = createWorkshop({
    store,
    surface,
    bytes: artifactBytes,
    catalog,
    claimCheck,
    clock,
    ids,
    logger,
    maxRunning: config.maxRunning,
    onCommit: (state, messages) => {
      feed.announce(state.execution_id);
      if (messages) relay.nudge();
    },
  });
  const maxHeld = config.maxRunning + config.maxQueued;
  const recovery = createRecovery({ store, workshop, presence, clock, logger, maxHeld });
  const lifecycle = createExecutionLifecycle({
    store,
    surface,
    log,
    sessions,
    catalog,
    claimCheck,
    workshop,
    presence,
    recovery,
    clock,
    ids,
    maxHeld,
  });
  const pendingIntents = createPendingIntents({ store, surface, catalog, lifecycle, clock, ids });

  return {
    config,
    adapters,
    surface,
    claimCheck,
    artifactBytes,
    log,
    catalog,
    sessions,
    relay,
    feed,
    recovery,
    lifecycle,
    pendingIntents,
  };
}
