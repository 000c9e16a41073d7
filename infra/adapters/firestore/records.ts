import type { DocumentReference, DocumentSnapshot, Firestore, Timestamp } from "@google-cloud/firestore";
import * as z from "zod";

import type { TenantId } from "../../../shared/ids.ts";
import type { JsonObject } from "../../../shared/json.ts";
import type {
  RecordConflict,
  RecordRequirement,
  RecordWrite,
  StoredRecord,
} from "../../../shared/ports/execution-store.ts";
import type { Page, PageRequest } from "../../../shared/ports/paging.ts";
import { pageOf } from "../../../shared/ports/page-cursor.ts";
import { versionAfter } from "../../../shared/ports/record-version.ts";
import type { ChangeSet, WriteTimes } from "./change-set.ts";
import { EVERY_SHARD, type Layout, shardOf } from "./layout.ts";
import { createMemory } from "./memory.ts";
import { placeOf, readPlace } from "./places.ts";
import type { Reach } from "./reach.ts";

const RECORDS_REMEMBERED = 10_000;
/** By how much a requirement must prolong a record to be worth a write that others of the same record run into. */
const PROLONG_STEP_MS = 60_000;

const rowSchema = z.object({
  id: z.string(),
  version: z.int(),
  usable_until_ms: z.number().nullable(),
  place: z.string(),
  body: z.string(),
});

/** A record as it was at a time; version 0 where there is none. */
interface SeenRecord {
  readonly version: number;
  readonly updated: Timestamp | undefined;
}

export type SeenRecords = ReadonlyMap<string, SeenRecord>;

/** Versioned records and their listings. Tenant, kind and id name a record; `facets` holds `kind/facet` for each of its listings. */
export interface Records {
  /** The records that these writes are about; as remembered if that is what their writers saw, but not `again` after a lost race. */
  look(tenantId: TenantId, writes: readonly RecordWrite[], again: boolean): Promise<SeenRecords>;
  /** The first write whose record is not at the version that its writer saw. */
  conflict(tenantId: TenantId, writes: readonly RecordWrite[], seen: SeenRecords): RecordConflict | undefined;
  add(set: ChangeSet, tenantId: TenantId, writes: readonly RecordWrite[], seen: SeenRecords): void;
  applied(tenantId: TenantId, writes: readonly RecordWrite[], times: WriteTimes): void;
  /** Adds to `set` that the required record is there and usable, and prolongs it; false when it is not. */
  require(tenantId: TenantId, requirement: RecordRequirement): Promise<((set: ChangeSet) => void) | undefined>;
  read(tenantId: TenantId, kind: string, id: string): Promise<StoredRecord | undefined>;
  list(
    tenantId: TenantId,
    kind: string,
    facet: string,
    page: PageRequest,
  ): Promise<Page<StoredRecord> & { total: number }>;
}

export function createRecords(db: Firestore, layout: Layout, reach: Reach): Records {
  const memory = createMemory<SeenRecord>(RECORDS_REMEMBERED);
  const refOf = (tenantId: TenantId, { kind, id }: { readonly kind: string; readonly id: string }) =>
    layout.record(tenantId, kind, id);
  const keep = (snapshot: DocumentSnapshot): SeenRecord => {
    const seen = { version: z.int().catch(0).parse(snapshot.get("version")), updated: snapshot.updateTime };
    if (snapshot.exists) memory.set(snapshot.ref.path, seen);
    else memory.forget(snapshot.ref.path);
    return seen;
  };

  return {
    look: async (tenantId, writes, again) => {
      const seen = new Map<string, SeenRecord>();
      const unknown: DocumentReference[] = [];
      for (const write of writes) {
        const ref = refOf(tenantId, write);
        const known = memory.get(ref.path);
        // A record that is to be new is guarded by its creation.
        if (!again && write.expectedVersion === 0 && write.body !== undefined)
          seen.set(ref.path, { version: 0, updated: undefined });
        else if (!again && known?.version === write.expectedVersion) seen.set(ref.path, known);
        else unknown.push(ref);
      }
      if (unknown.length > 0) {
        const found = await reach.call(() => db.getAll(...unknown, { fieldMask: ["version"] }));
        for (const snapshot of found) seen.set(snapshot.ref.path, keep(snapshot));
      }
      return seen;
    },

    conflict: (tenantId, writes, seen) => {
      const stale = writes.find(
        (write) => (seen.get(refOf(tenantId, write).path)?.version ?? 0) !== write.expectedVersion,
      );
      return stale === undefined ? undefined : { outcome: "conflict", kind: stale.kind, id: stale.id };
    },

    add: (set, tenantId, writes, seen) => {
      for (const write of writes) {
        const ref = refOf(tenantId, write);
        const updated = seen.get(ref.path)?.updated;
        if (write.body === undefined) {
          if (updated !== undefined) set.remove(ref, updated);
          continue;
        }
        const row = {
          version: versionAfter(write),
          usable_until_ms: write.usableUntilMs ?? null,
          facets: [...new Set(write.facets)].map((facet) => listingOf(write.kind, facet)),
          body: JSON.stringify(write.body),
        };
        if (updated !== undefined) set.update(ref, row, updated);
        else set.create(ref, { ...row, ...identityOf(write) });
      }
    },

    applied: (tenantId, writes, times) => {
      for (const write of writes) {
        const { path } = refOf(tenantId, write);
        const updated = times.get(path);
        if (write.body === undefined || updated === undefined) memory.forget(path);
        else memory.set(path, { version: versionAfter(write), updated });
      }
    },

    require: async (tenantId, { kind, id, atMs, prolongToMs }) => {
      const ref = layout.record(tenantId, kind, id);
      const snapshot = await reach.call(() => ref.get());
      if (!snapshot.exists) return undefined;
      const { updated } = keep(snapshot);
      const { usable_until_ms } = rowSchema.parse(snapshot.data());
      if (updated === undefined || (usable_until_ms ?? Number.POSITIVE_INFINITY) <= atMs) return undefined;
      const prolongs = usable_until_ms !== null && prolongToMs - usable_until_ms >= PROLONG_STEP_MS;
      // Without a change it is a check only: it leaves the update time alone, so that those who require the same do not race.
      return (set) => {
        if (!set.has(ref)) set.update(ref, { usable_until_ms: prolongs ? prolongToMs : usable_until_ms }, updated);
      };
    },

    read: async (tenantId, kind, id) => {
      const snapshot = await reach.call(() => layout.record(tenantId, kind, id).get());
      keep(snapshot);
      return snapshot.exists ? storedRecord(snapshot) : undefined;
    },

    list: async (tenantId, kind, facet, page) => {
      const after = readPlace(page.cursor);
      const listed = layout
        .records(tenantId)
        .where("shard", "in", EVERY_SHARD)
        .where("facets", "array-contains", listingOf(kind, facet).toWellFormed())
        .orderBy("place", "desc");
      const ordered = listed.limit(page.limit + 1);
      const [total, found] = await Promise.all([
        reach.call(() => listed.count().get()),
        reach.call(() => (after === undefined ? ordered : ordered.startAfter(after)).get()),
      ]);
      for (const snapshot of found.docs) keep(snapshot);
      const items = pageOf(found.docs, page, storedRecord, (snapshot) => rowSchema.parse(snapshot.data()).place);
      return { ...items, total: total.data().count };
    },
  };
}

function listingOf(kind: string, facet: string): string {
  return `${encodeURIComponent(kind)}/${facet}`;
}

/** What never changes of a record: an update keeps its place in the listings. */
function identityOf({ kind, id, sortMs }: RecordWrite) {
  return { kind, id, place: placeOf(sortMs, 0, id), shard: shardOf(id) };
}

function storedRecord(snapshot: DocumentSnapshot): StoredRecord {
  const { id, version, usable_until_ms, body } = rowSchema.parse(snapshot.data());
  return { id, version, body: JSON.parse(body) as JsonObject, usableUntilMs: usable_until_ms ?? undefined };
}
