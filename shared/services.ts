import type { ArtifactBytes } from "./artifacts/artifact-bytes.ts";
import type { Uploads } from "./artifacts/uploads.ts";
import type { Clock } from "./clock.ts";
import type { Config } from "./config.ts";
import type { ExecutionFeed } from "./executions/execution-feed.ts";
import type { ExecutionControl } from "./executions/execution-control.ts";
import type { ExecutionLifecycle } from "./executions/execution-lifecycle.ts";
import type { Recovery } from "./executions/recovery.ts";
import type { Ids } from "./ids.ts";
import type { PendingIntents } from "./executions/pending-intents.ts";
import type { Logger } from "./logger.ts";
import type { Random } from "./random.ts";
import type { ConsolePage } from "./ports/console-page.ts";
import type { DataKeys } from "./ports/data-keys.ts";
import type { ExecutionStore } from "./ports/execution-store.ts";
import type { GraphStore } from "./ports/graph-store.ts";
import type { MessageBus } from "./ports/message-bus.ts";
import type { ModelProvider } from "./ports/model-provider.ts";
import type { ObjectStore } from "./ports/object-store.ts";
import type { RecordStore } from "./ports/record-store.ts";
import type { RateBuckets } from "./ports/rate-buckets.ts";
import type { TableEngine } from "./ports/table-engine.ts";
import type { CapabilityProvider } from "./ports/wasm-capabilities.ts";
import type { Runners } from "./ports/wasm-runners.ts";
import type { GuestPool } from "./ports/wasm-runtime.ts";
import type { DevTokenIssuer, PushVerifier, TokenVerifier } from "./ports/token-verifier.ts";
import type { Admission } from "./policy/admission.ts";
import type { IntentCatalog } from "./sagas/intent-catalog.ts";
import type { SessionService } from "./sessions/session-service.ts";
import type { ClaimCheck } from "./state/claim-check.ts";
import type { LogExport } from "./state/log-export.ts";
import type { OutboxRelay } from "./state/outbox-relay.ts";
import type { Retention } from "./state/retention.ts";
import type { StateSurface } from "./state/state-surface.ts";
import type { Subjects } from "./state/subjects.ts";
import type { WriteAheadLog } from "./state/write-ahead-log.ts";
import type { GuestSteps } from "./wasm/guest-steps.ts";
import type { InstanceRetention } from "./wasm/instance-retention.ts";
import type { InstanceRestarts } from "./wasm/instance-restarts.ts";
import type { RegisteredNodes } from "./wasm/registered-nodes.ts";
import type { InstanceService } from "./wasm/instance-service.ts";

/** What the outside provides: one of each port. */
export interface Adapters {
  readonly clock: Clock;
  readonly ids: Ids;
  readonly random: Random;
  readonly logger: Logger;
  readonly store: ExecutionStore;
  readonly objects: ObjectStore;
  readonly bus: MessageBus;
  readonly graph: GraphStore;
  readonly models: ModelProvider;
  readonly rateBuckets: RateBuckets;
  /** The data steward's rows. */
  readonly records: RecordStore;
  /** Absent where there is no master key: no data of subjects are taken then. */
  readonly dataKeys?: DataKeys | undefined;
  readonly tables: TableEngine;
  /** Runs guests in this process. */
  readonly guests: GuestPool;
  /** Runs guests in other processes. */
  readonly runners: Runners;
  /** Requests of guests to hosts outside. */
  readonly guestRequests: CapabilityProvider;
  readonly tokens: TokenVerifier;
  /** Present in dev mode only. */
  readonly devTokens: DevTokenIssuer | undefined;
  /** Absent where no pushes are to be believed; dev mode believes all. */
  readonly pushTokens?: PushVerifier | undefined;
  /** Absent where no runner is to be believed; dev mode believes all. */
  readonly nodeTokens?: PushVerifier | undefined;
  /** The operator's web page, made when it is first asked for; absent where none is served. */
  readonly console?: (() => Promise<ConsolePage>) | undefined;
}

/** Everything long-lived, built once, in the order of this list; routes and functions get it and build nothing themselves. */
export interface RuntimeServices {
  readonly config: Config;
  readonly adapters: Adapters;
  readonly surface: StateSurface;
  readonly subjects: Subjects;
  readonly claimCheck: ClaimCheck;
  readonly artifactBytes: ArtifactBytes;
  readonly uploads: Uploads;
  readonly log: WriteAheadLog;
  readonly logExport: LogExport;
  readonly retention: Retention;
  readonly catalog: IntentCatalog;
  readonly sessions: SessionService;
  readonly admission: Admission;
  readonly relay: OutboxRelay;
  readonly feed: ExecutionFeed;
  readonly recovery: Recovery;
  readonly lifecycle: ExecutionLifecycle;
  readonly control: ExecutionControl;
  readonly pendingIntents: PendingIntents;
  readonly instances: InstanceService;
  readonly restarts: Pick<InstanceRestarts, "sweep">;
  readonly guestSteps: GuestSteps;
  /** Where nodes register, if they do. */
  readonly registeredNodes: RegisteredNodes | undefined;
  readonly instanceRetention: InstanceRetention;
}
