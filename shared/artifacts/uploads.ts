import { type Clock, rfc3339 } from "../clock.ts";
import { durationMs } from "../duration.ts";
import { RuntimeError } from "../errors.ts";
import type { Ids, TenantId } from "../ids.ts";
import { type ExecutionStore, NO_CHANGE } from "../ports/execution-store.ts";
import type { ObjectStore, SignedRequest } from "../ports/object-store.ts";
import type { StateSurface } from "../state/state-surface.ts";
import { UnitOfWork } from "../state/unit-of-work.ts";
import type { StorageQuota } from "./storage-quota.ts";
import { type Upload, uploadKind, uploadPath } from "./upload.ts";

/** A gigabyte in this time needs 300 KB a second. */
const UPLOAD_LIFETIME_MS = durationMs("1h");

export interface NewUpload {
  readonly tenantId: TenantId;
  readonly userId: string | undefined;
  readonly filename: string;
  readonly contentType: string;
  readonly sizeBytes: number;
}

/** Large files on their way in: their bytes go from the caller to the object store and never through an intent. */
export interface Uploads {
  /** Gives leave to send one file within an hour. Throws `policy.storage_exceeded` (429) when there is no room for it. */
  open(draft: NewUpload): Promise<{ readonly upload: Upload; readonly request: SignedRequest }>;
}

export interface UploadsDeps {
  readonly store: ExecutionStore;
  readonly surface: StateSurface;
  readonly objects: ObjectStore;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly quota: StorageQuota;
}

export function createUploads({ store, surface, objects, clock, ids, quota }: UploadsDeps): Uploads {
  return {
    open: async ({ tenantId, userId, filename, contentType, sizeBytes }) => {
      await quota.expectRoomForUpload(tenantId, sizeBytes);
      const nowMs = clock.now();
      const expiresMs = nowMs + UPLOAD_LIFETIME_MS;
      const upload: Upload = {
        upload_id: ids.upload(),
        tenant_id: tenantId,
        ...(userId === undefined ? {} : { user_id: userId }),
        filename,
        content_type: contentType,
        size_bytes: sizeBytes,
        created_at: rfc3339(nowMs),
        expires_at: rfc3339(expiresMs),
      };
      const request = await objects.signUpload({ path: uploadPath(upload), contentType, sizeBytes, expiresMs });
      const unit = new UnitOfWork(surface, tenantId, nowMs);
      unit.put(uploadKind, upload.upload_id, upload);
      const { outcome } = await store.write(tenantId, { ...NO_CHANGE, records: unit.records });
      if (outcome !== "written") {
        // Only a repeated id can conflict here.
        throw new RuntimeError("upload.not_opened", `The upload ${upload.upload_id} exists already.`, { status: 409 });
      }
      return { upload, request };
    },
  };
}
