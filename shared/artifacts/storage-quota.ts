import { RuntimeError } from "../errors.ts";
import type { TenantId } from "../ids.ts";
import { MAX_WAITING_UPLOADS, type StorageUse } from "./storage-use.ts";

/**
 * How much may lie in the object store for a tenant. Work that is under way side by side does not see each other's bytes before they
 * are committed: the quota is exceeded by at most what that work keeps.
 * All throw `policy.storage_exceeded` (429, not retryable: time does not help), with the figures in `details`.
 */
export interface StorageQuota {
  expectRoom(tenantId: TenantId, bytes: number): Promise<void>;
  expectRoomForUpload(tenantId: TenantId, bytes: number): Promise<void>;
  /** The same bytes, which break off with the refusal where they are more than there is room for. */
  within(tenantId: TenantId, source: AsyncIterable<Uint8Array>): Promise<AsyncIterable<Uint8Array>>;
}

export interface StorageQuotaDeps {
  readonly use: (tenantId: TenantId) => Promise<StorageUse>;
  /** Undefined where nothing limits; nothing is read then. */
  readonly limitOf: (tenantId: TenantId) => number | undefined;
}

export function createStorageQuota({ use, limitOf }: StorageQuotaDeps): StorageQuota {
  const expectRoom = async (tenantId: TenantId, bytes: number): Promise<void> => {
    const limit = limitOf(tenantId);
    if (limit === undefined) return;
    const { bytes: stored } = await use(tenantId);
    if (stored + bytes > limit) throw exceeded(limit, stored, bytes);
  };

  return {
    expectRoom,
    expectRoomForUpload: async (tenantId, bytes) => {
      const limit = limitOf(tenantId);
      if (limit === undefined) return;
      const { bytes: stored, uploads } = await use(tenantId);
      if (stored + bytes > limit) throw exceeded(limit, stored, bytes);
      if (uploads >= MAX_WAITING_UPLOADS) throw tooManyUploads(uploads);
    },
    within: async (tenantId, source) => {
      const limit = limitOf(tenantId);
      if (limit === undefined) return source;
      const { bytes: stored } = await use(tenantId);
      if (stored >= limit) throw exceeded(limit, stored, 1);
      return upTo(source, limit, stored);
    },
  };
}

async function* upTo(source: AsyncIterable<Uint8Array>, limit: number, stored: number): AsyncGenerator<Uint8Array> {
  let bytes = 0;
  for await (const chunk of source) {
    bytes += chunk.length;
    if (stored + bytes > limit) throw exceeded(limit, stored, bytes);
    yield chunk;
  }
}

function exceeded(limit: number, stored: number, needed: number): RuntimeError {
  return new RuntimeError(
    "policy.storage_exceeded",
    `This tenant may store ${limit} bytes; it stores ${stored}, and this takes at least ${needed} more. ` +
      "Purge files that are not needed (content.delete_file), or have QUOTA_STORED_BYTES raised.",
    { status: 429, details: { policy: "stored_bytes", limit, stored_bytes: stored, needed_bytes: needed } },
  );
}

function tooManyUploads(uploads: number): RuntimeError {
  return new RuntimeError(
    "policy.storage_exceeded",
    `${uploads} uploads wait to be ingested, which is all that may; ingest them, or let them lapse, which takes two hours.`,
    { status: 429, details: { policy: "waiting_uploads", limit: MAX_WAITING_UPLOADS, waiting_uploads: uploads } },
  );
}
