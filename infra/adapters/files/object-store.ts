import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { access, constants, mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

import { contentPath, verifiedBytes } from "../../../shared/content-address.ts";
import { notFound } from "../../../shared/errors.ts";
import type { ByteRange, ObjectStore } from "../../../shared/ports/object-store.ts";
import { createObjectFiles, unavailable } from "./object-files.ts";
import { createServedFiles } from "./served-objects.ts";
import { createSignedPaths } from "./signed-paths.ts";

/** Below this path of the server the signed URLs lead to files. */
const SERVED_ROOT = "/objects/";

/** Objects as files below one folder; signed URLs lead to this server, which carries their bytes. */
export function createFileObjectStore(root: string): ObjectStore {
  const files = createObjectFiles(root);
  const paths = createSignedPaths(SERVED_ROOT, join(files.root, ".signing-key"));

  const guarded = async <Result>(work: () => Promise<Result>): Promise<Result> => {
    try {
      return await work();
    } catch (error) {
      throw unavailable(error);
    }
  };
  const presentAt = async (path: string): Promise<string> => {
    const place = files.locate(path);
    if ((await files.sizeAt(place)) === undefined) throw notFound("object", path);
    return place;
  };

  return {
    storageType: "files",
    served: createServedFiles({ root: SERVED_ROOT, files, paths }),

    write: (target, source) =>
      guarded(async () => {
        const { part, sizeBytes, sha256 } = await files.receive(source);
        const path = contentPath(target, sha256);
        try {
          await files.publish(part, files.locate(path));
        } finally {
          await files.discard(part);
        }
        return { path, sizeBytes, sha256 };
      }),

    read: async (path, range) => {
      const bytes = chunksAt(await presentAt(path), range);
      return range === undefined ? verifiedBytes(path, bytes) : bytes;
    },

    size: async (path) => files.sizeAt(files.locate(path)),

    delete: async (path) => {
      const place = files.locate(path);
      if ((await files.sizeAt(place)) !== undefined) await guarded(() => rm(place, { force: true }));
    },

    deleteBelow: (directory) => guarded(() => rm(files.locate(directory), { recursive: true, force: true })),

    uri: (path) => pathToFileURL(files.locate(path)).href,

    ping: () =>
      guarded(async () => {
        await mkdir(files.root, { recursive: true });
        await access(files.root, constants.R_OK | constants.W_OK);
      }),

    signUpload: (upload) =>
      guarded(async () => ({
        url: await paths.sign({ method: "PUT", ...upload }),
        method: "PUT",
        headers: { "content-type": upload.contentType },
      })),

    signDownload: (download) => guarded(() => paths.sign({ method: "GET", ...download })),

    adopt: (path, target) =>
      guarded(async () => {
        const place = await presentAt(path);
        const digest = createHash("sha256");
        let sizeBytes = 0;
        for await (const chunk of chunksAt(place)) {
          digest.update(chunk);
          sizeBytes += chunk.length;
        }
        const sha256 = digest.digest("hex");
        const adopted = contentPath(target, sha256);
        await files.publish(await files.share(place), files.locate(adopted));
        return { path: adopted, sizeBytes, sha256 };
      }),

    spend: (path) =>
      guarded(async () => {
        const place = files.locate(path);
        const { part } = await files.receive(nothing());
        try {
          await files.publish(part, place);
        } finally {
          await files.discard(part);
        }
      }),
  };
}

async function* nothing(): AsyncIterable<Uint8Array> {}

async function* chunksAt(place: string, range?: ByteRange): AsyncGenerator<Uint8Array> {
  try {
    yield* createReadStream(place, range === undefined ? {} : { start: range.first, end: range.last });
  } catch (error) {
    throw unavailable(error);
  }
}
