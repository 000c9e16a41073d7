import { countBytes } from "../artifacts/stored-bytes.ts";
import type { StorageQuota } from "../artifacts/storage-quota.ts";
import type { Clock } from "../clock.ts";
import { contentPath } from "../content-address.ts";
import { durationMs } from "../duration.ts";
import { RuntimeError } from "../errors.ts";
import type { Ids, TenantId } from "../ids.ts";
import { sha256 } from "../json.ts";
import { oneChunk } from "../one-chunk.ts";
import { GUEST_LIMITS } from "../ports/guest-limits.ts";
import { type ExecutionStore, NO_CHANGE } from "../ports/execution-store.ts";
import type { ObjectStore, ObjectTarget } from "../ports/object-store.ts";
import { everyPage } from "../ports/paging.ts";
import type { ModuleSource } from "../ports/wasm-runtime.ts";
import { ALL } from "../state/record-kind.ts";
import type { StateSurface } from "../state/state-surface.ts";
import { UnitOfWork } from "../state/unit-of-work.ts";
import { wasmError } from "../wasm-error.ts";
import { instanceKind, moduleFacet } from "./instance-record.ts";
import { moduleKind, type ModuleRecord } from "./module-record.ts";
import { rememberTenant } from "./module-tenants.ts";

const DIGEST = /^[0-9a-f]{64}$/;
const ATTEMPTS = 16;
const PAGE = 100;
/** How often the time of the last use is written again: instances that are made side by side do not wait for each other. */
const TOUCH_EVERY_MS = durationMs("10m");
/** No instance takes longer to be made than the hour that lies between this and the above. */
const RELEASE_AFTER_MS = durationMs("70m");

/**
 * A tenant's modules as they were uploaded, in the object store, once for each digest, and verified when read.
 *  M1  A module is kept while an instance names it, or may be about to: it was asked to be kept less than an hour ago.
 *  M2  It counts as stored from before its bytes are written until nothing points at them any more, by the commits that say so.
 *  M3  Bytes are removed only from a place that no record will name again: whoever is late removes nothing of others.
 */
export interface ModuleStore extends ModuleSource {
  /** Keeps a module that was admitted; returns its digest. Throws `policy.storage_exceeded` (429). */
  keep(tenantId: TenantId, module: Uint8Array): Promise<string>;
  /** Gives the module up if nothing needs it, and removes what was given up before. */
  release(tenantId: TenantId, digest: string): Promise<void>;
  /** `release` for each module of the tenant. */
  sweep(tenantId: TenantId): Promise<void>;
}

export interface ModuleStoreDeps {
  readonly store: Pick<ExecutionStore, "write">;
  readonly surface: StateSurface;
  readonly objects: Pick<ObjectStore, "read" | "size" | "write" | "delete">;
  readonly quota: Pick<StorageQuota, "expectRoom">;
  readonly clock: Clock;
  readonly ids: Pick<Ids, "materialization">;
}

/** The reading side, for whoever compiles modules. */
export function createModuleSource({
  surface,
  objects,
}: Pick<ModuleStoreDeps, "surface"> & { readonly objects: Pick<ObjectStore, "read" | "size"> }): ModuleSource {
  return {
    read: async (tenantId, digest) => {
      if (!DIGEST.test(digest)) return undefined;
      const place = (await surface.get(tenantId, moduleKind, digest))?.value.place;
      if (place === undefined) return undefined;
      const path = contentPath(targetOf(tenantId, place), digest);
      const sizeBytes = await objects.size(path);
      if (sizeBytes === undefined || sizeBytes > GUEST_LIMITS.moduleBytes) return undefined;
      try {
        return Buffer.concat(await Array.fromAsync(await objects.read(path)));
      } catch (error) {
        // Deleted in between.
        if (error instanceof RuntimeError && error.code === "object.not_found") return undefined;
        throw error;
      }
    },
  };
}

export function createModuleStore(deps: ModuleStoreDeps): ModuleStore {
  const { store, surface, objects, quota, clock, ids } = deps;

  /** Changes a module's record as `decide` says, until nobody was faster; gives it as it is then. */
  const change = async (
    tenantId: TenantId,
    digest: string,
    decide: (unit: UnitOfWork, before: ModuleRecord | undefined) => Promise<ModuleRecord | undefined>,
  ): Promise<ModuleRecord | undefined> => {
    for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
      const unit = new UnitOfWork(surface, tenantId, clock.now());
      const before = await unit.get(moduleKind, digest);
      const after = await decide(unit, before);
      if (after === before) return before;
      if (after === undefined) unit.delete(moduleKind, digest);
      else unit.put(moduleKind, digest, after);
      const { outcome } = await store.write(tenantId, { ...NO_CHANGE, records: unit.records });
      if (outcome === "written") return after;
    }
    throw wasmError("RESOURCE_EXHAUSTED", `The module ${digest} is being changed by many at once; try again.`, {
      reason: "contended",
    });
  };

  const isNamed = async (tenantId: TenantId, digest: string): Promise<boolean> =>
    (await surface.list(tenantId, instanceKind, moduleFacet(digest), { limit: 1 })).total > 0;

  const release: ModuleStore["release"] = async (tenantId, digest) => {
    const given = await change(tenantId, digest, async (unit, before) => {
      if (before?.place === undefined || clock.now() - before.used_ms < RELEASE_AFTER_MS) return before;
      // Looked for after the record was read: who named the module since then has touched the record, or had an hour.
      if (await isNamed(tenantId, digest)) return before;
      await countBytes(unit, ownerOf(digest), -before.size_bytes);
      const { place, ...rest } = before;
      return { ...rest, leaving: [...before.leaving, place] };
    });
    if (given === undefined || given.leaving.length === 0) return;
    await Promise.all(given.leaving.map((place) => objects.delete(contentPath(targetOf(tenantId, place), digest))));
    await change(tenantId, digest, (_, before) => {
      if (before === undefined) return Promise.resolve(undefined);
      const leaving = before.leaving.filter((place) => !given.leaving.includes(place));
      return Promise.resolve(before.place === undefined && leaving.length === 0 ? undefined : { ...before, leaving });
    });
  };

  return {
    ...createModuleSource(deps),

    keep: async (tenantId, module) => {
      const digest = sha256(module);
      const kept = await change(tenantId, digest, async (unit, before) => {
        const nowMs = clock.now();
        if (before?.place !== undefined)
          return nowMs - before.used_ms < TOUCH_EVERY_MS ? before : { ...before, used_ms: nowMs };
        await quota.expectRoom(tenantId, module.length);
        await rememberTenant(deps, tenantId);
        await countBytes(unit, ownerOf(digest), module.length);
        return {
          sha256: digest,
          size_bytes: module.length,
          place: ids.materialization(),
          used_ms: nowMs,
          leaving: before?.leaving ?? [],
        };
      });
      const target = targetOf(tenantId, kept?.place ?? "");
      // Whoever made the record may have been stopped before the bytes were there.
      if ((await objects.size(contentPath(target, digest))) === undefined)
        await objects.write(target, oneChunk(module));
      return digest;
    },

    release,

    sweep: async (tenantId) => {
      const pages = everyPage((cursor) => surface.list(tenantId, moduleKind, ALL, { limit: PAGE, cursor }));
      for await (const items of pages) for (const { value } of items) await release(tenantId, value.sha256);
    },
  };
}

function ownerOf(digest: string): string {
  return `wasm_module.${digest}`;
}

function targetOf(tenantId: TenantId, place: string): ObjectTarget {
  return { directory: `modules/${tenantId}/${place}`, extension: "wasm", contentType: "application/wasm" };
}
