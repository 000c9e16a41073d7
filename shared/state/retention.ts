import * as z from "zod";

import { type Clock, parseRfc3339, rfc3339 } from "../clock.ts";
import { durationMs } from "../duration.ts";
import { RuntimeError } from "../errors.ts";
import { type ExecutionId, idSchemas, type TenantId } from "../ids.ts";
import { sha256 } from "../json.ts";
import { errorFields, type Logger } from "../logger.ts";
import { type ExecutionStore, NO_CHANGE } from "../ports/execution-store.ts";
import type { LogKeeping } from "../ports/log-keeping.ts";
import { everyPage } from "../ports/paging.ts";
import { endsChain } from "./chain-verification.ts";
import { dateOf, type LogExport } from "./log-export.ts";
import { type LogEntry, readEntry } from "./log-entry.ts";
import type { RecordKind } from "./record-kind.ts";
import type { StateSurface } from "./state-surface.ts";
import { UnitOfWork } from "./unit-of-work.ts";

/** How many executions of a tenant are looked at together, and recorded as one step. */
const BATCH = 50;
const PAGE = 500;

/** How long an ended execution and its log are kept. */
const KEEP_MS = durationMs("400d");

/**
 * What was dropped of a tenant's log. `digest` is a chain over it: SHA-256 of the digest before, a space, the execution's id, a space
 * and the hash of its last entry; so an exported log proves that a missing execution was dropped, and which ones were.
 */
const checkpointSchema = z.object({
  dropped: z.int(),
  digest: z.string(),
  /** Being dropped: begun again when it was cut short. */
  dropping: z.array(z.object({ execution_id: idSchemas.execution, last_hash: z.string() })),
  updated_at: z.string(),
});
export type RetentionCheckpoint = Readonly<z.infer<typeof checkpointSchema>>;
const checkpointKind: RecordKind<RetentionCheckpoint> = {
  name: "log_retention",
  schema: checkpointSchema,
  facets: () => [],
};
const CHECKPOINT_ID = "log";
const NOTHING_DROPPED: RetentionCheckpoint = { dropped: 0, digest: "0".repeat(64), dropping: [], updated_at: "" };

export interface RetentionReport {
  readonly tenants: number;
  readonly exportedDays: number;
  readonly dropped: number;
  /** Tenants whose turn failed; it is in the logs why, and the next run tries again. */
  readonly failed: number;
}

/**
 * Keeps logs within their time: exports the days that are over, and drops what is older than a tenant keeps.
 *  K1  Only whole executions go, and only ended ones: every chain that is left verifies from its first entry.
 *  K2  Each day of an execution is exported as it is then, and sealed, before anything of it goes.
 *  K3  What is dropped is on record before it goes, and counted after: a run that was cut short is finished by the next.
 */
export interface Retention {
  /** One run over all tenants that have a log, for a scheduler. */
  run(): Promise<RetentionReport>;
  /** One tenant's turn; returns how many executions were dropped. Throws `retention.not_supported` (501). */
  drop(tenantId: TenantId): Promise<number>;
  checkpoint(tenantId: TenantId): Promise<RetentionCheckpoint>;
}

export interface RetentionDeps {
  readonly store: ExecutionStore;
  readonly surface: StateSurface;
  readonly logExport: LogExport;
  readonly clock: Clock;
  readonly logger: Logger;
}

interface Expired {
  readonly execution_id: ExecutionId;
  readonly last_hash: string;
  readonly dates: readonly string[];
}

export function createRetention(deps: RetentionDeps): Retention {
  const { store, surface, logExport, clock, logger } = deps;

  const keepingOf = (): LogKeeping => {
    if (store.keeping !== undefined) return store.keeping;
    throw new RuntimeError("retention.not_supported", "This store cannot forget executions.", { status: 501 });
  };

  const checkpoint = async (tenantId: TenantId): Promise<RetentionCheckpoint> =>
    (await surface.get(tenantId, checkpointKind, CHECKPOINT_ID))?.value ?? NOTHING_DROPPED;

  const record = async (tenantId: TenantId, change: (before: RetentionCheckpoint) => RetentionCheckpoint) => {
    const unit = new UnitOfWork(surface, tenantId, clock.now());
    const before = (await unit.get(checkpointKind, CHECKPOINT_ID)) ?? NOTHING_DROPPED;
    unit.put(checkpointKind, CHECKPOINT_ID, { ...change(before), updated_at: rfc3339(clock.now()) });
    const { outcome } = await store.write(tenantId, { ...NO_CHANGE, records: unit.records });
    if (outcome === "written") return;
    throw new RuntimeError("retention.contended", "Another run of the retention is at work.", {
      status: 409,
      retryable: true,
    });
  };

  /** Finishes what is on record as being dropped. */
  const finish = async (tenantId: TenantId): Promise<number> => {
    const { dropping } = await checkpoint(tenantId);
    if (dropping.length === 0) return 0;
    const gone: RetentionCheckpoint["dropping"] = [];
    for (const each of dropping) {
      if ((await keepingOf().forget(tenantId, each.execution_id)) === "forgotten") gone.push(each);
      else logger.error("an execution has an end in its log and none in its state; it is kept", { ...each });
    }
    await record(tenantId, (before) => ({
      ...before,
      dropped: before.dropped + gone.length,
      digest: gone.reduce((digest, each) => sha256(`${digest} ${each.execution_id} ${each.last_hash}`), before.digest),
      dropping: [],
    }));
    return gone.length;
  };

  /** What an execution's log says of it; undefined while it is younger than the cutoff, or not over. */
  const lookAt = async (
    tenantId: TenantId,
    executionId: ExecutionId,
    cutoffMs: number,
  ): Promise<Expired | undefined> => {
    const dates = new Set<string>();
    let last: LogEntry | undefined;
    const filter = { executionId, order: "chronological" } as const;
    for await (const texts of everyPage((cursor) => store.readLog(tenantId, filter, { limit: PAGE, cursor }))) {
      for (const text of texts) {
        dates.add(dateOf(text));
        last = readEntry(text);
      }
    }
    if (last === undefined || !endsChain(last) || parseRfc3339(last.timestamp) >= cutoffMs) return undefined;
    return { execution_id: executionId, last_hash: last.hash, dates: [...dates] };
  };

  const drop: Retention["drop"] = async (tenantId) => {
    const cutoffMs = clock.now() - KEEP_MS;
    let dropped = await finish(tenantId);
    const seen = new Set<ExecutionId>();
    const filter = { order: "chronological", toMs: cutoffMs } as const;
    for await (const texts of everyPage((cursor) => store.readLog(tenantId, filter, { limit: PAGE, cursor }))) {
      const expired: Expired[] = [];
      for (const executionId of executionsOf(texts)) {
        if (seen.has(executionId)) continue;
        seen.add(executionId);
        const found = await lookAt(tenantId, executionId, cutoffMs);
        if (found !== undefined) expired.push(found);
      }
      for (let n = 0; n < expired.length; n += BATCH) {
        const batch = expired.slice(n, n + BATCH);
        for (const date of new Set(batch.flatMap(({ dates }) => dates))) await logExport.seal(tenantId, date);
        const dropping = batch.map(({ execution_id, last_hash }) => ({ execution_id, last_hash }));
        await record(tenantId, (before) => ({ ...before, dropping: [...before.dropping, ...dropping] }));
        dropped += await finish(tenantId);
      }
    }
    return dropped;
  };

  return {
    checkpoint,

    drop,

    run: async () => {
      const tenants = await keepingOf().tenants();
      let [exportedDays, dropped, failed] = [0, 0, 0];
      for (const tenantId of tenants) {
        try {
          exportedDays += (await logExport.run(tenantId)).length;
          dropped += await drop(tenantId);
        } catch (error) {
          failed += 1;
          logger.error("the log of a tenant could not be kept within its time", {
            tenant_id: tenantId,
            ...errorFields(error),
          });
        }
      }
      return { tenants: tenants.length, exportedDays, dropped, failed };
    },
  };
}

function executionsOf(texts: readonly string[]): readonly ExecutionId[] {
  return texts.flatMap((text) => readEntry(text)?.execution_id ?? []);
}
