import { Firestore } from "@google-cloud/firestore";

import type { ExecutionStore } from "../../../shared/ports/execution-store.ts";
import type { Listen } from "../../../shared/store-clock.ts";
import { createAccept } from "./accept.ts";
import { createChanges } from "./changes.ts";
import { createClaim } from "./claim.ts";
import { createCommit } from "./commit.ts";
import { createExecutions } from "./executions.ts";
import { createHeads } from "./heads.ts";
import { createLayout } from "./layout.ts";
import { createLog } from "./log.ts";
import { createLogKeeping } from "./log-keeping.ts";
import { createMailbox } from "./mailbox.ts";
import { createOutbox } from "./outbox.ts";
import { createProlong } from "./prolong.ts";
import { createPurge } from "./purge.ts";
import { createReach, within } from "./reach.ts";
import { createRecords } from "./records.ts";
import { createWorkers } from "./workers.ts";
import { createWrite } from "./write.ts";

/** How long the connections may take to close when Firestore does not answer. */
const TERMINATE_WITHIN_MS = 2_000;

/** A broken connection is tried again within seconds, by default within two minutes; one that went dead is noticed within 40 s. */
const CONNECTION = {
  "grpc.initial_reconnect_backoff_ms": 200,
  "grpc.max_reconnect_backoff_ms": 2_000,
  "grpc.keepalive_time_ms": 30_000,
  "grpc.keepalive_timeout_ms": 10_000,
};

export interface FirestoreStoreOptions {
  readonly projectId: string;
  /** Default: `(default)`. */
  readonly databaseId?: string | undefined;
  /** `host:port` of the emulator; absent means Google's own service, with the credentials of the machine. */
  readonly emulatorHost?: string | undefined;
  /** Is told the time of Firestore by every commit and beat, and roughly by a sweep; default nobody. */
  readonly listen?: Listen | undefined;
}

export type FirestoreStore = ExecutionStore & Required<Pick<ExecutionStore, "prolong" | "keeping">>;

/**
 * The execution store on Firestore: strict mode, an acknowledged change survives the loss of a zone (ADR 0011).
 * A change is one atomic commit with preconditions and no transaction; it takes 500 writes, 10 MiB, and 1 MiB a document.
 * Throws `store.unavailable` and `store.contended` (503), `store.change_too_large` (413).
 */
export function createFirestoreStore({
  projectId,
  databaseId,
  emulatorHost,
  listen,
}: FirestoreStoreOptions): FirestoreStore {
  const db = new Firestore({
    projectId,
    ...(databaseId === undefined ? {} : { databaseId }),
    ...(emulatorHost === undefined ? {} : { host: emulatorHost, ssl: false }),
    // Otherwise a query is repeated for seven seconds whatever its fault (google-gax, retry-request).
    gaxServerStreamingRetries: true,
    grpcOptions: CONNECTION,
  });
  const layout = createLayout(db);
  const reach = createReach(listen);
  const heads = createHeads(db, layout, reach);
  const records = createRecords(db, layout, reach);
  const log = createLog(layout, reach);
  const outbox = createOutbox(db, layout, reach);
  const mailbox = createMailbox(db, layout, reach, heads);
  const executions = createExecutions(db, layout, reach);
  const workers = createWorkers(db, layout, reach);
  const deps = { db, layout, reach, heads, records, log, outbox, mailbox };
  const changes = createChanges(deps);
  const accept = createAccept({ ...deps, changes, workers });
  const claim = createClaim({ ...deps, executions, workers });
  const commit = createCommit({ ...deps, changes });
  const write = createWrite({ ...deps, changes });
  const keeping = createLogKeeping(db, layout, reach, heads);
  const prolong = createProlong(db, reach, records);
  const purge = createPurge(db, layout, reach);
  let terminated: Promise<void> | undefined;

  return {
    accept: (acceptance) => reach.run(() => accept(acceptance)),
    claim: (request) => reach.run(() => claim(request)),
    commit: (given) => reach.run(() => commit(given)),
    write: (tenantId, change) => reach.run(() => write(tenantId, change)),

    readExecution: (tenantId, executionId) => reach.run(() => executions.read({ tenantId, executionId })),
    listExecutions: (tenantId, filter, page) => reach.run(() => executions.list(tenantId, filter, page)),
    readLog: (tenantId, filter, page) => reach.run(() => log.read(tenantId, filter, page)),
    readRecord: (tenantId, kind, id) => reach.run(() => records.read(tenantId, kind, id)),
    listRecords: (tenantId, kind, facet, page) => reach.run(() => records.list(tenantId, kind, facet, page)),

    unpublished: (limit, except = []) => reach.run(() => outbox.waiting(limit, new Set(except))),
    markPublished: (eventIds) => reach.run(() => outbox.drop(eventIds)),
    readMail: (tenantId, executionId) => reach.run(() => mailbox.read({ tenantId, executionId })),

    beat: (workerId, nowMs) => reach.run(() => workers.beat(workerId, nowMs)),
    retire: (workerId) => reach.run(() => workers.retire(workerId)),
    due: ({ nowMs, limit }) => reach.run(() => executions.due(nowMs, limit)),
    abandoned: (query) => reach.run(() => workers.abandoned(query)),
    purge: (query) =>
      reach.run(async () => {
        await workers.restore();
        return purge(query);
      }),

    prolong: (tenantId, requirement) => reach.run(() => prolong(tenantId, requirement)),

    keeping: {
      tenants: () => reach.run(() => keeping.tenants()),
      forget: (tenantId, executionId) => reach.run(() => keeping.forget(tenantId, executionId)),
    },

    ping: () => reach.run(async () => void (await reach.call(() => layout.worker("ping").get()))),
    close: async () => {
      await reach.close();
      terminated ??= within(TERMINATE_WITHIN_MS, db.terminate());
      await terminated;
    },
  };
}
