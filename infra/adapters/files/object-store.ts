import { createHash, randomUUID } from "node:crypto";
import { createReadStream } from "node:fs";
import { access, constants, mkdir, open, rename, rm, stat } from "node:fs/promises";
import { dirname, join, resolve, sep } from "node:path";
import { pathToFileURL } from "node:url";

import { notFound, RuntimeError } from "../../../shared/errors.ts";
import type { ObjectStore } from "../../../shared/ports/object-store.ts";

/**
 * Objects as files below one folder.
 * A write goes to a file of its own, is flushed, and only then takes its name: a crash leaves either the object or nothing of it.
 */
export function createFileObjectStore(root: string): ObjectStore {
  const base = resolve(root);
  const incoming = join(base, ".incoming");

  const locate = (path: string): string => {
    const place = resolve(base, path);
    if (!place.startsWith(base + sep)) throw new RuntimeError("object.bad_path", "An object's path leaves the store.");
    return place;
  };

  return {
    storageType: "files",

    write: async ({ directory, extension }, source) => {
      await mkdir(incoming, { recursive: true });
      const part = join(incoming, randomUUID());
      const digest = createHash("sha256");
      let sizeBytes = 0;
      try {
        const file = await open(part, "wx");
        try {
          for await (const chunk of source) {
            digest.update(chunk);
            sizeBytes += chunk.length;
            await file.writeFile(chunk);
          }
          await file.sync();
        } finally {
          await file.close();
        }
        const sha256 = digest.digest("hex");
        const path = `${directory}/${sha256}.${extension}`;
        await mkdir(dirname(locate(path)), { recursive: true });
        await rename(part, locate(path));
        return { path, sizeBytes, sha256 };
      } catch (error) {
        await rm(part, { force: true });
        throw unavailable(error);
      }
    },

    read: async (path) => {
      const place = locate(path);
      await stat(place).catch((error: unknown) => {
        throw isMissing(error) ? notFound("object", path) : unavailable(error);
      });
      return createReadStream(place);
    },

    size: async (path) => {
      try {
        return (await stat(locate(path))).size;
      } catch (error) {
        if (isMissing(error)) return undefined;
        throw unavailable(error);
      }
    },

    delete: async (path) => {
      await rm(locate(path), { force: true });
    },

    uri: (path) => pathToFileURL(locate(path)).href,

    ping: async () => {
      await mkdir(base, { recursive: true });
      await access(base, constants.R_OK | constants.W_OK);
    },
  };
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "ENOENT";
}

/** A full or broken disk is an outage; the source's own errors (a parser's, for one) pass through as they are. */
function unavailable(error: unknown): unknown {
  if (!(error instanceof Error) || !("syscall" in error)) return error;
  return new RuntimeError("object_store.unavailable", "The object store cannot be used right now; try again.", {
    status: 503,
    retryable: true,
    cause: error,
  });
}
