import { createHash, randomUUID } from "node:crypto";
import { open, rename, rm } from "node:fs/promises";
import { join } from "node:path";

import { RuntimeError } from "../../../shared/errors.ts";
import type { ObjectStore } from "../../../shared/ports/object-store.ts";
import type { StoredTable } from "../../../shared/ports/table-engine.ts";
import { openCopiesFolder } from "./copies-folder.ts";
import { unavailable } from "./query-workers.ts";

/** What the copies may take together; on Cloud Run they are in memory. */
const MAX_COPIES_BYTES = 1_024 ** 3;

/**
 * Copies of objects in a folder that only this process can enter, for readers that need to move about in a file.
 *  T1  A copy takes its name only after its bytes were checked against their digest.
 *  T2  A copy is not removed while it is held; those that nobody holds go, the longest unused first, when room is needed.
 */
export interface TableFiles {
  /** The file with these bytes. Throws `tables.too_large` (422) when there can be no room for it. */
  hold(table: StoredTable): Promise<HeldFile>;
  /** Rejects when there can be no copies. */
  ping(): Promise<void>;
  close(): Promise<void>;
}

export interface HeldFile extends AsyncDisposable {
  readonly file: string;
}

interface Copy {
  readonly sizeBytes: number;
  readonly ready: Promise<string>;
  holders: number;
}

export function createTableFiles(objects: Pick<ObjectStore, "read">, maxBytes: number = MAX_COPIES_BYTES): TableFiles {
  /** By the object's path, the longest unused first. */
  const copies = new Map<string, Copy>();
  let opening: Promise<string> | undefined;
  let usedBytes = 0;

  const folder = (): Promise<string> =>
    (opening ??= openCopiesFolder().catch((error: unknown) => {
      opening = undefined;
      throw unavailable("there is no room for temporary files", error);
    }));

  /** Until what is there, and what is on its way, fits. */
  const makeRoom = async (wantedBytes: number): Promise<void> => {
    for (const [path, copy] of copies) {
      if (usedBytes <= maxBytes) return;
      if (copy.holders > 0) continue;
      copies.delete(path);
      usedBytes -= copy.sizeBytes;
      await copy.ready.then((file) => rm(file, { force: true })).catch(() => undefined);
    }
    if (usedBytes > maxBytes) throw tooLarge(wantedBytes, maxBytes);
  };

  const fetch = async ({ path, format }: StoredTable): Promise<string> => {
    const name = join(await folder(), `${createHash("sha256").update(path).digest("hex")}.${format}`);
    const part = `${name}.${randomUUID()}`;
    try {
      await writeFile(part, await objects.read(path));
      await rename(part, name);
    } catch (error) {
      await rm(part, { force: true }).catch(() => undefined);
      throw error instanceof RuntimeError ? error : unavailable("a temporary file cannot be written", error);
    }
    return name;
  };

  const copyOf = (table: StoredTable): Copy => {
    const known = copies.get(table.path);
    if (known !== undefined) {
      copies.delete(table.path);
      copies.set(table.path, known);
      known.holders += 1;
      return known;
    }
    // Nothing is awaited between the look and the entry: two who want the same share one copy.
    usedBytes += table.sizeBytes;
    const ready = makeRoom(table.sizeBytes).then(() => fetch(table));
    const copy: Copy = { sizeBytes: table.sizeBytes, ready, holders: 1 };
    copies.set(table.path, copy);
    return copy;
  };

  return {
    hold: async (table) => {
      const copy = copyOf(table);
      try {
        const file = await copy.ready;
        return {
          file,
          [Symbol.asyncDispose]: () => {
            copy.holders -= 1;
            return Promise.resolve();
          },
        };
      } catch (error) {
        copy.holders -= 1;
        if (copies.get(table.path) === copy) {
          copies.delete(table.path);
          usedBytes -= copy.sizeBytes;
        }
        throw error;
      }
    },
    ping: async () => void (await folder()),
    close: async () => {
      const made = await opening?.catch(() => undefined);
      if (made !== undefined) await rm(made, { recursive: true, force: true });
    },
  };
}

async function writeFile(place: string, source: AsyncIterable<Uint8Array>): Promise<void> {
  const file = await open(place, "wx", 0o600);
  try {
    for await (const chunk of source) await file.writeFile(chunk);
  } finally {
    await file.close();
  }
}

function tooLarge(sizeBytes: number, maxBytes: number): RuntimeError {
  return new RuntimeError(
    "tables.too_large",
    `The tables of the query are larger than one machine reads (${maxBytes} bytes); query them where they are stored.`,
    { status: 422, details: { size_bytes: sizeBytes, max_bytes: maxBytes } },
  );
}
