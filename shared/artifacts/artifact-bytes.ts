import { createHash } from "node:crypto";

import { type Clock, rfc3339 } from "../clock.ts";
import { RuntimeError } from "../errors.ts";
import type { ArtifactId, Ids, TenantId } from "../ids.ts";
import type { ObjectStore } from "../ports/object-store.ts";
import type { Materialization } from "./artifact.ts";

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
  keep(target: BytesToKeep, source: AsyncIterable<Uint8Array>): Promise<Materialization>;
  /** Streams the bytes and throws `artifact.damaged` at the end when they are not the ones that were kept. */
  read(materialization: Materialization): Promise<AsyncIterable<Uint8Array>>;
}

export interface ArtifactBytesDeps {
  readonly objects: ObjectStore;
  readonly clock: Clock;
  readonly ids: Ids;
}

export function createArtifactBytes({ objects, clock, ids }: ArtifactBytesDeps): ArtifactBytes {
  return {
    keep: async (target, source) => {
      const directory = `artifacts/${target.tenantId}/${target.artifactType}/${target.artifactId}`;
      const written = await objects.write(
        { directory, extension: target.format, contentType: target.contentType },
        source,
      );
      return {
        materialization_id: ids.materialization(),
        storage_type: objects.storageType,
        path: written.path,
        uri: objects.uri(written.path),
        format: target.format,
        content_type: target.contentType,
        sha256: written.sha256,
        size_bytes: written.sizeBytes,
        created_at: rfc3339(clock.now()),
      };
    },
    read: async (materialization) => verified(await objects.read(materialization.path), materialization),
  };
}

async function* verified(source: AsyncIterable<Uint8Array>, kept: Materialization): AsyncIterable<Uint8Array> {
  const digest = createHash("sha256");
  for await (const chunk of source) {
    digest.update(chunk);
    yield chunk;
  }
  if (digest.digest("hex") !== kept.sha256) {
    throw new RuntimeError("artifact.damaged", `The bytes at ${kept.uri} are not the ones that were stored.`);
  }
}
