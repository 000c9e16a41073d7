import { createHash, randomUUID } from "node:crypto";
import { createReadStream } from "node:fs";
import { access, constants, mkdir, open, readdir, rename, rm, stat } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { pathToFileURL } from "node:url";

import { notFound, RuntimeError } from "../../../shared/errors.ts";
import type { ObjectStore } from "../../../shared/ports/object-store.ts";

/** An unfinished write that nobody has added to for so long was left by a process that died. */
const ABANDONED_AFTER_MS = 60 * 60 * 1_000;

/**
 * Objects as files below one folder.
 * A write goes to a file of its own, is flushed, and only then takes its name: a crash leaves either the object or nothing of it.
 */
export function createFileObjectStore(root: string): ObjectStore {
  let swept: Promise<void> | undefined;
  const base = resolve(root);
  const incoming = join(base, ".incoming");

  const locate = (path: string): string => {
    // Plain names only: "payloads/acme/../rival" stays below the base, and yet leaves its tenant.
    if (path.split(/[/\\]/).some((part) => part === "" || part === "." || part === "..")) {
      throw new RuntimeError("object.bad_path", "An object's path is made of plain names, each below the one before.");
    }
    return join(base, path);
  };

  /** Size in bytes of the file at a place; undefined when there is none. */
  const sizeAt = async (place: string): Promise<number | undefined> => {
    try {
      const found = await stat(place);
      return found.isFile() ? found.size : undefined;
    } catch (error) {
      if (isMissing(error)) return undefined;
      throw unavailable(error);
    }
  };

  return {
    storageType: "files",

    write: async ({ directory, extension }, source) => {
      const part = join(incoming, randomUUID());
      const digest = createHash("sha256");
      let sizeBytes = 0;
      try {
        await (swept ??= sweepIncoming(incoming).catch((error: unknown) => {
          // The folder may be back for the next write.
          swept = undefined;
          throw error;
        }));
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
        await syncFolder(dirname(locate(path)));
        return { path, sizeBytes, sha256 };
      } catch (error) {
        await rm(part, { force: true }).catch(() => undefined);
        throw unavailable(error);
      }
    },

    read: async (path) => {
      const place = locate(path);
      if ((await sizeAt(place)) === undefined) throw notFound("object", path);
      return createReadStream(place);
    },

    size: async (path) => sizeAt(locate(path)),

    delete: async (path) => {
      const place = locate(path);
      if ((await sizeAt(place)) !== undefined) await rm(place, { force: true });
    },

    uri: (path) => pathToFileURL(locate(path)).href,

    ping: async () => {
      await mkdir(base, { recursive: true });
      await access(base, constants.R_OK | constants.W_OK);
    },
  };
}

/** Makes the folder of unfinished writes, without what processes that died have left in it. */
async function sweepIncoming(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true });
  for (const name of await readdir(folder)) {
    const { mtimeMs } = await stat(join(folder, name));
    if (Date.now() - mtimeMs > ABANDONED_AFTER_MS) await rm(join(folder, name), { force: true });
  }
}

/** A name is on the disk only when its folder is. */
async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
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
