import { type Clock, parseRfc3339 } from "../clock.ts";
import { durationMs } from "../duration.ts";
import type { TenantId } from "../ids.ts";
import { type ExecutionStore, NO_CHANGE, type RecordWrite } from "../ports/execution-store.ts";
import type { ObjectStore } from "../ports/object-store.ts";
import { ALL } from "../state/record-kind.ts";
import type { StateSurface } from "../state/state-surface.ts";
import { UnitOfWork } from "../state/unit-of-work.ts";
import { storedBytesChange, storedBytesTotal } from "./stored-bytes.ts";
import { type Upload, uploadKind, uploadPath, WAITING } from "./upload.ts";

/** So many changes are left as they are, the newest, and so many are folded by one commit, whose size stores bound. */
const FOLD = 100;
const TOTAL_ID = "artifacts";
/** A PUT that began in time may end later. */
const LATE_MS = durationMs("1h");
/** Object stores clear away what nobody took after seven days (ADR 0012). */
const CLEARED_AFTER_MS = durationMs("8d");
/** How many expired uploads are looked up at a time; the others count as they were announced. */
const LOOK_UPS = 100;
/** How many waiting uploads are counted; a tenant that has a quota may have no more. */
export const MAX_WAITING_UPLOADS = 1_000;

/**
 * How many bytes lie in the object store for a tenant.
 *  B1  What an artifact holds is counted by the very commit that makes its record point at the bytes, or give them up: so what is
 *      counted is what the records say, after any crash, repeat or take-over, and no execution waits for another's count.
 *  B2  A change is counted once: it is folded into the total, and goes, in one commit.
 *  B3  An upload counts as announced from when its URL is given out until it is an artifact's, by one commit; or its time is over and
 *      nothing came; or the object store has cleared it away.
 *  B4  What is read is no less than what was committed when the reading began, and not yet given up when it ended.
 */
export interface StorageUse {
  readonly bytes: number;
  /** Uploads that were announced and not taken. */
  readonly uploads: number;
}

export interface StorageUseDeps {
  readonly store: Pick<ExecutionStore, "write">;
  readonly surface: StateSurface;
  readonly objects: Pick<ObjectStore, "size">;
  readonly clock: Clock;
}

export async function readStorageUse(deps: StorageUseDeps, tenantId: TenantId): Promise<StorageUse> {
  // Uploads first: one that becomes an artifact's meanwhile counts twice then, and not never.
  const uploads = await waitingUploads(deps, tenantId);
  const artifacts = await artifactBytes(deps, tenantId);
  return { bytes: artifacts + uploads.bytes, uploads: uploads.count };
}

async function artifactBytes({ store, surface, clock }: StorageUseDeps, tenantId: TenantId): Promise<number> {
  for (;;) {
    const before = await surface.get(tenantId, storedBytesTotal, TOTAL_ID);
    const { items } = await surface.list(tenantId, storedBytesChange, ALL, { limit: 2 * FOLD });
    const total = before?.value.bytes ?? 0;
    if (items.length <= FOLD) {
      // What was folded in between would be missing from both.
      const after = await surface.get(tenantId, storedBytesTotal, TOTAL_ID);
      if (after?.version === before?.version) return total + sumOf(items);
      continue;
    }
    // Not the newest, which their executions may be about to change again.
    const old = items.slice(FOLD);
    const change = { facets: [], sortMs: clock.now() };
    const folded: RecordWrite = {
      ...change,
      kind: storedBytesTotal.name,
      id: TOTAL_ID,
      expectedVersion: before?.version ?? 0,
      body: { bytes: total + sumOf(old) },
      facets: [ALL],
    };
    const gone = old.map(({ value, version }): RecordWrite => ({
      ...change,
      kind: storedBytesChange.name,
      id: value.artifact_id,
      expectedVersion: version,
      body: undefined,
    }));
    // A conflict is somebody else's progress: read again.
    await store.write(tenantId, { ...NO_CHANGE, records: [folded, ...gone] });
  }
}

const sumOf = (changes: readonly { readonly value: { readonly bytes: number } }[]): number =>
  changes.reduce((sum, { value }) => sum + value.bytes, 0);

async function waitingUploads(
  deps: StorageUseDeps,
  tenantId: TenantId,
): Promise<{ readonly bytes: number; readonly count: number }> {
  const { items, total } = await deps.surface.list(tenantId, uploadKind, WAITING, { limit: MAX_WAITING_UPLOADS });
  const nowMs = deps.clock.now();
  const uploads = items.map(({ value }) => value);
  const unknown = uploads.filter((upload) => isOver(upload, nowMs)).slice(0, LOOK_UPS);
  const nothing = new Set(
    (await Promise.all(unknown.map(async (upload) => ((await settle(deps, tenantId, upload)) ? [] : [upload])))).flat(),
  );
  const bytes = uploads.reduce((sum, upload) => sum + (nothing.has(upload) ? 0 : upload.size_bytes), 0);
  return { bytes, count: total - nothing.size };
}

/** Whether it is time to look what came of an upload. */
function isOver({ expires_at, created_at, rest }: Upload, nowMs: number): boolean {
  if (nowMs > parseRfc3339(created_at) + CLEARED_AFTER_MS) return true;
  return rest === undefined && nowMs > parseRfc3339(expires_at) + LATE_MS;
}

/** Writes down what came of an upload whose time is over, and answers whether anything lies there. */
async function settle({ store, surface, objects, clock }: StorageUseDeps, tenantId: TenantId, { upload_id }: Upload) {
  const unit = new UnitOfWork(surface, tenantId, clock.now());
  const upload = await unit.get(uploadKind, upload_id);
  if (upload === undefined || upload.taken !== undefined) return false;
  const rest = (await objects.size(uploadPath(upload))) === undefined ? "nothing" : "bytes";
  if (rest !== upload.rest) {
    unit.put(uploadKind, upload_id, { ...upload, rest });
    // Taken in between, it is an artifact's, and the next reading sees that.
    await store.write(tenantId, { ...NO_CHANGE, records: unit.records });
  }
  return rest === "bytes";
}
