import { createHash } from "node:crypto";

import { IdempotencyStrategy, Storage } from "@google-cloud/storage";

import { contentPath, expectPlainPath, verifiedBytes } from "../../../shared/content-address.ts";
import { attachmentNamed } from "../../../shared/content-disposition.ts";
import { notFound, RuntimeError } from "../../../shared/errors.ts";
import type { ObjectStore } from "../../../shared/ports/object-store.ts";
import { answered } from "./outage.ts";
import { readObject } from "./read-object.ts";
import { copyNew, writeObject } from "./write-object.ts";

export interface GcsObjectStoreOptions {
  readonly bucket: string;
  readonly projectId: string;
  /** Another server than Google's, such as the local stand-in. */
  readonly apiEndpoint?: string | undefined;
}

const DELETED_AT_ONCE = 100;
const ABSENT = { status: 404, otherwise: undefined } as const;

/**
 * Objects in a bucket of Google's Cloud Storage; signed URLs lead there and not through this process. They are signed with
 * the environment's credentials: on Cloud Run, which has no key, by IAM's signBlob; elsewhere by the key file that
 * GOOGLE_APPLICATION_CREDENTIALS names.
 */
export function createGcsObjectStore(options: GcsObjectStoreOptions): ObjectStore {
  const storage = new Storage({
    projectId: options.projectId,
    ...(options.apiEndpoint === undefined ? {} : { apiEndpoint: options.apiEndpoint }),
    retryOptions: {
      maxRetries: 2,
      maxRetryDelay: 2,
      totalTimeout: 8,
      // Every request of this adapter may arrive twice: objects are named by their content and never changed.
      idempotencyStrategy: IdempotencyStrategy.RetryAlways,
    },
  });
  const bucket = storage.bucket(options.bucket);
  const fileAt = (path: string) => bucket.file(expectPlainPath(path));

  return {
    storageType: "gcs",
    served: undefined,

    write: async (target, source) => {
      expectPlainPath(target.directory);
      return writeObject(bucket, target, source);
    },

    read: async (path, range) => {
      const bytes = await readObject(storage, { bucket: options.bucket, path: expectPlainPath(path), range });
      return range === undefined ? verifiedBytes(path, bytes) : bytes;
    },

    size: async (path) => {
      const found = await answered(fileAt(path).getMetadata(), ABSENT);
      return found === undefined ? undefined : Number(found[0].size);
    },

    delete: async (path) => {
      await answered(fileAt(path).delete({ ignoreNotFound: true }));
    },

    deleteBelow: async (directory) => {
      const below = { prefix: `${expectPlainPath(directory)}/`, maxResults: DELETED_AT_ONCE, autoPaginate: false };
      for (;;) {
        const [found] = await answered(bucket.getFiles(below));
        await Promise.all(found.map((file) => answered(file.delete({ ignoreNotFound: true }))));
        if (found.length < DELETED_AT_ONCE) return;
      }
    },

    uri: (path) => `gs://${options.bucket}/${expectPlainPath(path).split("/").map(encodeURIComponent).join("/")}`,

    // With the rights to objects alone, which do not include reading the bucket itself.
    ping: async () => {
      await answered(bucket.getFiles({ maxResults: 1, autoPaginate: false }));
    },

    signUpload: async ({ path, contentType, sizeBytes, expiresMs }) => {
      // The store refuses other sizes, and a second upload.
      const headers = {
        "x-goog-content-length-range": `${sizeBytes},${sizeBytes}`,
        "x-goog-if-generation-match": "0",
      };
      const form = { version: "v4", action: "write", expires: expiresMs, contentType } as const;
      const [url] = await answered(fileAt(path).getSignedUrl({ ...form, extensionHeaders: headers }));
      return { url, method: "PUT", headers: { "content-type": contentType, ...headers } };
    },

    signDownload: async ({ path, contentType, filename, expiresMs }) => {
      const [url] = await answered(
        fileAt(path).getSignedUrl({
          version: "v4",
          action: "read",
          expires: expiresMs,
          responseType: contentType,
          responseDisposition: attachmentNamed(filename),
        }),
      );
      return url;
    },

    adopt: async (path, target) => {
      expectPlainPath(target.directory);
      const found = await answered(fileAt(path).getMetadata(), ABSENT);
      const generation = found?.[0].generation;
      if (generation === undefined) throw notFound("object", path);
      if (found?.[0].contentEncoding) {
        throw new RuntimeError("upload.encoded", "Send the file as it is, without a content-encoding.", {
          status: 422,
        });
      }
      // This very generation is read and copied, whatever comes under the same name meanwhile.
      const digest = createHash("sha256");
      let sizeBytes = 0;
      for await (const chunk of await readObject(storage, { bucket: options.bucket, path, generation })) {
        digest.update(chunk);
        sizeBytes += chunk.length;
      }
      const sha256 = digest.digest("hex");
      const adopted = contentPath(target, sha256);
      await copyNew(bucket.file(path, { generation }), bucket.file(adopted), target.contentType);
      return { path: adopted, sizeBytes, sha256 };
    },

    // Whatever generation is there: one that is refuses what the signed URL sends.
    spend: async (path) => {
      await answered(fileAt(path).save(Buffer.alloc(0), { resumable: false }));
    },
  };
}
