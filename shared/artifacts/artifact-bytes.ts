import { type Clock, rfc3339 } from "../clock.ts";
import { RuntimeError } from "../errors.ts";
import type { ArtifactId, Ids, TenantId } from "../ids.ts";
import type { ObjectStore, ObjectTarget, WrittenObject } from "../ports/object-store.ts";
import { type Artifact, artifactDirectory, type Materialization } from "./artifact.ts";
import type { StorageQuota } from "./storage-quota.ts";
import { type Upload, uploadPath } from "./upload.ts";

export interface BytesToKeep {
  readonly tenantId: TenantId;
  readonly artifactType: string;
  readonly artifactId: ArtifactId;
  /** The format of the bytes, and the extension of the object's name: `jsonl`, `csv`, `svg`. */
  readonly format: string;
  readonly contentType: string;
}

/** An artifact's bytes: written before any record points at them, and checked against their digest when read. */
export interface ArtifactBytes {
  /** Throws `policy.storage_exceeded` (429) when the tenant has no room for them; nothing is kept then. */
  keep(target: BytesToKeep, source: AsyncIterable<Uint8Array>): Promise<Materialization>;
  /**
   * Streams the bytes; they throw `object.damaged` at the end when they are not the ones that were kept. Throws
   * `artifact.damaged` for a record that names other bytes than it points at.
   */
  read(materialization: Materialization): Promise<AsyncIterable<Uint8Array>>;
  /** Removes all bytes of an artifact, which its record does not point at any more; doing it again is doing it once. */
  erase(tenantId: TenantId, artifact: Pick<Artifact, "artifact_id" | "artifact_type">): Promise<void>;
  /** Throws `upload.incomplete` (409) as long as the bytes of an upload have not arrived. */
  expectUploaded(upload: Upload): Promise<void>;
  /**
   * Keeps what was uploaded. Throws `upload.incomplete` (409), `upload.wrong_size` (422) when it is not what was announced, or
   * `policy.storage_exceeded` (429).
   */
  adopt(target: BytesToKeep, upload: Upload): Promise<Materialization>;
  /** Gives up the bytes of an upload that are kept elsewhere now, and its URL with them. */
  discardUpload(upload: Upload): Promise<void>;
}

export interface ArtifactBytesDeps {
  readonly objects: ObjectStore;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly quota: StorageQuota;
}

export function createArtifactBytes({ objects, clock, ids, quota }: ArtifactBytesDeps): ArtifactBytes {
  const materialized = (target: BytesToKeep, written: WrittenObject): Materialization => ({
    materialization_id: ids.materialization(),
    storage_type: objects.storageType,
    path: written.path,
    uri: objects.uri(written.path),
    format: target.format,
    content_type: target.contentType,
    sha256: written.sha256,
    size_bytes: written.sizeBytes,
    created_at: rfc3339(clock.now()),
  });

  const expectUploaded = async (upload: Upload): Promise<void> => {
    const sizeBytes = await objects.size(uploadPath(upload));
    // No upload is empty but one that another execution is just taking.
    if (sizeBytes === undefined || sizeBytes === 0) throw incomplete(upload);
    if (sizeBytes !== upload.size_bytes) {
      throw new RuntimeError(
        "upload.wrong_size",
        `The upload ${upload.upload_id} has ${sizeBytes} bytes; ${upload.size_bytes} were announced.`,
        { status: 422, details: { size_bytes: sizeBytes, announced_bytes: upload.size_bytes } },
      );
    }
  };

  return {
    expectUploaded,
    keep: async (target, source) =>
      materialized(target, await objects.write(placeOf(target), await quota.within(target.tenantId, source))),
    read: async (materialization) => {
      const { path, sha256, uri } = materialization;
      if (!path.includes(`/${sha256}.`)) {
        throw new RuntimeError("artifact.damaged", `The bytes at ${uri} are not the ones that were stored.`);
      }
      return objects.read(path);
    },
    adopt: async (target, upload) => {
      await expectUploaded(upload);
      // It counts already, since it was announced.
      await quota.expectRoom(target.tenantId, 0);
      // Another execution may take it in between.
      const adopted = await objects.adopt(uploadPath(upload), placeOf(target)).catch((error: unknown) => {
        throw error instanceof RuntimeError && error.code === "object.not_found" ? incomplete(upload) : error;
      });
      if (adopted.sizeBytes !== upload.size_bytes) throw incomplete(upload);
      return materialized(target, adopted);
    },
    discardUpload: (upload) => objects.spend(uploadPath(upload)),
    erase: (tenantId, artifact) => objects.deleteBelow(artifactDirectory(tenantId, artifact)),
  };
}

function incomplete({ upload_id }: Upload): RuntimeError {
  return new RuntimeError("upload.incomplete", `The bytes of the upload ${upload_id} have not arrived.`, {
    status: 409,
  });
}

function placeOf({ tenantId, artifactType, artifactId, format, contentType }: BytesToKeep): ObjectTarget {
  const directory = artifactDirectory(tenantId, { artifact_type: artifactType, artifact_id: artifactId });
  return { directory, extension: format, contentType };
}
