import { createHash, randomUUID } from "node:crypto";
import { link, mkdir, open, readdir, rename, rm, stat } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";

import { expectPlainPath } from "../../../shared/content-address.ts";
import { RuntimeError } from "../../../shared/errors.ts";

const HOUR_MS = 60 * 60 * 1_000;
/** An unfinished write that nobody has added to for so long was left by a process that died. */
const UNFINISHED_AFTER_MS = HOUR_MS;
/** An upload that nobody has taken in for so long is not going to be. */
const FORGOTTEN_AFTER_MS = 7 * 24 * HOUR_MS;

export interface ReceivedFile {
  /** A file of its own that has no name yet as an object. */
  readonly part: string;
  readonly sizeBytes: number;
  readonly sha256: string;
}

/**
 * Files below one folder, each whole or absent.
 * Bytes go to a file of their own, are flushed, and only then take their name: a crash leaves either the object or nothing of it.
 */
export interface ObjectFiles {
  readonly root: string;
  /** Where the file of an object is. Throws `object.bad_path` for a path that leads elsewhere. */
  locate(path: string): string;
  /** Size in bytes of the file at a place; undefined when there is none. */
  sizeAt(place: string): Promise<number | undefined>;
  /** Writes the bytes to a part; the source's own errors come through as they are, and leave nothing. */
  receive(source: AsyncIterable<Uint8Array>): Promise<ReceivedFile>;
  /** Another name for the bytes at a place, as a part. */
  share(place: string): Promise<string>;
  /** Gives a part its name, in place of what had it. */
  publish(part: string, place: string): Promise<void>;
  /** Gives a part its name, unless another has it. */
  publishNew(part: string, place: string): Promise<"published" | "taken">;
  discard(part: string): Promise<void>;
}

export function createObjectFiles(folder: string): ObjectFiles {
  const root = resolve(folder);
  const incoming = join(root, ".incoming");
  let swept: Promise<void> | undefined;

  /** A new name for a part; the first one of this process also clears away what others have left. */
  const newPart = async (): Promise<string> => {
    await mkdir(incoming, { recursive: true });
    swept ??= sweep(incoming, UNFINISHED_AFTER_MS)
      .then(() => sweep(join(root, "uploads"), FORGOTTEN_AFTER_MS))
      .catch((error: unknown) => {
        swept = undefined;
        throw error;
      });
    await swept;
    return join(incoming, randomUUID());
  };

  /** Folders below the root's own whose names are known to be on the disk. */
  const onDisk = new Set<string>();
  const makeFolder = async (wanted: string): Promise<void> => {
    const made = await mkdir(wanted, { recursive: true });
    if (made !== undefined) onDisk.clear();
    // One that is there may have been made by somebody else a moment ago.
    for (let each = wanted; each !== dirname(root) && !onDisk.has(each); each = dirname(each)) {
      await syncFolder(dirname(each));
      onDisk.add(each);
    }
  };

  const discard = async (part: string): Promise<void> => rm(part, { force: true }).catch(() => undefined);

  return {
    root,
    discard,

    locate: (path) => join(root, expectPlainPath(path)),

    sizeAt: async (place) => {
      try {
        const found = await stat(place);
        return found.isFile() ? found.size : undefined;
      } catch (error) {
        if (isMissing(error)) return undefined;
        throw unavailable(error);
      }
    },

    receive: async (source) => {
      const part = await newPart();
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
      } catch (error) {
        await discard(part);
        throw error;
      }
      return { part, sizeBytes, sha256: digest.digest("hex") };
    },

    share: async (place) => {
      const part = await newPart();
      await link(place, part);
      return part;
    },

    publish: async (part, place) => {
      await makeFolder(dirname(place));
      await rename(part, place);
      await syncFolder(dirname(place));
      // Renaming one name of a file to another of its names changes nothing (POSIX): the part is still there.
      await discard(part);
    },

    publishNew: async (part, place) => {
      await makeFolder(dirname(place));
      try {
        await link(part, place);
        await syncFolder(dirname(place));
        return "published";
      } catch (error) {
        if (hasCode(error, "EEXIST")) return "taken";
        throw error;
      } finally {
        await discard(part);
      }
    },
  };
}

/** A full or broken disk is an outage; errors that are not the disk's pass through as they are. */
export function unavailable(error: unknown): unknown {
  if (!(error instanceof Error) || !("syscall" in error)) return error;
  return new RuntimeError("object_store.unavailable", "The object store cannot be used right now; try again.", {
    status: 503,
    retryable: true,
    cause: error,
  });
}

export function isMissing(error: unknown): boolean {
  return hasCode(error, "ENOENT");
}

export function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && "code" in error && error.code === code;
}

/** Removes the files of a folder that were not written to for so long. */
async function sweep(folder: string, olderThanMs: number): Promise<void> {
  const found = await readdir(folder, { recursive: true, withFileTypes: true }).catch((error: unknown) => {
    if (isMissing(error)) return [];
    throw error;
  });
  for (const item of found.filter((entry) => entry.isFile())) {
    const place = join(item.parentPath, item.name);
    const written = await stat(place).catch(() => undefined);
    if (written !== undefined && Date.now() - written.mtimeMs > olderThanMs) await rm(place, { force: true });
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
